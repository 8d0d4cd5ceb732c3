# frozen_string_literal: true

# RFC 3261 17.2 in the hands of a script.
RSpec.describe OverSIP::SIP::ServerTransaction, :native do
  let!(:alice) { udp_peer }
  let!(:seen) { mailbox }

  def start_script(&)
    start_oversip(&)
    OverSIP::Testing.freeze
  end

  it "is one object of a class of its own for INVITE and for other methods" do
    start_script do |request|
      before = request.server_transaction
      request.create_transaction
      transaction = request.server_transaction
      seen << [before, transaction.class, transaction.equal?(request.server_transaction), transaction.request.equal?(request),
               transaction.core, transaction.last_response.to_s[/[^\r]*/]]
    end
    call_from(alice)
    expect(seen.pop).to eq [nil, OverSIP::SIP::InviteServerTransaction, true, true, nil, "SIP/2.0 100 Trying"]
    call_from(alice, :OPTIONS)
    expect(seen.pop).to eq [nil, OverSIP::SIP::NonInviteServerTransaction, true, true, nil, ""]
  end

  it "knows the Proxy that routed the request last" do
    bob = udp_peer
    start_relay_to(bob) do |proxy, request|
      proxy.on_target { seen << [request.server_transaction.core.equal?(proxy), request.server_transaction.state] }
    end
    call_from(alice)
    expect(seen.pop).to eq [true, :proceeding]
  end

  it "moves on for a response that the script sends itself, and repeats it" do
    text = nil
    start_script do |request|
      request.create_transaction
      transaction = request.server_transaction
      text = "SIP/2.0 486 Mine\r\nVia: #{request.hdr_via.first}\r\nFrom: #{request.hdr_from}\r\nTo: #{request.hdr_to};tag=t\r\n" \
             "Call-ID: #{request.call_id}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
      answers = [transaction.receive_response(486), transaction.state, transaction.receive_response(200)]
      transaction.last_response = text
      seen << (answers << request.send_response(text) << transaction.last_response)
    end
    call_from(alice)
    expect(seen.pop).to eq [true, :completed, false, true, text]
    expect(final_for(alice).to_s).to eq text
    OverSIP::Testing.advance(0.6)
    expect(alice.receive.to_s).to eq text
  end

  it "sends nothing by itself as long as the script has sent nothing" do
    start_script do |request|
      request.create_transaction
      transaction = request.server_transaction
      seen << [transaction.retransmit_last_response, transaction.receive_response(200), transaction.last_response]
    end
    call_from(alice, :OPTIONS)
    expect(seen.pop).to eq [false, true, nil]
    engine_caught_up
    expect(messages_at(alice)).to be_empty
  end

  it "sends its last response again when asked" do
    start_script do |request|
      request.create_transaction
      request.reply(200)
      seen << request.server_transaction.retransmit_last_response
    end
    call_from(alice, :OPTIONS)
    expect(seen.pop).to be true
    expect(Array.new(2) { alice.receive.to_s }.uniq.size).to eq 1
  end

  it "can be ended: the next copy of the request is a new one" do
    start_script do |request|
      request.create_transaction
      transaction = request.server_transaction
      transaction.terminate_transaction
      seen << [transaction.state, request.create_transaction, request.reply(200), transaction.valid_response?(200)]
    end
    sent = call_from(alice, :OPTIONS)
    expect(seen.pop).to eq [:terminated, false, false, false]
    alice.send_text(sent, oversip_port)
    expect(seen.pop).to eq [:terminated, false, false, false]
  end

  it "of a request over TCP ends with its final response, and takes no other one" do
    start_script do |request|
      request.create_transaction
      seen << [request.reply(200), request.server_transaction.state, request.reply(500), request.server_transaction.state]
    end
    client = tcp_peer
    call_from(client, :OPTIONS)
    expect(seen.pop).to eq [true, :terminated, false, :terminated]
    expect(client.receive.status).to eq 200
    eventually { OverSIP.stats[:server_transactions].zero? }
    expect(client.drain).to be_empty
  end

  it "wants an Integer as status" do
    start_script do |request|
      request.create_transaction
      %i[valid_response? receive_response].each do |method|
        request.server_transaction.public_send(method, "200")
      rescue TypeError => e
        seen << e.class
      end
    end
    call_from(alice, :OPTIONS)
    expect([seen.pop, seen.pop]).to eq [TypeError, TypeError]
  end

  it "can be looked at" do
    start_script do |request|
      request.create_transaction
      seen << request.server_transaction.inspect
    end
    call_from(alice, branch: "z9hG4bKlook")
    expect(seen.pop).to eq "#<OverSIP::SIP::InviteServerTransaction :proceeding branch_id=look>"
  end
end
