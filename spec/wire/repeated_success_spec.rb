# frozen_string_literal: true

# A 2xx that comes again costs no callback; one of another dialog is news.
RSpec.describe "A repeated 2xx", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:seen) { mailbox }

  describe "in a proxy" do
    def answered_by_bob(**options, &setup)
      start_relay_to(bob, &setup || proc { |proxy, _| proxy.on_success_response { |response| seen << response.to_tag } })
      call_from(alice)
      bob.receive.tap do |forwarded|
        bob.answer(forwarded, 200, "OK", to_tag: "one", **options)
        @first = final_for(alice)
      end
    end

    it "goes upstream from the stored bytes, without callbacks" do
      forwarded = answered_by_bob
      3.times { bob.answer(forwarded, 200, "OK", to_tag: "one") }
      expect(Array.new(3) { final_for(alice).text }).to eq([@first.text] * 3)
      everything_done
      expect(seen.all).to eq(["one"])
    end

    it "goes upstream as the callbacks had changed it" do
      forwarded = answered_by_bob do |proxy, _|
        proxy.on_success_response { |response| response.set_header("X-Script", "changed") }
      end
      bob.answer(forwarded, 200, "OK", to_tag: "one")
      expect(final_for(alice).text).to eq(@first.text)
      expect(@first.header("X-Script")).to eq("changed")
    end

    it "runs the callbacks when its To tag is new" do
      forwarded = answered_by_bob
      bob.answer(forwarded, 200, "OK", to_tag: "two")
      expect(final_for(alice).to_tag).to eq("two")
      everything_done
      expect(seen.all).to eq(%w[one two])
    end

    it "is that of its own dialog when there are several" do
      forwarded = answered_by_bob
      bob.answer(forwarded, 200, "OK", to_tag: "two")
      second = final_for(alice)
      bob.answer(forwarded, 200, "OK", to_tag: "one")
      expect(final_for(alice).text).to eq(@first.text)
      bob.answer(forwarded, 200, "OK", to_tag: "two")
      expect(final_for(alice).text).to eq(second.text)
      everything_done
      expect(seen.all).to eq(%w[one two])
    end

    it "stays away from the client when the first one was dropped" do
      start_relay_to(bob) { |proxy, _| proxy.on_success_response { proxy.drop_response and seen << :success } }
      call_from(alice)
      forwarded = bob.receive
      2.times { bob.answer(forwarded, 200, "OK") }
      everything_done
      expect(messages_at(alice).map(&:status)).to eq([100])
      expect(seen.all).to eq([:success])
    end

    it "is nothing new while the callbacks of the first one run" do
      gate = Thread::Queue.new
      start_relay_to(bob) do |proxy, _|
        proxy.on_success_response do
          seen << :success
          gate.pop
        end
      end
      call_from(alice)
      forwarded = bob.receive
      bob.answer(forwarded, 200, "OK")
      seen.pop
      bob.answer(forwarded, 200, "OK")
      engine_caught_up
      gate.close
      expect(final_for(alice).status).to eq(200)
      everything_done
      expect(seen).to be_empty
    end

    it "goes upstream until timer M ends the transaction" do
      forwarded = answered_by_bob
      OverSIP::Testing.advance(31.9)
      bob.answer(forwarded, 200, "OK", to_tag: "one")
      expect(final_for(alice).text).to eq(@first.text)
      OverSIP::Testing.advance(0.1)
      bob.answer(forwarded, 200, "OK", to_tag: "one")
      everything_done
      expect(messages_at(alice)).to be_empty
    end
  end

  describe "in a Uac" do
    let(:invite) do
      OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:bob@127.0.0.1:#{bob.port}", from_tag: "uac", cseq: 7 })
    end

    def ack_for(response)
      OverSIP::SIP::UacRequest.new({ sip_method: :ACK, ruri: "sip:bob@127.0.0.1:#{bob.port}", from_tag: "uac",
                                     to_tag: response.to_tag, call_id: invite.call_id, cseq: invite.cseq })
    end

    # Sends the INVITE; `acks` says which 2xx (counted from 1) the script acknowledges.
    def send_invite(acks:)
      start_oversip
      OverSIP::Testing.freeze
      count = 0
      uac = OverSIP::SIP::Uac.new
      uac.on_success_response do |response|
        seen << response.to_tag
        OverSIP::SIP::Uac.new.route(ack_for(response)) if acks.include?(count += 1)
      end
      uac.route(invite)
      bob.receive
    end

    it "is acknowledged again with the script's own ACK, without callbacks" do
      received = send_invite(acks: [1])
      bob.answer(received, 200, "OK", to_tag: "one")
      ack = bob.receive
      expect([ack.method_name, ack.to_tag]).to eq(%w[ACK one])
      2.times { bob.answer(received, 200, "OK", to_tag: "one") }
      expect(Array.new(2) { bob.receive.text }).to eq([ack.text] * 2)
      everything_done
      expect(seen.all).to eq(["one"])
    end

    it "runs the callbacks again when the script has sent no ACK yet" do
      received = send_invite(acks: [2])
      2.times { bob.answer(received, 200, "OK", to_tag: "one") }
      expect(bob.receive.method_name).to eq("ACK")
      everything_done
      expect(seen.all).to eq(%w[one one])
    end

    it "runs the callbacks when its To tag is new" do
      received = send_invite(acks: [1, 2])
      bob.answer(received, 200, "OK", to_tag: "one")
      bob.answer(received, 200, "OK", to_tag: "two")
      expect(Array.new(2) { bob.receive.to_tag }).to eq(%w[one two])
      bob.answer(received, 200, "OK", to_tag: "one")
      expect(bob.receive.to_tag).to eq("one")
      everything_done
      expect(seen.all).to eq(%w[one two])
    end
  end
end
