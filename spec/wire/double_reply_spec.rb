# frozen_string_literal: true

# A request gets one final response, with or without a transaction.
RSpec.describe "A second final response", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:results) { mailbox }

  # Runs the block as on_request and notes its result.
  def start_answering
    start_oversip(configuration: { core: { syslog_level: "info" } }) { |request| results << yield(request) }
    OverSIP::Testing.freeze
  end

  # The statuses that alice gets for a request of this method, by the time that everything is done.
  def statuses_for(method)
    call_from(alice, method)
    @returned = results.pop
    dispatcher_caught_up
    engine_caught_up
    messages_at(alice).map(&:status)
  end

  %i[INVITE OPTIONS].each do |method|
    it "to #{method} does not leave without a transaction: reply returns false, and the log says why" do
      log = capture_log do
        start_answering { |request| [request.reply(200), request.reply(486)] }
        expect(statuses_for(method)).to eq([200])
        dispatcher_caught_up
      end
      expect(@returned).to eq([true, false])
      expect(log.map(&:body)).to include(/response 486 refused: the request has its final response/)
    end

    it "to #{method} does not leave when a transaction is made between the two" do
      start_answering { |request| [request.reply(404), request.create_transaction, request.reply(486)] }
      expect(statuses_for(method)).to eq([404])
      expect(@returned).to eq([true, true, false])
    end
  end

  it "does not leave by reply_full either, nor after a provisional one" do
    start_relay_to(bob) do |proxy, _|
      proxy.on_success_response { |response| results << response }
    end
    call_from(alice, :OPTIONS)
    bob.answer(bob.receive, 200)
    response = results.pop
    alice.receive_final
    OverSIP.stop(timeout: 0)
    start_answering { |request| [request.reply(180), request.reply(200), request.reply_full(response), request.reply(183)] }
    expect(statuses_for(:INVITE)).to eq([180, 200])
    expect(@returned).to eq([true, true, false, false])
  end

  it "does not leave when on_request has ended" do
    requests = mailbox
    start_answering do |request|
      requests << request
      request.reply(200)
    end
    expect(statuses_for(:OPTIONS)).to eq([200])
    eventually { OverSIP.stats[:server_transactions].zero? }
    expect(requests.pop.reply(200)).to be(false)
    engine_caught_up
    expect(messages_at(alice)).to be_empty
  end

  it "does not leave when the script fails after its reply" do
    capture_log do
      start_answering do |request|
        results << request.reply(404)
        raise "too late"
      end
      expect(statuses_for(:OPTIONS)).to eq([404])
    end
  end

  it "from downstream to a request that was answered and then routed is not forwarded" do
    start_answering do |request|
      replied = request.reply(404)
      OverSIP::SIP::Proxy.new.route(request, bob.ip, bob.port)
      replied
    end
    call_from(alice, :OPTIONS)
    bob.answer(bob.receive, 200)
    engine_caught_up
    expect(messages_at(alice).map(&:status)).to eq([404])
  end

  it "leaves a reply to be repeated for a retransmission when the transaction was made after it" do
    start_answering do |request|
      request.reply(404)
      request.create_transaction
    end
    options = call_from(alice, :OPTIONS)
    first = alice.receive
    results.pop
    alice.send_text(options, oversip_port)
    expect(alice.receive.text).to eq(first.text)
    engine_caught_up
    expect(results).to be_empty
  end
end

# What docs/events.md says about answers that come later.
RSpec.describe "An answer from a Thread after on_request", :native do
  let!(:alice) { udp_peer }
  let!(:requests) { mailbox }

  # The request comes to the script, then once more from the network.
  def request_twice
    options = call_from(alice, :OPTIONS)
    request = requests.pop
    dispatcher_caught_up
    alice.send_text(options, oversip_port)
    engine_caught_up
    dispatcher_caught_up
    request
  end

  it "goes to the client once, whatever was repeated meanwhile, if there is a transaction" do
    start_oversip { |request| request.create_transaction and requests << request }
    OverSIP::Testing.freeze
    request = request_twice
    expect(requests).to be_empty
    expect(Thread.new { request.reply(200) }.value).to be(true)
    engine_caught_up
    expect(messages_at(alice).map(&:status)).to eq([200])
  end

  it "finds the request forgotten without one: its repetition was a new request for on_request" do
    start_oversip { |request| requests << request }
    OverSIP::Testing.freeze
    request_twice
    expect(requests.pop).to be_a(OverSIP::SIP::Request)
  end
end
