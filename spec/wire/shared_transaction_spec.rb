# frozen_string_literal: true

# What a script is told about a server transaction is true at the moment it is told.
RSpec.describe "The server transaction as a script sees it", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:seen) { mailbox }

  def start_script(&)
    start_oversip(&)
    OverSIP::Testing.freeze
  end

  it "is made once" do
    start_script { |request| seen << [request.create_transaction, request.create_transaction] }
    call_from(alice)
    expect(seen.pop).to eq([true, false])
    expect(alice.receive.status).to eq(100)
    call_from(alice, :OPTIONS)
    expect(seen.pop).to eq([true, false])
  end

  it "is never made for an ACK" do
    start_script { |request| seen << [request.sip_method, request.create_transaction, request.server_transaction] }
    call_from(alice, :ACK, to_tag: "elsewhere")
    expect(seen.pop).to eq([:ACK, nil, nil])
  end

  it "says at once whether it takes a reply, and where an INVITE stands" do
    start_script do |request|
      request.create_transaction
      transaction = request.server_transaction
      seen << [180, 200, 486, 200].flat_map { |status| [request.reply(status), transaction.state] }
    end
    call_from(alice)
    expect(seen.pop).to eq([true, :proceeding, true, :accepted, false, :accepted, true, :accepted])
    expect(Array.new(4) { alice.receive.status }).to eq([100, 180, 200, 200])
  end

  it "takes one failure and then nothing" do
    start_script do |request|
      request.create_transaction
      seen << [603, 603, 200, 180].map { |status| request.reply(status) }
      seen << request.server_transaction.state
    end
    call_from(alice)
    expect(seen.pop).to eq([true, false, false, false])
    expect(seen.pop).to eq(:completed)
  end

  it "says at once where a request other than INVITE stands" do
    start_script do |request|
      request.create_transaction
      transaction = request.server_transaction
      states = [transaction.state]
      [100, 200, 500].each { |status| states << request.reply(status) << transaction.state }
      seen << states
    end
    call_from(alice, :OPTIONS)
    expect(seen.pop).to eq([:trying, true, :proceeding, true, :completed, false, :completed])
  end

  it "tells which responses it would accept, without a change of its state" do
    start_script do |request|
      request.create_transaction
      transaction = request.server_transaction
      ask = -> { [180, 200, 404].map { |status| transaction.valid_response?(status) } }
      answers = [ask.call]
      request.reply(200)
      answers << ask.call << transaction.state
      seen << answers
    end
    call_from(alice)
    expect(seen.pop).to eq([[true, true, true], [false, true, false], :accepted])
  end

  it "says at once whether it takes a whole response" do
    start_relay_to(bob) do |proxy, request|
      proxy.on_failure_response do |response|
        proxy.drop_response
        seen << [request.reply_full(response), request.server_transaction.state, request.reply_full(response)]
      end
    end
    call_from(alice)
    bob.answer(bob.receive, 486, "Busy Here")
    expect(seen.pop).to eq([true, :completed, false])
    expect(final_for(alice).status).to eq(486)
    engine_caught_up
    expect(messages_at(alice)).to be_empty
  end

  it "answers from another thread while the dispatcher is blocked" do
    gate = Thread::Queue.new
    requests = Thread::Queue.new
    start_script do |request|
      request.create_transaction
      requests << request
      gate.pop
    end
    call_from(alice)
    answers = Thread.new do
      request = requests.pop
      [request.reply(200), request.server_transaction.state, request.reply(486)]
    end
    expect(answers.value).to eq([true, :accepted, false])
    expect(final_for(alice).status).to eq(200)
    gate.close
  end

  it "shows its end through the request" do
    start_script do |request|
      request.create_transaction
      request.reply(200)
      seen << request.server_transaction
    end
    call_from(alice, :OPTIONS)
    transaction = seen.pop
    expect(transaction.state).to eq(:completed)
    OverSIP::Testing.advance(32)
    expect(transaction.state).to eq(:terminated)
  end
end
