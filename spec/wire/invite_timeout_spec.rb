# frozen_string_literal: true

# Timer C of an INVITE's branch: the limit for its final response, whatever provisional ones have come.
RSpec.describe "An INVITE without a final response in time", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:carol) { udp_peer }
  let!(:seen) { mailbox }

  def watch(client)
    client.on_provisional_response { |response| seen << response.status_code }
    client.on_success_response { |response| seen << response.status_code }
    client.on_failure_response { |response| seen << response.status_code }
    client.on_error { |_, _, code| seen << code }
    client.on_canceled { seen << :canceled }
    client.on_invite_timeout { seen << :timeout }
  end

  # A call through a proxy that notes its events.
  def start_call(**profile)
    start_relay_to(bob, profile: profile) do |proxy, request|
      watch(proxy)
      yield proxy, request if block_given?
    end
    call_from(alice)
    @forwarded = bob.receive
  end

  def ring
    bob.answer(@forwarded, 180, "Ringing")
    alice.receive_until { |message| message.status == 180 }
    expect(seen.pop).to eq(180)
  end

  # Methods and statuses of what bob gets.
  def requests_at_bob
    messages_at(bob).map(&:method_name)
  end

  describe "after a provisional response" do
    it "is cancelled: on_invite_timeout, 408 upstream, and the 487 runs no callback" do
      start_call(timer_C: 10)
      ring
      OverSIP::Testing.advance(9.9)
      everything_done
      expect([seen.all, messages_at(bob)]).to eq([[], []])
      OverSIP::Testing.advance(0.1)
      final = final_for(alice)
      expect([final.status, final.reason]).to eq([408, "INVITE Timeout"])
      expect(bob.receive.method_name).to eq("CANCEL")
      bob.answer(@forwarded, 487, "Request Terminated")
      expect(bob.receive.method_name).to eq("ACK")
      everything_done
      expect(seen.all).to eq([:timeout])
    end

    it "is not given more time by further provisional responses" do
      start_call(timer_C: 10)
      ring
      OverSIP::Testing.advance(8)
      ring
      OverSIP::Testing.advance(2)
      expect(final_for(alice).status).to eq(408)
      expect(bob.receive.method_name).to eq("CANCEL")
    end

    describe "with timer_C_restart" do
      def start_long_call(&)
        start_call(timer_C: 180, timer_C_restart: true, &)
      end

      it "may ring for longer than timer C, and than the caller's transaction lasts otherwise, as long as provisional responses come" do
        start_long_call
        5.times do
          ring
          OverSIP::Testing.advance(179.9)
          everything_done
          expect([seen.all, messages_at(alice), messages_at(bob)]).to all(be_empty)
        end
        bob.answer(@forwarded, 200, "OK")
        expect(final_for(alice).status).to eq(200)
        expect(seen.pop).to eq(200)
      end

      it "is cancelled timer C after the last one" do
        start_long_call
        ring
        OverSIP::Testing.advance(170)
        ring
        OverSIP::Testing.advance(179.9)
        everything_done
        expect([seen.all, messages_at(alice), messages_at(bob)]).to all(be_empty)
        OverSIP::Testing.advance(0.1)
        final = final_for(alice)
        expect([final.status, final.reason]).to eq([408, "INVITE Timeout"])
        expect(bob.receive.method_name).to eq("CANCEL")
        expect(seen.pop).to eq(:timeout)
      end

      it "is given no more time by a 100" do
        start_long_call
        ring
        OverSIP::Testing.advance(170)
        bob.answer(@forwarded, 100, "Trying")
        everything_done
        OverSIP::Testing.advance(10)
        expect(final_for(alice).reason).to eq("INVITE Timeout")
      end

      it "is given more time by responses that blocks keep from the caller, too" do
        start_long_call { |proxy, _| proxy.on_provisional_response { proxy.drop_response } }
        3.times do
          bob.answer(@forwarded, 183, "Progress")
          expect(seen.pop).to eq(183)
          OverSIP::Testing.advance(170)
        end
        everything_done
        expect([seen.all, messages_at(bob)]).to all(be_empty)
        bob.answer(@forwarded, 200, "OK")
        expect(final_for(alice).status).to eq(200)
      end

      it "is ended by the caller's CANCEL however it rings on" do
        start_relay_to(bob, profile: { timer_C: 10, timer_C_restart: true })
        invite = call_from(alice)
        @forwarded = bob.receive
        bob.answer(@forwarded, 180, "Ringing")
        alice.receive_until { |message| message.status == 180 }
        cancel_from(alice, invite)
        bob.answer(bob.receive, 200, "OK")
        OverSIP::Testing.advance(20)
        bob.answer(@forwarded, 180, "Ringing")
        everything_done
        OverSIP::Testing.advance(12)
        expect(final_for(alice).status).to eq(487)
      end

      it "may ring for longer in a Uac" do
        start_oversip(proxies: { default_proxy: { timer_C: 10, timer_C_restart: true } })
        OverSIP::Testing.freeze
        uac = OverSIP::SIP::Uac.new
        watch(uac)
        uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:bob@127.0.0.1:#{bob.port}" }))
        invite = bob.receive
        3.times do
          bob.answer(invite, 180, "Ringing")
          expect(seen.pop).to eq(180)
          OverSIP::Testing.advance(9)
        end
        everything_done
        expect([seen.all, messages_at(bob)]).to all(be_empty)
        OverSIP::Testing.advance(1)
        expect(bob.receive.method_name).to eq("CANCEL")
        expect(seen.pop).to eq(:timeout)
      end
    end

    it "runs on_success_response for a 2xx that crosses the CANCEL" do
      start_call(timer_C: 10)
      ring
      OverSIP::Testing.advance(10)
      expect(final_for(alice).status).to eq(408)
      bob.answer(@forwarded, 200, "OK")
      expect(Array.new(2) { seen.pop }).to eq([:timeout, 200])
    end

    it "does not forward later provisional responses" do
      start_call(timer_C: 10)
      ring
      OverSIP::Testing.advance(10)
      bob.answer(@forwarded, 183, "Progress")
      everything_done
      expect(seen.all).to eq([:timeout])
      expect(messages_at(alice).map(&:status)).to eq([408])
    end

    it "may go on elsewhere" do
      start_call(timer_C: 10) do |proxy, request|
        proxy.on_invite_timeout do
          proxy.drop_response
          another = OverSIP::SIP::Proxy.new
          another.route(request, "127.0.0.1", carol.port)
        end
      end
      ring
      OverSIP::Testing.advance(10)
      carol.answer(carol.receive, 200, "OK")
      expect(final_for(alice).status).to eq(200)
      expect(bob.receive.method_name).to eq("CANCEL")
    end

    it "is ended the same way in a Uac" do
      start_oversip(proxies: { default_proxy: { timer_C: 10 } })
      OverSIP::Testing.freeze
      uac = OverSIP::SIP::Uac.new
      watch(uac)
      uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:bob@127.0.0.1:#{bob.port}" }))
      invite = bob.receive
      bob.answer(invite, 180, "Ringing")
      expect(seen.pop).to eq(180)
      OverSIP::Testing.advance(10)
      expect(bob.receive.method_name).to eq("CANCEL")
      bob.answer(invite, 487, "Request Terminated")
      expect(bob.receive.method_name).to eq("ACK")
      everything_done
      expect(seen.all).to eq([:timeout])
    end
  end

  describe "without a response, with timer C shorter than timer B" do
    before { start_call(timer_C: 8, timer_B: 32) }

    it "is 408 upstream, and is no longer repeated" do
      OverSIP::Testing.advance(7.9)
      expect(requests_at_bob).to eq(%w[INVITE] * 4)
      OverSIP::Testing.advance(0.1)
      expect(final_for(alice).status).to eq(408)
      OverSIP::Testing.advance(20)
      expect(requests_at_bob).to be_empty
      expect(seen.all).to eq([:timeout])
    end

    it "is cancelled when a provisional response comes after all" do
      OverSIP::Testing.advance(8)
      messages_at(bob)
      bob.answer(@forwarded, 180, "Ringing")
      expect(bob.receive.method_name).to eq("CANCEL")
      bob.answer(@forwarded, 487, "Request Terminated")
      expect(bob.receive.method_name).to eq("ACK")
      everything_done
      expect(seen.all).to eq([:timeout])
    end

    it "ends at timer B without on_error and without a blacklist entry" do
      OverSIP::Testing.advance(32)
      everything_done
      expect(seen.all).to eq([:timeout])
      expect(OverSIP.proxies[:default_proxy][:blacklist]).not_to be_any
      expect(OverSIP.stats[:client_transactions]).to eq(0)
    end

    it "runs on_success_response for a 2xx before timer B" do
      OverSIP::Testing.advance(8)
      bob.answer(@forwarded, 200, "OK")
      expect(Array.new(2) { seen.pop }).to eq([:timeout, 200])
    end
  end
end
