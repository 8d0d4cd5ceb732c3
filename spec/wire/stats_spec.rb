# frozen_string_literal: true

# What OverSIP.stats tells an operator, and that docs/configuration.md explains all of it.
RSpec.describe "OverSIP.stats", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:gate) { Thread::Queue.new }
  let!(:entered) { mailbox }

  def stats
    OverSIP.stats
  end

  it "has the keys that docs/configuration.md explains, nested ones with their parent" do
    start_oversip { nil }
    keys = stats.flat_map { |key, value| value.is_a?(Hash) ? value.keys.map { |inner| "#{key}.#{inner}" } : key.to_s }
    guide = File.read(File.expand_path("../../docs/configuration.md", __dir__))
    section = guide[/^## Numbers.*?(?=^## |\z)/m]
    expect(section.scan(/^\| `([\w.]+)` \|/).flatten).to match_array(keys)
  end

  it "counts requests refused since too many wait for the script" do
    start_oversip(configuration: { core: { max_queued_requests: 1 } }) do
      entered << true
      gate.pop
    end
    call_from(alice, :OPTIONS) and entered.pop
    call_from(alice, :OPTIONS)
    call_from(bob, :OPTIONS)
    expect(bob.receive.status).to eq(503)
    expect(stats[:rejected]).to include(queued_requests: 1, transactions: 0)
    gate.close
  end

  it "counts requests refused since there are too many transactions" do
    start_oversip(configuration: { core: { max_transactions: 1 } }) { |request| request.create_transaction and entered << true }
    call_from(alice) and entered.pop
    call_from(bob)
    expect(bob.receive.status).to eq(503)
    expect(stats[:rejected]).to include(queued_requests: 0, transactions: 1)
  end

  it "counts loops and malformed messages" do
    start_relay_to(bob)
    call_from(alice)
    bob.send_text(bob.receive.text, oversip_port)
    expect(bob.receive.status).to eq(482)
    alice.send_text(alice.build(:OPTIONS, "sip:b.example", headers: { "Content-Length" => "9" }), oversip_port)
    expect(alice.receive_final.status).to eq(400)
    expect(stats[:rejected]).to include(loop: 1, malformed: 1)
  end

  it "counts responses that belong to nothing" do
    start_relay_to(bob)
    call_from(alice)
    answer = bob.response(bob.receive, 200).sub(/branch=[^;\r]+/, "branch=z9hG4bKnobody")
    bob.send_text(answer, oversip_port)
    engine_caught_up
    expect(stats[:dropped]).to include(unmatched_responses: 1)
  end

  it "counts what is bounded only by other things: requests, Clients, timers, kept ACKs" do
    start_relay_to(bob)
    uac = OverSIP::SIP::Uac.new
    uac.on_success_response { |response| uac.ack(response) and entered << true }
    OverSIP::Testing.freeze
    before = stats.slice(:requests, :clients, :timers, :kept_acks)
    call_from(alice)
    bob.receive
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:#{bob.address}" }))
    bob.answer(bob.receive, 200)
    entered.pop
    expect(bob.receive.method_name).to eq("ACK")
    expect(stats[:requests]).to eq(before[:requests] + 1)
    # The Proxy, the Uac and the Client of the ACK, as far as that has not gone.
    expect(stats[:clients]).to be_between(before[:clients] + 2, before[:clients] + 3)
    expect(stats[:timers]).to be > before[:timers] + 1
    expect(stats[:kept_acks]).to eq(before[:kept_acks] + 1)
  end

  it "counts the CANCELs whose answers are kept" do
    start_relay_to(bob)
    cancel_from(alice, call_from(alice))
    expect(stats[:kept_cancels]).to eq(1)
    OverSIP::Testing.advance(32)
    expect(stats[:kept_cancels]).to eq(0)
  end

  it "counts the requests that wait for DNS" do
    silent = UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 0) }
    nameserver = "127.0.0.1:#{silent.addr[1]}"
    start_oversip(configuration: { core: { nameservers: [nameserver] } }) do |request|
      OverSIP::SIP::Proxy.new.route(request, "b.example")
    end
    call_from(alice)
    silent.recvfrom(512)
    expect(stats.slice(:searches, :waiting_for_dns)).to eq(searches: 1, waiting_for_dns: 1)
  ensure
    silent&.close
  end

  it "counts the requests whose targets are looked for, tried or decided on, until their answer" do
    start_relay_to(bob)
    2.times { call_from(alice) }
    forwarded = Array.new(2) { bob.receive }
    engine_caught_up
    expect(stats[:searches]).to eq(2)
    bob.answer(forwarded.first, 200)
    final_for(alice)
    engine_caught_up
    expect(stats[:searches]).to eq(1)
    bob.answer(forwarded.last, 486)
    final_for(alice)
    engine_caught_up
    expect(stats[:searches]).to eq(0)
  end
end
