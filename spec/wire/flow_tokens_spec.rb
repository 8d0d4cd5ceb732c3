# frozen_string_literal: true

require_relative "../support/callbacks"

# The user part of our Route values names the flow that a dialog came by. Only a token that this server has signed, or
# that names a live connection, leads anywhere.
RSpec.describe "A flow token in a Route of ours", :native do
  let(:seen) { mailbox }
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }

  let(:configuration) { {} }

  # Requests with a Route follow it, others go to bob.
  before do
    start_oversip(configuration: configuration) do |request|
      next if request.sip_method == :ACK

      proxy = record(OverSIP::SIP::Proxy.new, into: seen, only: %i[target error])
      request.headers["Route"] && request.loose_route
      next proxy.route(request) if request.incoming_outbound_requested? || request.in_dialog?

      proxy.route(request, "127.0.0.1", bob.port)
    end
  end

  # The Route value under which bob reaches a caller.
  def token_route(caller)
    sent = caller.send_text(caller.build(:INVITE, "sip:bob@b.example"), oversip_port)
    request = bob.receive
    bob.answer(request, 486, "Busy Here")
    acknowledge(caller, sent, caller.receive_final)
    bob.receive_until { |message| message.method_name == "ACK" }
    seen.all
    request.headers("Record-Route").last
  end

  def message_along(route, **options)
    bob.send_text(bob.build(:MESSAGE, "sip:alice@a.example", headers: { "Route" => route }, **options), oversip_port)
  end

  # The same Route with another token, its shape kept.
  def with_token(route, &)
    route.sub(/(?<=sip:)[^@]+/, &)
  end

  it "brings an initial request over the UDP flow, without on_target" do
    message_along(token_route(alice))
    request = alice.receive
    expect(request.first_line).to eq("MESSAGE sip:alice@a.example SIP/2.0")
    alice.answer(request, 200)
    expect(bob.receive_final.status).to eq(200)
    expect(seen.all).to be_empty
  end

  it "brings an initial request over the TCP connection, without on_target" do
    caller = tcp_peer
    message_along(token_route(caller))
    request = caller.receive_until(&:request?)
    caller.answer(request, 200)
    expect(bob.receive_final.status).to eq(200)
    expect(seen.all).to be_empty
  end

  it "puts nothing on the blacklist when the peer at its end keeps silent: a flow is no target" do
    message_along(token_route(alice))
    alice.receive
    OverSIP::Testing.freeze
    OverSIP::Testing.advance(33)
    expect(seen.pop).to eq([:error, 408, "Client Timeout", :client_timeout])
    expect(OverSIP.proxies[:default_proxy][:blacklist]).not_to be_any
  end

  it "is 430 Flow Failed when its connection is gone" do
    caller = tcp_peer
    route = token_route(caller)
    caller.close
    eventually { OverSIP.stats[:connections].zero? }
    message_along(route)
    expect(bob.receive_final.first_line).to eq("SIP/2.0 430 Flow Failed")
    expect(seen.all).to eq([[:error, 430, "Flow Failed", :flow_failed]])
  end

  it "is 430 Flow Failed when it was changed, and no message goes to the address in it" do
    message_along(with_token(token_route(alice)) { |token| token.sub(/.(?=.{4}\z)/) { |letter| letter == "A" ? "B" : "A" } })
    expect(bob.receive_final.first_line).to eq("SIP/2.0 430 Flow Failed")
    expect(seen.all).to eq([[:error, 430, "Flow Failed", :flow_failed]])
    expect(alice.receive?(SipPeer::SILENCE)).to be_nil
  end

  def unsigned(ip, port)
    "_#{["#{ip}_#{port}"].pack("m0").tr("=", "-")}"
  end

  it "is 430 Flow Failed when it is an address without a signature" do
    message_along(with_token(token_route(alice)) { unsigned("127.0.0.1", alice.port) })
    expect(bob.receive_final.first_line).to eq("SIP/2.0 430 Flow Failed")
    expect(alice.receive?(SipPeer::SILENCE)).to be_nil
  end

  context "with accept_unsigned_flow_tokens" do
    let(:configuration) { { sip: { accept_unsigned_flow_tokens: true } } }

    it "brings a request to an address without a signature" do
      message_along(with_token(token_route(alice)) { unsigned("127.0.0.1", alice.port) })
      expect(alice.receive.first_line).to eq("MESSAGE sip:alice@a.example SIP/2.0")
    end

    ["239.1.2.3", "255.255.255.255", "0.0.0.0"].each do |ip|
      it "is 430 Flow Failed when it is no address of one host: #{ip}" do
        message_along(with_token(token_route(alice)) { unsigned(ip, alice.port) })
        expect(bob.receive_final.first_line).to eq("SIP/2.0 430 Flow Failed")
        expect(messages_at(alice)).to be_empty
      end
    end
  end

  it "is ignored inside a dialog when it is invalid: the Request-URI is the destination" do
    carol = udp_peer
    route = with_token(token_route(alice)) { "_nonsense" }
    bob.send_text(bob.build(:MESSAGE, "sip:carol@#{carol.address}", to_tag: "t", headers: { "Route" => route }), oversip_port)
    expect(carol.receive.first_line).to eq("MESSAGE sip:carol@#{carol.address} SIP/2.0")
    expect(seen.all).to eq([[:target, "udp:#{carol.address}"]])
  end
end
