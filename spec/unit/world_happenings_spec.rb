# frozen_string_literal: true

require "support/simulated_world"

# What the element of a world does that no message shows.
RSpec.describe OverSIP::Engine::World, "and what happens in its element" do
  include SimulatedWorld

  let(:listeners) { [[:udp, "10.0.0.1", 5060], [:tcp, "10.0.0.1", 5060]] }
  let(:first) { "10.0.2.1:5060" }

  def route(transport: nil)
    allow(OverSIP::SipEvents).to receive(:on_request) do |request|
      proxy = OverSIP::SIP::Proxy.new
      transport ? proxy.route(request, "10.0.2.1", 5060, transport) : proxy.route(request)
    end
  end

  # A world in which Alice's request has been sent, and all that happens in it.
  def happenings(method: "INVITE", until: nil)
    in_world(listeners:) do |world|
      alice = world.add_peer("alice", :udp, "10.0.1.1:5060")
      yield world
      world.send_bytes(alice, request(method:), "10.0.0.1:5060")
      run(world, binding.local_variable_get(:until))
      world.happenings(0)
    end
  end

  def of(kind, happenings)
    happenings.select { |happening| happening[1] == kind }.map { |at, _, details| [at, details] }
  end

  it "names the targets that were tried, and how each attempt has ended" do
    route
    seen = happenings do |world|
      world.add_record("b.example", :a, "10.0.2.1")
      world.add_record("b.example", :a, "10.0.2.2")
      world.add_peer("second", :udp, "10.0.2.2:5060")
    end
    tried = of(:attempt, seen)
    expect(tried.map { |_, details| details[:target] }).to contain_exactly("udp:10.0.2.1:5060", "udp:10.0.2.2:5060")
    expect(tried.first).to match([0.0, a_hash_including(method: :INVITE, call_id: "c-z9hG4bK1", branch: start_with("z9hG4bK"))])
    ended = of(:attempt_ended, seen)
    expect(ended.map { |at, details| [at, details[:outcome], details[:status]] }).to eq([[32.0, :timeout, nil], [64.0, :timeout, nil]])
    expect(seen).to all(be_frozen)
  end

  it "says what names were asked for and what they lead to" do
    route
    seen = happenings(until: 0) do |world|
      world.add_record("_sip._udp.b.example", :srv, 2, 0, 5080, "gw.b.example")
      world.add_record("_sip._udp.b.example", :srv, 1, 0, 5070, "gw.b.example")
      world.add_record("gw.b.example", :a, "10.0.2.1")
    end
    expect(of(:resolved, seen)).to match([[0.0, { asked: { scheme: "sip", host: "b.example", port: nil, transport: nil }, call_id: "c-z9hG4bK1",
                                                  targets: ["udp:10.0.2.1:5070", "udp:10.0.2.1:5080"] }]])
  end

  it "says that names lead nowhere" do
    route
    expect(of(:resolved, happenings { nil }).map { |_, details| details[:targets] }).to eq([[]])
  end

  it "tells of the timers that fire" do
    route(transport: :udp)
    timers = of(:timer, happenings { |world| world.add_peer("bob", :udp, first) })
    named = timers.map { |at, details| [at, details[:name], details[:method]] }
    expect(named).to include([0.5, "A", :INVITE], [1.5, "A", :INVITE], [32.0, "B", :INVITE], [32.5, "G", :INVITE], [64.0, "H", :INVITE])
    own = timers.find { |_, details| details[:name] == "G" }.last
    expect(own[:branch]).to eq("z9hG4bK1")
  end

  it "tells of connections and of targets that are put on the blacklist" do
    route(transport: :tcp)
    listed = nil
    seen = happenings(until: 1) do |world|
      world.add_peer("bob", :tcp, first)
      world.cut_off(first, :refused)
      OverSIP.schedule(after: 0.5) { listed = world.blacklist }
    end
    expect(of(:attempt_ended, seen).map { |_, details| details[:outcome] }).to eq([:connection_error])
    expect(of(:flow_closed, seen)).to eq([[0.0, { peer: "tcp:10.0.2.1:5060" }]])
    expect(of(:blacklisted, seen)).to eq([[0.0, { target: "tcp:10.0.2.1:5060" }]])
    expect(listed).to eq(["tcp:10.0.2.1:5060"])
  end

  it "tells of a connection that comes up" do
    route(transport: :tcp)
    seen = happenings(until: 1) { |world| world.add_peer("bob", :tcp, first) }
    expect(of(:flow_opened, seen)).to match([[0.0, { peer: "tcp:10.0.2.1:5060", local: start_with("10.0.0.1:"), inbound: false }]])
  end

  it "says what a target has answered, and hands out what is new alone" do
    route(transport: :udp)
    in_world(listeners:) do |world|
      alice = world.add_peer("alice", :udp, "10.0.1.1:5060")
      bob = world.add_peer("bob", :udp, first)
      world.send_bytes(alice, request(method: "OPTIONS"), "10.0.0.1:5060")
      message = run(world, 0).find { |event| event[1] == bob }
      known = world.happenings(0).size
      world.send_bytes(bob, answer(message.last, 486), message[3])
      run(world, 0)
      expect(of(:attempt_ended, world.happenings(known))).to match([[0.0, a_hash_including(outcome: :answered, status: 486)]])
    end
  end
end
