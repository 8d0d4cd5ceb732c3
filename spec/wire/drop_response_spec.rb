# frozen_string_literal: true

# Which response drop_response keeps from the client.
RSpec.describe "Proxy#drop_response", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:carol) { udp_peer }
  let!(:seen) { mailbox }

  # Statuses above 100 that alice has once everything is done.
  def statuses
    2.times do
      engine_caught_up
      dispatcher_caught_up
    end
    engine_caught_up
    messages_at(alice).map(&:status).reject { |status| status == 100 }
  end

  describe "inside a callback" do
    it "keeps back the response of that event and no other" do
      start_relay_to(bob) do |proxy, _|
        proxy.on_provisional_response { |response| proxy.drop_response if response.status_code == 180 }
      end
      call_from(alice)
      forwarded = bob.receive
      [180, 183, 200].each { |status| bob.answer(forwarded, status) }
      expect(statuses).to eq([183, 200])
    end

    it "keeps back a final response" do
      start_relay_to(bob) { |proxy, _| proxy.on_failure_response { proxy.drop_response } }
      call_from(alice)
      bob.answer(bob.receive, 486, "Busy Here")
      expect(statuses).to eq([])
    end

    it "keeps back the response of the library's own making" do
      start_oversip do |request|
        proxy = OverSIP::SIP::Proxy.new
        proxy.on_error { proxy.drop_response }
        proxy.route(request, "127.0.0.1", bob.port, :sctp)
      end
      OverSIP::Testing.freeze
      call_from(alice)
      expect(statuses).to eq([])
    end

    it "leaves no flag behind in an event without a response" do
      start_relay_to(bob) { |proxy, _| proxy.on_canceled { proxy.drop_response and seen << :canceled } }
      invite = call_from(alice)
      forwarded = bob.receive
      bob.answer(forwarded, 180, "Ringing")
      alice.receive_until { |message| message.status == 180 }
      cancel_from(alice, invite)
      seen.pop
      bob.answer(forwarded, 487, "Request Terminated")
      expect(statuses).to eq([487])
    end

    it "lets the script go on to another destination" do
      start_relay_to(bob) do |proxy, request|
        proxy.on_failure_response do
          proxy.drop_response
          OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", carol.port)
        end
      end
      call_from(alice)
      bob.answer(bob.receive, 486, "Busy Here")
      carol.answer(carol.receive, 200, "OK")
      expect(statuses).to eq([200])
    end
  end

  describe "with work nested in the callback" do
    # What bob's 486 leads to.
    def refuse_at_bob(&on_failure)
      start_relay_to(bob) do |proxy, request|
        proxy.on_failure_response do
          proxy.clear_on_failure_response
          on_failure.call(proxy, request)
        end
      end
      call_from(alice)
      bob.answer(bob.receive, 486, "Busy Here")
    end

    it "is the outer event's when it was called before the nested work" do
      refuse_at_bob do |proxy, request|
        proxy.drop_response
        proxy.route(request, "127.0.0.1", bob.port, :sctp)
      end
      expect(statuses).to eq([478])
    end

    it "is the outer event's when the nested work has blocks of its own" do
      refuse_at_bob do |proxy, request|
        proxy.drop_response
        proxy.on_error { |status, *| seen << status }
        proxy.route(request, "127.0.0.1", bob.port, :sctp)
      end
      expect(statuses).to eq([478])
      expect(seen.all).to eq([478])
    end

    it "is the outer event's when it is called after the nested work" do
      refuse_at_bob do |proxy, request|
        proxy.route(request, "127.0.0.1", carol.port)
        proxy.drop_response
      end
      carol.answer(carol.receive, 200, "OK")
      expect(statuses).to eq([200])
    end

    it "is the nested event's when it is called there: the outer response goes upstream" do
      refuse_at_bob do |proxy, request|
        proxy.on_error { proxy.drop_response }
        proxy.route(request, "127.0.0.1", bob.port, :sctp)
      end
      expect(statuses).to eq([486])
    end
  end

  describe "outside of callbacks" do
    it "keeps back the next response, and only that" do
      start_relay_to(bob) { |proxy, _| proxy.drop_response }
      call_from(alice)
      forwarded = bob.receive
      [180, 183, 200].each { |status| bob.answer(forwarded, status) }
      expect(statuses).to eq([183, 200])
    end

    it "keeps back the next response though on_target runs before it" do
      start_relay_to(bob) do |proxy, _|
        proxy.drop_response
        proxy.on_target { seen << :target }
      end
      call_from(alice)
      forwarded = bob.receive
      [180, 200].each { |status| bob.answer(forwarded, status) }
      expect(statuses).to eq([200])
      expect(seen.all).to eq([:target])
    end

    it "keeps back the next response though it has callbacks" do
      start_relay_to(bob) do |proxy, _|
        proxy.drop_response
        proxy.on_provisional_response { |response| seen << response.status_code }
      end
      call_from(alice)
      forwarded = bob.receive
      [180, 183, 200].each { |status| bob.answer(forwarded, status) }
      expect(statuses).to eq([183, 200])
      expect(seen.all).to eq([180, 183])
    end

    it "keeps back the next response though a callback of its own class dropped nothing" do
      proxies = mailbox
      start_relay_to(bob) { |proxy, _| proxies << proxy }
      call_from(alice)
      forwarded = bob.receive
      bob.answer(forwarded, 180, "Ringing")
      alice.receive_until { |message| message.status == 180 }
      proxies.pop.drop_response
      [183, 200].each { |status| bob.answer(forwarded, status) }
      expect(statuses).to eq([200])
    end
  end

  describe "and on_target" do
    it "keeps back the refusal when on_target aborts and routes elsewhere" do
      start_relay_to(bob) do |proxy, request|
        proxy.on_target do
          proxy.drop_response
          proxy.abort_routing
          OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", carol.port)
        end
      end
      call_from(alice)
      carol.answer(carol.receive, 200, "OK")
      expect(statuses).to eq([200])
      expect(messages_at(bob)).to be_empty
    end
  end

  describe "after timer C" do
    it "is not needed for the 487 of the cancelled branch, and is not left over" do
      start_relay_to(bob, profile: { timer_C: 10 }) do |proxy, request|
        proxy.on_invite_timeout do
          proxy.drop_response
          proxy.route(request, "127.0.0.1", carol.port)
        end
      end
      call_from(alice)
      forwarded = bob.receive
      bob.answer(forwarded, 180, "Ringing")
      alice.receive_until { |message| message.status == 180 }
      OverSIP::Testing.advance(10)
      invite = carol.receive
      expect(bob.receive.method_name).to eq("CANCEL")
      bob.answer(forwarded, 487, "Request Terminated")
      expect(bob.receive.method_name).to eq("ACK")
      carol.answer(invite, 200, "OK")
      expect(statuses).to eq([200])
    end
  end
end
