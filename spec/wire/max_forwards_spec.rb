# frozen_string_literal: true

require_relative "../support/callbacks"

# How many hops a request may still go.
RSpec.describe "Max-Forwards", :native do
  let(:seen) { mailbox }
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }

  # The header as bob gets it, of a request with this value; the block is what the script does before it routes.
  def forwarded(value, method: :MESSAGE, &before)
    start_relay_to(bob) do |proxy, request|
      record(proxy, into: seen)
      before&.call(request)
    end
    call_from(alice, method, headers: { "Max-Forwards" => value })
    bob.receive.headers("Max-Forwards")
  end

  { "70" => "69", "1" => "0", "255" => "254", nil => "70" }.each do |received, sent|
    it "leaves as #{sent} when it came #{received ? "as #{received}" : "not at all"}" do
      expect(forwarded(received)).to eq([sent])
    end
  end

  { ["70", 10] => "10", ["10", 10] => "9", ["5", 10] => "4", [nil, 10] => "10", ["11", 10] => "10" }.each do |(received, most), sent|
    it "leaves as #{sent} when it came #{received ? "as #{received}" : "not at all"} and check_max_forwards(#{most}) was called" do
      expect(forwarded(received) { |request| seen << request.check_max_forwards(most) }).to eq([sent])
      expect(seen.pop).to be(true)
    end
  end

  it "of 0 is answered 483 by route, before any target and without a callback" do
    start_relay_to(bob) { |proxy, _| record(proxy, into: seen) }
    call_from(alice, :MESSAGE, headers: { "Max-Forwards" => "0" })
    expect(alice.receive.first_line).to eq("SIP/2.0 483 Too Many Hops")
    dispatcher_caught_up
    expect([seen.all, messages_at(bob)]).to eq([[], []])
  end

  it "of 0 is answered 483 by check_max_forwards, which returns false" do
    start_oversip { |request| seen << request.check_max_forwards(10) }
    call_from(alice, :MESSAGE, headers: { "Max-Forwards" => "0" })
    expect(alice.receive.status).to eq(483)
    expect(seen.pop).to be(false)
  end

  it "of 0 in an ACK ends its way silently" do
    log = capture_log(level: :error) do
      start_relay_to(bob) { |proxy, _| record(proxy, into: seen) }
      call_from(alice, :ACK, headers: { "Max-Forwards" => "0" })
      engine_caught_up
      dispatcher_caught_up
    end
    expect([messages_at(alice), messages_at(bob), seen.all, log]).to eq([[], [], [], []])
  end

  it "of an ACK goes down like that of any other request" do
    expect(forwarded("70", method: :ACK)).to eq(["69"])
  end

  it "goes down once, however many targets are tried" do
    dead = dead_port
    start_relay_to(bob) do |proxy, request|
      first = OverSIP::SIP::Proxy.new
      first.on_error { first.drop_response && proxy.route(request, "127.0.0.1", bob.port) }
      first.route(request, "127.0.0.1", dead)
    end
    call_from(alice, :MESSAGE)
    expect(bob.receive.headers("Max-Forwards")).to eq(["69"])
  end

  it "leaves a Uac as it is in the request, and as 70 where a received request has none" do
    start_oversip { |request| OverSIP::SIP::Uac.new.route(request, "127.0.0.1", bob.port) }
    call_from(alice, :MESSAGE, headers: { "Max-Forwards" => "17" })
    expect(bob.receive.headers("Max-Forwards")).to eq(["17"])
    call_from(alice, :MESSAGE, headers: { "Max-Forwards" => nil })
    expect(bob.receive_until { |message| message.header("Max-Forwards") != "17" }.headers("Max-Forwards")).to eq(["70"])
    request = OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:x@b.example", max_forwards: 3 })
    OverSIP::SIP::Uac.new.route(request, "127.0.0.1", bob.port)
    expect(bob.receive_until { |message| message.method_name == "OPTIONS" }.headers("Max-Forwards")).to eq(["3"])
  end
end
