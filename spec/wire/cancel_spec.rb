# frozen_string_literal: true

# A CANCEL of the client, at every moment of the life of its INVITE.
RSpec.describe "A CANCEL", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:carol) { udp_peer }
  let!(:gate) { Thread::Queue.new }
  let!(:seen) { mailbox }

  # A call through a proxy that notes its events, up to bob's 180 if `ringing`.
  def start_call(ringing: true, profile: {})
    start_relay_to(bob, profile: profile) do |proxy, request|
      proxy.on_canceled { seen << :canceled }
      proxy.on_success_response { |response| seen << response.status_code }
      proxy.on_failure_response { |response| seen << response.status_code }
      proxy.on_error { |_, _, code| seen << code }
      yield proxy, request if block_given?
    end
    @invite = call_from(alice)
    @forwarded = bob.receive
    ring if ringing
  end

  def ring
    bob.answer(@forwarded, 180, "Ringing")
    alice.receive_until { |message| message.status == 180 }
  end

  describe "after a provisional response" do
    it "is answered 200 and goes downstream with its reasons" do
      start_call
      reasons = ["SIP ;cause=200 ;text=\"Call completed elsewhere\"", "Q.850 ;cause=16"]
      answer = cancel_from(alice, @invite, headers: { "Reason" => reasons })
      expect([answer.status, answer.reason]).to eq([200, "Cancelled"])
      cancel = bob.receive
      expect([cancel.first_line, cancel.branch, cancel.headers("Reason")])
        .to eq([@forwarded.first_line.sub("INVITE", "CANCEL"), @forwarded.branch, reasons])
    end

    it "runs on_canceled, and the 487 goes upstream without on_failure_response" do
      start_call
      cancel_from(alice, @invite)
      bob.answer(bob.receive, 200, "OK")
      bob.answer(@forwarded, 487, "Request Terminated")
      expect(final_for(alice).status).to eq(487)
      everything_done
      expect(seen.all).to eq([:canceled])
    end

    it "goes downstream while the script is busy" do
      start_call do |proxy, _|
        proxy.on_provisional_response do |response|
          next unless response.status_code == 183

          seen << :busy
          gate.pop
        end
      end
      bob.answer(@forwarded, 183, "Progress")
      seen.pop
      cancel_from(alice, @invite)
      expect(bob.receive.method_name).to eq("CANCEL")
      expect(seen).to be_empty
      gate.close
      expect(seen.pop).to eq(:canceled)
    end

    it "counts once, however often it comes" do
      start_call
      3.times { expect(cancel_from(alice, @invite).status).to eq(200) }
      everything_done
      expect(seen.all).to eq([:canceled])
      expect(messages_at(bob).map(&:method_name)).to eq(["CANCEL"])
    end

    it "is too late for a 2xx on its way, which goes upstream with its callbacks" do
      start_call
      cancel_from(alice, @invite)
      bob.answer(@forwarded, 200, "OK")
      expect(final_for(alice).status).to eq(200)
      everything_done
      expect(seen.all).to eq([:canceled, 200])
    end

    it "is answered 200 and does nothing after the final response" do
      start_call
      bob.answer(@forwarded, 200, "OK")
      expect(final_for(alice).status).to eq(200)
      expect(cancel_from(alice, @invite).status).to eq(200)
      everything_done
      expect(seen.all).to eq([200])
      expect(messages_at(bob)).to be_empty
    end

    it "turns a 503 into 500" do
      start_call
      cancel_from(alice, @invite)
      bob.answer(@forwarded, 503, "Service Unavailable")
      expect(final_for(alice).status).to eq(500)
      everything_done
      expect(seen.all).to eq([:canceled])
    end

    it "ends with 487 after 32 s when the other side keeps silent" do
      start_call
      cancel_from(alice, @invite)
      OverSIP::Testing.advance(32)
      expect(final_for(alice).status).to eq(487)
      everything_done
      expect(seen.all).to eq([:canceled])
    end
  end

  it "that comes while timer C waits for the script is answered 487 at once" do
    start_call(profile: { timer_C: 10 }) do |proxy, _|
      proxy.on_invite_timeout { seen << :timeout }
      proxy.on_provisional_response do |response|
        next unless response.status_code == 183

        seen << :busy
        gate.pop
      end
    end
    bob.answer(@forwarded, 183, "Progress")
    seen.pop
    OverSIP::Testing.advance(10)
    cancel_from(alice, @invite)
    gate.close
    expect(final_for(alice).status).to eq(487)
    everything_done
    expect(seen.all).to eq([:canceled])
  end

  describe "before a provisional response" do
    it "waits for one" do
      start_call(ringing: false)
      cancel_from(alice, @invite)
      expect(seen.pop).to eq(:canceled)
      engine_caught_up
      expect(messages_at(bob)).to be_empty
      bob.answer(@forwarded, 100, "Trying")
      expect(bob.receive.method_name).to eq("CANCEL")
    end

    it "keeps back later provisional responses" do
      start_call(ringing: false)
      cancel_from(alice, @invite)
      bob.answer(@forwarded, 180, "Ringing")
      expect(bob.receive.method_name).to eq("CANCEL")
      everything_done
      expect(messages_at(alice)).to be_empty
    end

    it "ends with 487 and without a next target when no answer ever comes" do
      start_call(ringing: false, profile: { timer_B: 4 })
      cancel_from(alice, @invite)
      OverSIP::Testing.advance(4)
      expect(final_for(alice).status).to eq(487)
      everything_done
      expect(seen.all).to eq([:canceled])
    end
  end

  it "is answered 481 when it matches nothing" do
    start_relay_to(bob)
    alice.send_text(alice.build(:CANCEL, "sip:bob@b.example"), oversip_port)
    expect(alice.receive.first_line).to eq("SIP/2.0 481 Call/Transaction Does Not Exist")
  end

  it "is answered by the transaction itself, 487, when nothing routes the request" do
    start_oversip do |request|
      request.create_transaction
      request.reply(180)
      seen << :replied
    end
    OverSIP::Testing.freeze
    invite = call_from(alice)
    seen.pop
    cancel_from(alice, invite)
    final = final_for(alice)
    expect([final.status, final.reason]).to eq([487, "Request Terminated"])
  end

  describe "when the script is about to send" do
    def cancel_while_blocked
      seen.pop
      cancel_from(alice, @invite)
      gate.close
    end

    it "keeps on_target's target from being tried: 487, on_canceled once" do
      start_relay_to(bob) do |proxy, _|
        proxy.on_target { seen << :target and gate.pop }
        proxy.on_canceled { seen << :canceled }
        proxy.on_error { seen << :error }
      end
      @invite = call_from(alice)
      cancel_while_blocked
      expect(final_for(alice).status).to eq(487)
      everything_done
      expect(seen.all).to eq([:canceled])
      expect(messages_at(bob)).to be_empty
    end

    it "keeps a first route from sending: 487, on_canceled once" do
      start_oversip do |request|
        seen << :entered
        gate.pop
        proxy = OverSIP::SIP::Proxy.new
        proxy.on_canceled { seen << :canceled }
        proxy.on_target { seen << :target }
        proxy.on_error { seen << :error }
        proxy.route(request, bob.ip, bob.port)
      end
      OverSIP::Testing.freeze
      @invite = call_from(alice)
      cancel_while_blocked
      expect(final_for(alice).status).to eq(487)
      everything_done
      expect(seen.all).to eq([:canceled])
      expect(messages_at(bob)).to be_empty
    end

    it "keeps a route after the transaction's own 487 from sending" do
      requests = Thread::Queue.new
      start_oversip do |request|
        request.create_transaction
        requests << request
      end
      OverSIP::Testing.freeze
      invite = call_from(alice)
      request = requests.pop
      cancel_from(alice, invite)
      final_for(alice)
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_canceled { seen << :canceled }
      proxy.route(request, bob.ip, bob.port)
      everything_done
      expect(seen.all).to eq([:canceled])
      expect(messages_at(bob)).to be_empty
      expect(messages_at(alice)).to be_empty
    end

    # `again` routes the request once more, from a callback that was running when the CANCEL came.
    def fail_over(&again)
      start_relay_to(bob) do |proxy, request|
        proxy.on_canceled { seen << :canceled }
        proxy.on_failure_response do
          seen << :failure
          gate.pop
          proxy.drop_response
          again.call(proxy, request)
        end
      end
      @invite = call_from(alice)
      bob.answer(bob.receive, 486, "Busy Here")
      cancel_while_blocked
      expect(final_for(alice).status).to eq(487)
      everything_done
    end

    it "keeps the same Client from going on to another destination: on_canceled once" do
      fail_over { |proxy, request| proxy.route(request, carol.ip, carol.port) }
      expect(seen.all).to eq([:canceled])
      expect(messages_at(carol)).to be_empty
    end

    it "keeps a new Client from going on to another destination: on_canceled once" do
      fail_over do |_, request|
        another = OverSIP::SIP::Proxy.new
        another.on_canceled { seen << :canceled }
        another.route(request, carol.ip, carol.port)
      end
      expect(seen.all).to eq([:canceled])
      expect(messages_at(carol)).to be_empty
    end
  end

  it "reaches each Client whose branch is pending" do
    start_call do |_, request|
      @fork = lambda do
        another = OverSIP::SIP::Proxy.new
        another.on_canceled { seen << :another }
        another.route(request, carol.ip, carol.port)
      end
    end
    OverSIP.schedule { @fork.call }
    second = carol.receive
    carol.answer(second, 183, "Progress")
    alice.receive_until { |message| message.status == 183 }
    cancel_from(alice, @invite)
    expect(carol.receive.method_name).to eq("CANCEL")
    everything_done
    expect(seen.all).to eq(%i[canceled another])
  end
end
