# frozen_string_literal: true

require_relative "../support/callbacks"

# OverSIP 2 raised for an INVITE UacRequest.
RSpec.describe "An INVITE of a Uac", :native do
  let(:bob) { udp_peer }
  let(:seen) { mailbox }
  let(:uac) { record(OverSIP::SIP::Uac.new, into: seen, only: CallbackHelpers::EVENTS - [:target]) }

  before do
    start_oversip
    OverSIP::Testing.freeze
  end

  def send_invite(**data)
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:bob@127.0.0.1:#{bob.port}", cseq: 7 }.merge(data)))
    bob.receive
  end

  it "runs its blocks for 180 and 200" do
    invite = send_invite
    bob.answer(invite, 180)
    bob.answer(invite, 200)
    expect([seen.pop, seen.pop]).to eq([[:provisional_response, 180], [:success_response, 200]])
  end

  [302, 486, 503, 603].each do |status|
    it "that gets #{status} is acknowledged by the transaction, and on_failure_response runs" do
      invite = send_invite
      bob.answer(invite, status)
      ack = bob.receive
      expect([ack.method_name, ack.branch, ack.to_tag, ack.header("CSeq")]).to eq(["ACK", invite.branch, "bob", "7 ACK"])
      expect(seen.pop).to eq([:failure_response, status])
    end
  end

  describe "that gets a 2xx" do
    it "is acknowledged by Uac#ack along the recorded route" do
      uac.on_success_response { |response| uac.ack(response) }
      router = udp_peer
      invite = send_invite
      bob.answer(invite, 200, headers: { "Record-Route" => ["<sip:far.invalid;lr>, <sip:#{router.address};lr>"],
                                         "Contact" => "<sip:b@callee.invalid:5070;ob>" })
      ack = router.receive
      expect(ack.first_line).to eq("ACK sip:b@callee.invalid:5070;ob SIP/2.0")
      expect(ack.headers("Route")).to eq(["<sip:#{router.address};lr>", "<sip:far.invalid;lr>"])
      same = %w[Call-ID From]
      expect(same.map { |name| ack.header(name) }).to eq(same.map { |name| invite.header(name) })
      expect([ack.header("CSeq"), ack.to_tag, ack.header("Content-Length")]).to eq(["7 ACK", "bob", "0"])
      expect(ack.branch).not_to eq(invite.branch)
      expect(ack.branch).to start_with("z9hG4bK")
    end

    it "is acknowledged with a body" do
      uac.on_success_response { |response| uac.ack(response, body: "v=0\r\n") }
      bob.answer(send_invite, 200)
      ack = bob.receive
      expect([ack.body, ack.header("Content-Type"), ack.header("Content-Length")]).to eq(["v=0\r\n", "application/sdp", "5"])
    end

    it "is acknowledged with a body of another type" do
      uac.on_success_response { |response| uac.ack(response, body: "x", content_type: "text/plain") }
      bob.answer(send_invite, 200)
      expect(bob.receive.header("Content-Type")).to eq("text/plain")
    end

    it "is acknowledged where the INVITE went when it has no Contact" do
      uac.on_success_response { |response| uac.ack(response) }
      bob.answer(send_invite, 200, headers: { "Contact" => [] })
      expect(bob.receive.ruri).to eq("sip:bob@127.0.0.1:#{bob.port}")
    end

    it "is acknowledged again by the library when it is repeated" do
      uac.on_success_response { |response| uac.ack(response) }
      invite = send_invite
      bob.answer(invite, 200)
      ack = bob.receive
      2.times { bob.answer(invite, 200) }
      expect([bob.receive.text, bob.receive.text]).to eq([ack.text] * 2)
      dispatcher_caught_up
      expect(seen.all).to eq([[:success_response, 200]])
    end

    it "leaves the Uac's request and blocks alone" do
      seen_targets = mailbox
      uac.on_target { |target| seen_targets << target.to_s }
      uac.on_success_response { |response| uac.ack(response) }
      bob.answer(send_invite, 200)
      bob.receive
      dispatcher_caught_up
      expect(seen_targets.all.size).to eq(1)
      expect(uac.request.sip_method).to eq(:INVITE)
    end
  end

  it "is all that Uac#ack takes" do
    raised = mailbox
    uac.on_failure_response do |response|
      uac.ack(response)
    rescue OverSIP::RuntimeError => e
      raised << e.message
    end
    bob.answer(send_invite, 486)
    expect(raised.pop).to match(/only a 2xx/)
    expect { uac.ack("200") }.to raise_error(TypeError)
    expect { uac.ack }.to raise_error(ArgumentError)
  end

  describe "that is cancelled by Uac#cancel" do
    def ringing
      invite = send_invite
      bob.answer(invite, 180)
      expect(seen.pop).to eq([:provisional_response, 180])
      invite
    end

    it "sends CANCEL, runs on_canceled, and the 487 runs on_failure_response" do
      invite = ringing
      uac.cancel
      cancel = bob.receive
      expect([cancel.method_name, cancel.branch, cancel.ruri, cancel.header("CSeq")])
        .to eq(["CANCEL", invite.branch, invite.ruri, "7 CANCEL"])
      bob.answer(cancel, 200)
      bob.answer(invite, 487)
      expect(bob.receive.method_name).to eq("ACK")
      expect([seen.pop, seen.pop]).to eq([[:canceled], [:failure_response, 487]])
    end

    it "runs on_success_response for a 2xx that crosses the CANCEL" do
      invite = ringing
      uac.cancel
      bob.receive
      bob.answer(invite, 200)
      expect([seen.pop, seen.pop]).to eq([[:canceled], [:success_response, 200]])
    end

    it "waits for a provisional response" do
      invite = send_invite
      uac.cancel
      engine_caught_up
      expect(messages_at(bob)).to be_empty
      bob.answer(invite, 180)
      expect(bob.receive.method_name).to eq("CANCEL")
    end

    it "sends CANCEL once, however often it is called" do
      ringing
      3.times { uac.cancel }
      expect(bob.receive.method_name).to eq("CANCEL")
      engine_caught_up
      expect(messages_at(bob)).to be_empty
    end

    it "sends nothing at all from on_target" do
      uac.on_target { uac.cancel }
      uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:bob@127.0.0.1:#{bob.port}" }))
      expect([seen.pop, seen.pop]).to eq([[:canceled], [:error, 487, "Request Terminated", :canceled]])
      dispatcher_caught_up
      expect([messages_at(bob), seen.all]).to eq([[], []])
    end

    it "runs on_error when the callee never ends its INVITE" do
      ringing
      uac.cancel
      bob.receive
      OverSIP::Testing.advance(33)
      expect([seen.pop, seen.pop]).to eq([[:canceled], [:error, 487, "Request Terminated", :canceled]])
    end

    it "does nothing after the final response" do
      invite = send_invite
      bob.answer(invite, 200)
      seen.pop
      uac.cancel
      dispatcher_caught_up
      expect([messages_at(bob), seen.all]).to eq([[], []])
    end

    it "does nothing when nothing was sent, and the next request goes" do
      uac.cancel
      expect(send_invite.method_name).to eq("INVITE")
    end
  end
end
