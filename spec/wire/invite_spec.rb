# frozen_string_literal: true

require_relative "../support/callbacks"

# A call through a relay, and the other ways an INVITE ends. The clock stands, so that nothing is sent twice unless a
# peer sends it twice.
RSpec.describe "An INVITE through a Proxy", :native do
  let(:seen) { mailbox }
  let(:requests) { mailbox }
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }

  # Initial requests go to bob, those in a dialog follow their Route.
  before do
    start_oversip do |request|
      requests << request.sip_method
      proxy = record(OverSIP::SIP::Proxy.new, into: seen)
      next proxy.route(request, bob.ip, bob.port) if request.initial?

      proxy.route(request) if request.loose_route
    end
    OverSIP::Testing.freeze
  end

  # The INVITE as bob gets it.
  def invite(**options)
    @sent = call_from(alice, **options)
    expect(alice.receive.first_line).to eq("SIP/2.0 100 Trying")
    bob.receive
  end

  # A request of one side in the dialog that a response has made.
  def in_dialog(peer, method, response, cseq: 2)
    peer.send_text(peer.in_dialog(method, response, cseq: cseq), oversip_port)
  end

  it "brings 180, 183 and 200 to the caller, the ACK to the callee, and the BYE both ways" do
    request = invite
    [[180, "Ringing"], [183, "Session Progress"], [200, "OK"]].each do |status, reason|
      bob.answer(request, status, reason)
      expect(alice.receive.then { |response| [response.status, response.reason] }).to eq([status, reason])
    end
    expect(seen.all).to eq([[:target, "udp:#{bob.address}"], [:provisional_response, 180], [:provisional_response, 183],
                            [:success_response, 200]])
  end

  it "leads to a dialog whose ACK and BYE go along the recorded route" do
    request = invite
    bob.answer(request, 200, "OK", headers: { "Contact" => "<sip:bob@#{bob.address}>" })
    answer = alice.receive
    expect([answer.headers("Via").size, answer.branch]).to eq([1, SipText.new(@sent).branch])
    in_dialog(alice, :ACK, answer, cseq: 1)
    ack = bob.receive
    expect([ack.first_line, ack.header("CSeq"), ack.header("Route")]).to eq(["ACK sip:bob@#{bob.address} SIP/2.0", "1 ACK", nil])
    in_dialog(alice, :BYE, answer)
    bye = bob.receive
    expect(bye.first_line).to eq("BYE sip:bob@#{bob.address} SIP/2.0")
    bob.answer(bye, 200, "OK")
    expect(alice.receive.first_line).to eq("SIP/2.0 200 OK")
    expect(requests.all).to eq(%i[INVITE ACK BYE])
  end

  { 302 => "Moved Temporarily", 404 => "Not Found", 486 => "Busy Here", 500 => "Server Internal Error",
    600 => "Busy Everywhere", 603 => "Decline" }.each do |status, reason|
    it "brings a #{status} to the caller, acknowledges it, and does not forward the caller's ACK" do
      request = invite
      bob.answer(request, status, reason, headers: { "Contact" => "<sip:bob@elsewhere.example>", "X-Of" => "bob" })
      final = alice.receive
      expect([final.status, final.reason, final.header("Contact"), final.header("X-Of"), final.to_tag])
        .to eq([status, reason, "<sip:bob@elsewhere.example>", "bob", "bob"])
      ack = bob.receive
      expect([ack.first_line, ack.branch, ack.to_tag]).to eq([request.first_line.sub("INVITE", "ACK"), request.branch, "bob"])
      acknowledge(alice, @sent, final)
      engine_caught_up
      dispatcher_caught_up
      expect(messages_at(bob)).to be_empty
      expect(requests.all).to eq([:INVITE])
      expect(seen.all).to eq([[:target, "udp:#{bob.address}"], [:failure_response, status]])
    end
  end

  it "carries its body and its unknown headers unchanged, and so does the answer" do
    offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n\u00e9\r\n"
    request = invite(headers: { "Content-Type" => "application/sdp", "X-Unknown" => "a, b;c" }, body: offer)
    expect([request.body, request.header("X-Unknown"), request.header("Content-Length").to_i]).to eq([offer, "a, b;c", offer.bytesize])
    bob.answer(request, 200, "OK", body: "v=1\r\n", headers: { "X-Answer" => "yes" })
    answer = alice.receive
    expect([answer.body, answer.header("X-Answer")]).to eq(["v=1\r\n", "yes"])
  end

  describe "repeated by the caller" do
    it "does not reach the callee again: the last provisional response answers it" do
      request = invite
      alice.send_text(@sent, oversip_port)
      expect(alice.receive.status).to eq(100)
      bob.answer(request, 180, "Ringing")
      alice.receive
      alice.send_text(@sent, oversip_port)
      expect(alice.receive.status).to eq(180)
      engine_caught_up
      expect([messages_at(bob), requests.all]).to eq([[], [:INVITE]])
    end

    it "is answered with the final response again, until its ACK came" do
      request = invite
      bob.answer(request, 486, "Busy Here")
      final = alice.receive
      bob.receive
      alice.send_text(@sent, oversip_port)
      expect(alice.receive.text).to eq(final.text)
      engine_caught_up
      expect([messages_at(bob), requests.all]).to eq([[], [:INVITE]])
    end
  end

  describe "whose final response is repeated by the callee" do
    it "acknowledges a failure again without forwarding it" do
      request = invite
      3.times { bob.answer(request, 486, "Busy Here") }
      alice.receive
      expect(Array.new(3) { bob.receive.method_name }).to eq(%w[ACK ACK ACK])
      engine_caught_up
      dispatcher_caught_up
      expect(messages_at(alice)).to be_empty
      expect(seen.all.count { |event, _| event == :failure_response }).to eq(1)
    end

    it "drops a late provisional response" do
      request = invite
      bob.answer(request, 200, "OK")
      alice.receive
      bob.answer(request, 180, "Ringing")
      engine_caught_up
      dispatcher_caught_up
      expect(messages_at(alice)).to be_empty
      expect(seen.all.map(&:last)).to eq(["udp:#{bob.address}", 200])
    end
  end

  it "drops a response that belongs to no transaction" do
    request = invite
    bob.answer(SipText.new(request.text.sub(request.branch, "z9hG4bKsomebodyelse")), 200, "OK")
    engine_caught_up
    expect(messages_at(alice)).to be_empty
    bob.answer(request, 200, "OK")
    expect(alice.receive.status).to eq(200)
  end

  it "drops a response that comes by another transport than its request went" do
    request = invite
    stranger = tcp_peer
    stranger.send_text(bob.response(request, 200, "OK"))
    call_from(stranger, :OPTIONS)
    expect([requests.pop, requests.pop]).to eq(%i[INVITE OPTIONS])
    expect(messages_at(alice)).to be_empty
  end
end
