# frozen_string_literal: true

require_relative "../support/callbacks"

# When a request is sent again, and when it is given up. Nothing moves but by hand, so that every time is exact.
RSpec.describe "A request that is not answered", :native do
  let(:seen) { mailbox }
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }

  def start(profile = {}, transport: nil, port: bob.port)
    start_oversip(proxies: { default_proxy: profile }) do |request|
      next if request.sip_method == :ACK

      record(OverSIP::SIP::Proxy.new, into: seen).route(request, bob.ip, port, transport)
    end
    OverSIP::Testing.freeze
  end

  # Moves the clock step by step up to a time.
  #
  # @return [Array<Float>] when bob got another message, in seconds from the start
  def arrivals(until_time, step: 0.25, at: 0.0)
    times = []
    while at < until_time
      OverSIP::Testing.advance(step)
      at += step
      messages_at(bob).each { times << at }
    end
    times
  end

  # The events but the first on_target.
  def events
    dispatcher_caught_up
    seen.all.drop(1)
  end

  it "leaves again after 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s when it is an INVITE (timer A)" do
    start
    call_from(alice)
    bob.receive
    expect(arrivals(40)).to eq([0.5, 1.5, 3.5, 7.5, 15.5, 31.5])
  end

  it "leaves again at most every 4 s when it is another one (timer E)" do
    start
    call_from(alice, :OPTIONS)
    bob.receive
    expect(arrivals(40)).to eq([0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5])
  end

  it "leaves again not a moment too early" do
    start
    call_from(alice)
    bob.receive
    OverSIP::Testing.advance(0.499)
    expect(messages_at(bob)).to be_empty
    OverSIP::Testing.advance(0.001)
    expect(messages_at(bob).size).to eq(1)
  end

  it "leaves again byte for byte" do
    start
    call_from(alice)
    first = bob.receive
    OverSIP::Testing.advance(1.5)
    expect(messages_at(bob).map(&:text)).to eq([first.text, first.text])
  end

  it "leaves at the same times when the clock jumps" do
    start
    call_from(alice)
    bob.receive
    OverSIP::Testing.advance(31)
    expect(messages_at(bob).size).to eq(5)
  end

  it "does not leave again over TCP" do
    server = tcp_server
    start({}, transport: :tcp, port: server.port)
    call_from(alice)
    peer = server.accept
    peer.receive
    OverSIP::Testing.advance(31)
    engine_caught_up
    expect(peer.receive?(SipPeer::SILENCE)).to be_nil
    OverSIP::Testing.advance(1)
    expect(final_for(alice).first_line).to eq("SIP/2.0 408 Client Timeout")
  end

  it "does not leave again once a provisional response has come, when it is an INVITE" do
    start
    call_from(alice)
    bob.answer(bob.receive, 100, "Trying")
    engine_caught_up
    expect(arrivals(40)).to be_empty
    expect(events).to be_empty
  end

  it "leaves again every 4 s once a provisional response has come, when it is another one" do
    start
    call_from(alice, :OPTIONS)
    bob.answer(bob.receive, 100, "Trying")
    engine_caught_up
    expect(arrivals(32)).to eq([0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5])
  end

  it "is given up after timer B when it is an INVITE: 408 Client Timeout" do
    start({ timer_B: 2 })
    call_from(alice)
    bob.receive
    OverSIP::Testing.advance(1.999)
    engine_caught_up
    dispatcher_caught_up
    expect(messages_at(alice).map(&:status)).to eq([100])
    OverSIP::Testing.advance(0.001)
    expect(alice.receive.first_line).to eq("SIP/2.0 408 Client Timeout")
    expect(events).to eq([[:error, 408, "Client Timeout", :client_timeout]])
    messages_at(bob)
    expect(arrivals(40)).to be_empty
  end

  it "is given up after timer F when it is another one, and the client is not told" do
    start({ timer_F: 2 })
    call_from(alice, :OPTIONS)
    bob.receive
    OverSIP::Testing.advance(1.999)
    expect(events).to be_empty
    OverSIP::Testing.advance(0.001)
    dispatcher_caught_up
    expect(seen.all).to eq([[:error, 408, "Client Timeout", :client_timeout]])
    messages_at(bob)
    expect(arrivals(40)).to be_empty
    expect(messages_at(alice).map(&:status)).to all(eq(100))
  end

  it "is given up after timer F also when a provisional response has come, when it is another one" do
    start({ timer_F: 2 })
    call_from(alice, :OPTIONS)
    bob.answer(bob.receive, 100, "Trying")
    engine_caught_up
    OverSIP::Testing.advance(2)
    expect(events).to eq([[:error, 408, "Client Timeout", :client_timeout]])
  end

  it "is answered too late when the answer comes after it was given up" do
    start({ timer_B: 2 })
    call_from(alice)
    request = bob.receive
    OverSIP::Testing.advance(2)
    final_for(alice)
    bob.answer(request, 200, "OK")
    engine_caught_up
    expect(messages_at(alice)).to be_empty
    expect(events.map(&:first)).to eq([:error])
  end

  describe "with a final response, when it is an INVITE that rings for longer than timer C" do
    def ring
      call_from(alice)
      @request = bob.receive
      bob.answer(@request, 180, "Ringing")
      alice.receive_until { |message| message.status == 180 }
    end

    def outlast_timer_c
      start({ timer_C: 8 })
      ring
      OverSIP::Testing.advance(8)
    end

    it "is cancelled, and the caller gets 408 INVITE Timeout after on_invite_timeout" do
      outlast_timer_c
      expect(final_for(alice).first_line).to eq("SIP/2.0 408 INVITE Timeout")
      cancel = bob.receive
      expect([cancel.method_name, cancel.branch]).to eq(["CANCEL", @request.branch])
      expect(events).to eq([[:provisional_response, 180], [:invite_timeout]])
    end

    it "is not a moment too early" do
      start({ timer_C: 8 })
      ring
      OverSIP::Testing.advance(7.999)
      engine_caught_up
      expect([messages_at(alice), messages_at(bob), events]).to eq([[], [], [[:provisional_response, 180]]])
    end

    it "gets no more time from further provisional responses" do
      start({ timer_C: 8 })
      ring
      OverSIP::Testing.advance(7)
      bob.answer(@request, 180, "Ringing")
      alice.receive
      OverSIP::Testing.advance(1)
      expect(alice.receive.first_line).to eq("SIP/2.0 408 INVITE Timeout")
    end

    it "has its 487 acknowledged and kept from everybody" do
      outlast_timer_c
      final_for(alice)
      bob.answer(bob.receive, 200, "OK")
      bob.answer(@request, 487, "Request Terminated")
      expect(bob.receive.method_name).to eq("ACK")
      engine_caught_up
      expect(events.map(&:first)).to eq(%i[provisional_response invite_timeout])
      expect(messages_at(alice)).to be_empty
    end

    it "still runs on_success_response for a 2xx that crossed the CANCEL" do
      outlast_timer_c
      final_for(alice)
      bob.answer(@request, 200, "OK")
      engine_caught_up
      expect(events.last).to eq([:success_response, 200])
    end

    it "has its CANCEL sent again like any other request" do
      outlast_timer_c
      bob.receive
      expect(arrivals(12, at: 8.0)).to eq([8.5, 9.5, 11.5])
    end
  end

  it "runs on_invite_timeout also before any response, when timer C is shorter than timer B" do
    start({ timer_B: 32, timer_C: 8 })
    call_from(alice)
    request = bob.receive
    OverSIP::Testing.advance(8)
    expect(final_for(alice).first_line).to eq("SIP/2.0 408 INVITE Timeout")
    messages_at(bob)
    expect(arrivals(20, at: 8.0)).to be_empty
    bob.answer(request, 180, "Ringing")
    expect(bob.receive.method_name).to eq("CANCEL")
    expect(events).to eq([[:invite_timeout]])
  end

  it "ends silently at timer B when timer C fired before" do
    start({ timer_B: 32, timer_C: 8 })
    call_from(alice)
    bob.receive
    OverSIP::Testing.advance(33)
    dispatcher_caught_up
    expect(events).to eq([[:invite_timeout]])
    expect(OverSIP.proxies[:default_proxy][:blacklist]).not_to be_any
    expect(OverSIP.stats[:client_transactions]).to eq(0)
  end

  it "has its failure sent to the caller again until the ACK comes (timers G and H)" do
    start
    sent = call_from(alice)
    bob.answer(bob.receive, 486, "Busy Here")
    final = final_for(alice)
    times = []
    8.times do |number|
      OverSIP::Testing.advance(0.5)
      messages_at(alice).each { times << ((number + 1) * 0.5) }
    end
    expect(times).to eq([0.5, 1.5, 3.5])
    acknowledge(alice, sent, final)
    engine_caught_up
    OverSIP::Testing.advance(32)
    expect(messages_at(alice)).to be_empty
  end
end
