# frozen_string_literal: true

# How messages find their transaction when the branch is not written as RFC 3261 has it (17.2.3, 7.3.1).
RSpec.describe "Messages of a transaction", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:seen) { mailbox }

  def start
    start_relay_to(bob) do |proxy, request|
      seen << request.sip_method
      proxy.on_canceled { seen << :canceled }
    end
  end

  def send_again(text)
    alice.send_text(text, oversip_port)
  end

  describe "whose branch differs in letter case only" do
    def upper(text)
      text.sub(/branch=([^;]+)/) { "branch=#{Regexp.last_match(1).upcase}" }
    end

    it "are a retransmission, a CANCEL and an ACK of the same INVITE, and responses to what went out" do
      start
      invite = upper(call_from(alice))
      forwarded = bob.receive
      send_again(invite.sub("Z9HG4BK", "z9hg4bk"))
      bob.send_text(upper(bob.response(forwarded, 180, "Ringing")), oversip_port)
      expect(alice.receive_until { |message| message.status == 180 }.reason).to eq("Ringing")
      expect(cancel_from(alice, invite).status).to eq(200)
      expect(bob.receive.method_name).to eq("CANCEL")
      bob.send_text(upper(bob.response(forwarded, 487, "Request Terminated")), oversip_port)
      failure = final_for(alice)
      expect([failure.status, bob.receive.method_name]).to eq([487, "ACK"])
      send_again(alice.companion(invite, :ACK, headers: { "To" => failure.header("To") }))
      everything_done
      OverSIP::Testing.advance(2)
      everything_done
      expect(seen.all).to eq(%i[INVITE canceled])
      expect(messages_at(alice)).to be_empty
    end
  end

  {
    "a branch without the magic cookie" => ";branch=4711",
    "no branch" => ""
  }.each do |what, branch|
    describe "of an element of RFC 2543, which writes #{what}" do
      def via(branch)
        { "Via" => "SIP/2.0/UDP #{alice.address}#{branch}" }
      end

      it "are distinguished by Request-URI, tags, Call-ID, CSeq and top Via" do
        start
        text = call_from(alice, :OPTIONS, headers: via(branch))
        request = bob.receive
        send_again(text)
        send_again(text.sub("CSeq: 1", "CSeq: 2"))
        second = bob.receive
        expect([request, second].map { |message| message.header("CSeq") }).to eq(["1 OPTIONS", "2 OPTIONS"])
        bob.answer(request, 200)
        expect(alice.receive.header("CSeq")).to eq("1 OPTIONS")
        send_again(text)
        expect(alice.receive.header("CSeq")).to eq("1 OPTIONS")
        expect(seen.all).to eq(%i[OPTIONS OPTIONS])
      end

      it "are the CANCEL of an INVITE, and the ACK that has the To tag of its response" do
        start
        invite = call_from(alice, headers: via(branch))
        forwarded = bob.receive
        bob.answer(forwarded, 180, "Ringing")
        expect(cancel_from(alice, invite).status).to eq(200)
        expect(bob.receive.method_name).to eq("CANCEL")
        bob.answer(forwarded, 487, "Request Terminated")
        failure = final_for(alice)
        expect([failure.status, bob.receive.method_name]).to eq([487, "ACK"])
        send_again(alice.companion(invite, :ACK, headers: { "To" => failure.header("To") }))
        everything_done
        OverSIP::Testing.advance(2)
        everything_done
        expect(messages_at(alice)).to be_empty
        expect(seen.all).to eq(%i[INVITE canceled])
      end

      it "are no ACK of that response with another To tag" do
        start
        invite = call_from(alice, headers: via(branch))
        bob.answer(bob.receive, 486, "Busy Here")
        failure = final_for(alice)
        send_again(alice.companion(invite, :ACK, headers: { "To" => failure.header("To").sub(/tag=.*/, "tag=other") }))
        everything_done
        OverSIP::Testing.advance(0.5)
        expect(final_for(alice).status).to eq(486)
      end

      it "are the ACK to a 2xx, which goes to the script" do
        start
        invite = call_from(alice, headers: via(branch))
        bob.answer(bob.receive, 200, "OK")
        success = final_for(alice)
        send_again(alice.companion(invite, :ACK, headers: { "To" => success.header("To") }))
        expect(bob.receive.method_name).to eq("ACK")
        everything_done
        expect(seen.all).to eq(%i[INVITE ACK])
      end

      it "are known in the log by their Call-ID" do
        start_oversip { |request| seen << request.log_id }
        call_from(alice, :OPTIONS, call_id: "c-1", headers: via(branch))
        expect(seen.pop).to eq("SIP Request c-1")
      end
    end
  end
end
