# frozen_string_literal: true

require_relative "../support/callbacks"

# All branches of one request belong together, whichever Proxy has made them (RFC 3261 16.7).
RSpec.describe "The branches of a request", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:carol) { udp_peer }
  let!(:seen) { mailbox }

  # What alice has got above 100, and not yet taken.
  def statuses
    everything_done
    messages_at(alice).select { |message| message.method_name == "INVITE" }.map(&:status).reject { |status| status == 100 }
  end

  # What the blocks have seen since this was asked last.
  def events
    everything_done
    seen.all
  end

  # A Proxy whose events are noted with the name of its callee. The block is its `on_failure_response`.
  def proxy_for(name, &on_failure)
    OverSIP::SIP::Proxy.new.tap do |proxy|
      (CallbackHelpers::EVENTS - %i[target provisional_response]).each do |event|
        proxy.public_send(:"on_#{event}") { |first = nil, *| seen << [name, event, *(noted(first) if first)] }
      end
      proxy.on_failure_response { |response| on_failure.call(proxy, response) } if on_failure
    end
  end

  # A call that goes to bob and carol at the same time, by two Proxies.
  def fork_call(ringing: true, &on_failure)
    start_oversip do |request|
      @request = request
      proxy_for(:bob, &on_failure).route(request, bob.ip, bob.port)
      proxy_for(:carol, &on_failure).route(request, carol.ip, carol.port)
    end
    OverSIP::Testing.freeze
    @invite = call_from(alice)
    @at = { bob => bob.receive, carol => carol.receive }
    @at.each { |callee, invite| callee.answer(invite, 180, "Ringing") } if ringing
    statuses
  end

  def answer(callee, status, **options)
    callee.answer(@at[callee], status, **options)
  end

  # The callee has been cancelled and says so.
  def end_cancelled(callee)
    cancel = callee.receive_until { |message| message.method_name == "CANCEL" }
    callee.answer(cancel, 200)
    answer(callee, 487)
    callee.receive_until { |message| message.method_name == "ACK" }
  end

  describe "of two Proxies" do
    it "ring at the same time: each provisional response goes upstream" do
      fork_call(ringing: false)
      answer(bob, 180)
      answer(carol, 183)
      expect(statuses).to eq([180, 183])
    end

    it "end with a 2xx: it goes upstream at once and cancels the others, of which nothing more is heard" do
      fork_call
      answer(carol, 200, to_tag: "carol")
      expect(final_for(alice).to_tag).to eq("carol")
      end_cancelled(bob)
      expect(statuses).to eq([])
      expect(events).to eq([[:carol, :success_response, 200]])
    end

    it "both may answer 2xx: both go upstream, with their blocks" do
      fork_call
      answer(carol, 200, to_tag: "carol")
      answer(bob, 200, to_tag: "bob")
      expect([final_for(alice), final_for(alice)].map(&:to_tag)).to eq(%w[carol bob])
      expect(events).to eq([[:carol, :success_response, 200], [:bob, :success_response, 200]])
    end

    it "wait for each other with a failure, whose blocks run when it comes; the best one goes upstream" do
      fork_call
      answer(carol, 500)
      expect(statuses).to eq([])
      expect(events).to eq([[:carol, :failure_response, 500]])
      answer(bob, 486)
      expect(statuses).to eq([486])
      expect(events).to eq([[:bob, :failure_response, 486]])
    end

    it "give the first of equal failures" do
      fork_call
      answer(carol, 404)
      answer(bob, 486)
      expect(statuses).to eq([404])
    end

    it "give all challenges with a 401" do
      fork_call
      answer(carol, 401, headers: { "WWW-Authenticate" => 'Digest realm="carol", nonce="1"' })
      answer(bob, 401, headers: { "WWW-Authenticate" => 'Digest realm="bob", nonce="2"' })
      expect(final_for(alice).headers("WWW-Authenticate")).to eq(['Digest realm="carol", nonce="1"', 'Digest realm="bob", nonce="2"'])
    end

    it "do not end with the failure of one when the other one accepts" do
      fork_call
      answer(carol, 486)
      answer(bob, 200, to_tag: "bob")
      expect(final_for(alice).to_tag).to eq("bob")
    end

    it "are cancelled by a 6xx, which waits for them; no block runs for what they answer" do
      fork_call
      answer(carol, 603)
      expect(statuses).to eq([])
      end_cancelled(bob)
      expect(statuses).to eq([603])
      expect(events).to eq([[:carol, :failure_response, 603]])
    end

    it "that cross a 6xx with a 2xx are accepted" do
      fork_call
      answer(carol, 603)
      bob.receive_until { |message| message.method_name == "CANCEL" }
      answer(bob, 200, to_tag: "bob")
      expect(final_for(alice).to_tag).to eq("bob")
      expect(statuses).to eq([])
      expect(events).to eq([[:carol, :failure_response, 603], [:bob, :success_response, 200]])
    end

    it "count as answers only if they were not dropped" do
      fork_call { |proxy, response| proxy.drop_response if response.status_code == 486 }
      answer(carol, 486)
      answer(bob, 500)
      expect(statuses).to eq([500])
    end

    it "give nothing when all answers were dropped" do
      fork_call { |proxy, _| proxy.drop_response }
      answer(carol, 486)
      answer(bob, 500)
      expect(statuses).to eq([])
    end

    it "wait with failures of the library's own, too" do
      start_oversip do |request|
        proxy_for(:bob).route(request, bob.ip, bob.port)
        proxy_for(:nobody).route(request, bob.ip, bob.port, :sctp)
      end
      OverSIP::Testing.freeze
      call_from(alice)
      forwarded = bob.receive
      expect(statuses).to eq([])
      expect(events).to eq([[:nobody, :error, 478]])
      bob.answer(forwarded, 500)
      expect(statuses).to eq([478])
    end

    it "end the call of a 2xx that a block has turned into a failure: the callee gets ACK and BYE, also when it repeats the 2xx" do
      start_relay_to(bob) { |proxy, _| proxy.on_success_response { |response| response.status_code = 480 } }
      call_from(alice)
      forwarded = bob.receive
      bob.answer(forwarded, 200, to_tag: "bob")
      expect(final_for(alice).status).to eq(480)
      expect([bob.receive, bob.receive].map { |request| [request.method_name, request.to_tag] }).to eq([%w[ACK bob], %w[BYE bob]])
      bob.answer(forwarded, 200, to_tag: "bob")
      expect([bob.receive.method_name, statuses]).to eq(["ACK", []])
    end

    it "may be of a request other than INVITE, too" do
      start_oversip do |request|
        proxy_for(:bob).route(request, bob.ip, bob.port)
        proxy_for(:carol).route(request, carol.ip, carol.port)
      end
      OverSIP::Testing.freeze
      call_from(alice, :MESSAGE)
      bob.answer(bob.receive, 404)
      carol.answer(carol.receive, 200)
      expect(alice.receive_final.status).to eq(200)
      everything_done
      expect([bob, carol].flat_map { |callee| messages_at(callee) }).to be_empty
    end
  end

  describe "that are cancelled by the client" do
    it "are all cancelled; on_canceled runs once on each Proxy, and the 487 goes up once" do
      fork_call
      cancel_from(alice, @invite)
      expect(events).to contain_exactly(%i[bob canceled], %i[carol canceled])
      end_cancelled(bob)
      expect(statuses).to eq([])
      end_cancelled(carol)
      expect(statuses).to eq([487])
      expect(events).to eq([])
    end

    it "are cancelled but for those that have their answer" do
      fork_call
      answer(carol, 486)
      expect(events).to eq([[:carol, :failure_response, 486]])
      cancel_from(alice, @invite)
      end_cancelled(bob)
      expect(statuses).to eq([486])
      expect(events).to eq([%i[bob canceled]])
      expect(messages_at(carol).map(&:method_name)).to eq(["ACK"])
    end

    it "may cross it with a 2xx, which goes upstream with its block" do
      fork_call
      cancel_from(alice, @invite)
      answer(carol, 200, to_tag: "carol")
      expect(final_for(alice).to_tag).to eq("carol")
      expect(events).to contain_exactly(%i[bob canceled], %i[carol canceled], [:carol, :success_response, 200])
    end
  end

  describe "that are begun one after the other while the first one rings" do
    # Twenty seconds at bob, then carol as well.
    def ring_then_fork
      start_oversip do |request|
        proxy_for(:bob).route(request, bob.ip, bob.port)
        OverSIP.schedule(after: 20) { proxy_for(:carol).route(request, carol.ip, carol.port) }
      end
      OverSIP::Testing.freeze
      @invite = call_from(alice)
      @at = { bob => bob.receive }
      answer(bob, 180)
      expect(statuses).to eq([180])
      OverSIP::Testing.advance(20)
      @at[carol] = carol.receive
    end

    it "both get the CANCEL of the client" do
      ring_then_fork
      answer(carol, 180)
      everything_done
      cancel_from(alice, @invite)
      [bob, carol].each { |callee| end_cancelled(callee) }
      expect(final_for(alice).status).to eq(487)
    end

    it "ring on when the second one is busy" do
      ring_then_fork
      answer(carol, 486)
      expect(statuses).to eq([])
      answer(bob, 200, to_tag: "bob")
      expect(final_for(alice).to_tag).to eq("bob")
    end

    it "end when the second one accepts" do
      ring_then_fork
      answer(carol, 200, to_tag: "carol")
      expect(final_for(alice).to_tag).to eq("carol")
      end_cancelled(bob)
    end
  end

  describe "when the script replies by itself" do
    # bob and carol ring, and the script answers.
    def reply_while_ringing(status)
      fork_call
      OverSIP.schedule { @request.reply(status) }
      expect(final_for(alice).status).to eq(status)
    end

    [480, 200].each do |status|
      it "with #{status} are cancelled, and nothing more is heard of them" do
        reply_while_ringing(status)
        [bob, carol].each { |callee| end_cancelled(callee) }
        expect([statuses, events]).to eq([[], []])
      end
    end

    it "with a failure and cross it with a 2xx, are acknowledged and ended with BYE" do
      reply_while_ringing(480)
      answer(bob, 200, to_tag: "bob")
      requests = [bob.receive, bob.receive, bob.receive].map { |request| [request.method_name, request.to_tag] }
      expect(requests).to eq([["CANCEL", nil], %w[ACK bob], %w[BYE bob]])
      expect(statuses).to eq([])
    end

    it "with a provisional response ring on" do
      fork_call
      OverSIP.schedule { @request.reply(183) }
      expect(statuses).to eq([183])
      expect([bob, carol].flat_map { |callee| messages_at(callee) }).to be_empty
      answer(bob, 200)
      expect(statuses).to eq([200])
    end

    it "are not begun after a 2xx: a record says so" do
      fork_call
      answer(bob, 200)
      final_for(alice)
      dave = udp_peer
      OverSIP.schedule { proxy_for(:dave).route(@request, dave.ip, dave.port) }
      expect(events).to eq([[:bob, :success_response, 200]])
      expect(messages_at(dave)).to be_empty
    end
  end
end
