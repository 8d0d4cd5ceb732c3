# frozen_string_literal: true

require "support/simulated_world"

# What is sent between the element and the peers of a world, and over which connections.
RSpec.describe OverSIP::Engine::World, "and its network" do
  include SimulatedWorld

  let(:listeners) { [[:udp, "10.0.0.1", 5060], [:tcp, "10.0.0.1", 5060]] }
  let(:element) { "10.0.0.1:5060" }

  def route_by(transport, host = "10.0.2.1")
    allow(OverSIP::SipEvents).to receive(:on_request) do |request|
      OverSIP::SIP::Proxy.new.route(request, host, 5060, transport)
    end
  end

  # A world with Alice, whose INVITE has been sent to the element by UDP.
  def with_invite
    in_world(listeners:) do |world|
      alice = world.add_peer("alice", :udp, "10.0.1.1:5060")
      world.send_bytes(alice, request, element)
      yield world, alice
    end
  end

  def statuses(world)
    world.entries(0).filter_map { |entry| entry.last[%r{\ASIP/2.0 (\d+)}, 1] }.uniq
  end

  it "names who gets a message, and nobody where nobody listens" do
    route_by(:udp)
    with_invite do |world|
      run(world, 0)
      expect(world.entries(0).map { |entry| entry[1..2] }).to contain_exactly(%w[alice oversip], %w[oversip alice], ["oversip", nil])
      expect(world.entries(3)).to eq([])
    end
  end

  it "says that a closed port refuses a datagram" do
    route_by(:udp)
    with_invite do |world|
      world.add_peer("gateway", :udp, "10.0.2.1:5070")
      run(world, 0)
      expect(world.entries(0).map { |entry| entry.values_at(2, 6) }).to include([nil, :refused])
    end
  end

  it "lists the connections that the element opens, and what came of them" do
    route_by(:tcp)
    with_invite do |world|
      run(world, 0)
      expect(world.openings(0)).to eq([[0.0, nil, :tcp, "10.0.2.1:5060", :opening]])
      run(world)
      expect(world.openings(0).first.last).to eq(:timed_out)
      expect(world.openings(1)).to eq([])
    end
  end

  it "carries messages over a connection that the element opens, and breaks it" do
    route_by(:tcp)
    with_invite do |world|
      target = world.add_peer("target", :tcp, "10.0.2.1:5060")
      up, message = run(world, 0).select { |event| event[1] == target }
      remote = up.last
      expect(up).to eq([:connection_up, target, remote])
      expect(message[0..4]).to eq([:message, target, :tcp, remote, "10.0.2.1:5060"])
      expect(world.openings(0)).to eq([[0.0, "target", :tcp, "10.0.2.1:5060", :up]])
      expect(world.disconnect(target, remote)).to be(true)
      expect(run(world, 0)).to include([:connection_ended, target, remote])
      expect(world.disconnect(target, remote)).to be(false)
      run(world)
      expect(statuses(world).last).to match(/\A5|\A408/)
    end
  end

  # A refused target is on the blacklist for a while.
  it "has listeners refuse, and takes that back" do
    route_by(:tcp)
    with_invite do |world, alice|
      world.add_peer("target", :tcp, "10.0.2.1:5060")
      world.cut_off("10.0.2.1:5060", :refused)
      run(world, 1)
      expect(world.openings(0).map(&:last)).to eq([:refused])
      world.restore("10.0.2.1:5060")
      run(world, 1_000)
      world.send_bytes(alice, request(branch: "z9hG4bK2"), element)
      run(world, 1_001)
      expect(world.openings(1).map(&:last)).to eq([:up])
    end
  end

  it "lets a peer connect, send pieces of a message, and end its side" do
    allow(OverSIP::SipEvents).to receive(:on_request) { |request| request.reply(200) }
    in_world(listeners:) do |world|
      alice = world.add_peer("alice", :tcp, "10.0.1.1:5060")
      world.connect(alice, element)
      expect(run(world, 0)).to eq([[:connection_up, alice, element]])
      text = request(method: "OPTIONS", via: "TCP 10.0.1.1:5060")
      [text[..20], text[21..]].each { |part| world.send_bytes(alice, part, element) }
      world.finish(alice, element)
      told = run(world)
      expect(told.first.last).to start_with("SIP/2.0 200")
      expect(told.last).to eq([:connection_ended, alice, element])
    end
  end

  it "holds up what is sent over a stalled connection until it is no more" do
    route_by(:tcp)
    with_invite do |world|
      target = world.add_peer("target", :tcp, "10.0.2.1:5060")
      message = run(world, 0).last
      world.stall(target, message[3])
      world.send_bytes(target, answer(message.last, 486), message[3])
      run(world, 10)
      expect(statuses(world)).to eq(["100"])
      world.unstall(target, message[3])
      run(world, 12)
      expect(statuses(world)).to include("486")
      expect(world.stall(target, "10.0.9.9:1")).to be(false)
    end
  end

  it "loses, repeats and delays what it is told to" do
    route_by(:udp)
    with_invite do |world|
      world.add_peer("target", :udp, "10.0.2.1:5060")
      world.set_conditions({ loss: 1000 }, "10.0.0.1", "10.0.2.1")
      run(world, 0)
      expect(world.entries(0).find { |entry| entry[2] == "target" }[6]).to eq(:lost)
      world.set_conditions({ repetition: 1000, delay: 0.125 }, "10.0.0.1", "10.0.2.1")
      told = run(world, 0.75)
      expect(world.entries(3).find { |entry| entry[2] == "target" }[6]).to eq(:repeated)
      expect(told.count { |event| event[1] == 1 }).to eq(2)
    end
  end

  it "hands a peer the bytes as they were sent, no SIP included" do
    in_world(listeners:) do |world|
      alice = world.add_peer("alice", :udp, "10.0.1.1:5060")
      bob = world.add_peer("bob", :udp, "10.0.2.1:5060")
      world.send_bytes(alice, "no SIP \xFF".b, "10.0.2.1:5060")
      expect(run(world)).to eq([[:message, bob, :udp, "10.0.1.1:5060", "10.0.2.1:5060", "no SIP \xFF".b]])
    end
  end
end
