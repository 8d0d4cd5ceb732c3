# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/compaction"
require_relative "../support/digest_challenger"

# One Client with several requests under way.
RSpec.describe "Several requests of one Client", :native do
  extend Compaction

  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:seen) { mailbox }
  let!(:fibers) { mailbox }

  def events
    everything_done
    seen.all
  end

  def suspend
    fibers << Fiber.current
    Fiber.yield
  end

  def resume(fiber)
    OverSIP.schedule { fiber.resume }
  end

  describe "of a Uac" do
    let(:uac) { OverSIP::SIP::Uac.new }

    # Ten requests without waiting, as bob has them: by the number in their user.
    def send_ten(method)
      start_oversip
      OverSIP::Testing.freeze
      uac
      yield if block_given?
      OverSIP.schedule do
        10.times { |n| uac.route(OverSIP::SIP::UacRequest.new({ sip_method: method, ruri: "sip:#{n}@127.0.0.1:#{bob.port}" })) }
      end
      Array.new(10) { bob.receive }.to_h { |request| [request.ruri[/\d+/].to_i, request] }
    end

    %i[OPTIONS INVITE].each do |method|
      it "have ten outcomes, in the order of the responses, each with its own request (#{method})" do
        sent = send_ten(method) do
          uac.on_success_response { |response| seen << [uac.request.ruri.user, uac.current_target.port, response.status_code] }
          uac.on_failure_response { |response| seen << [uac.request.ruri.user, uac.current_target.port, response.status_code] }
        end
        order = [3, 9, 0, 5, 1, 8, 2, 7, 4, 6]
        order.each { |n| bob.answer(sent[n], n.even? ? 200 : 404 + n) }
        expect(events).to eq(order.map { |n| [n.to_s, bob.port, n.even? ? 200 : 404 + n] })
        expect(messages_at(bob).map(&:method_name)).to eq(method == :INVITE ? ["ACK"] * 5 : [])
      end
    end

    it "fail one by one" do
      sent = send_ten(:OPTIONS) { uac.on_error { |_, _, code| seen << [uac.request.ruri.user, code] } }
      bob.answer(sent[4], 200)
      everything_done
      OverSIP::Testing.advance(32)
      expect(events).to match_array(([*0..9] - [4]).map { |n| [n.to_s, :client_timeout] })
    end

    it "may be calls of several threads: each gets its own response" do
      start_oversip
      OverSIP::Testing.freeze
      uac
      request = ->(n) { OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:#{n}@127.0.0.1:#{bob.port}" }) }
      callers = Array.new(10) { |n| Thread.new { uac.call(request.call(n)).status_code } }
      at_bob = Array.new(10) { bob.receive }
      at_bob.shuffle(random: Random.new(1)).each { |sent| bob.answer(sent, 400 + sent.ruri[/\d+/].to_i) }
      expect(callers.map(&:value)).to eq((400..409).to_a)
    end

    it "are cancelled one by one in a block, all outside" do
      sent = send_ten(:INVITE) do
        uac.on_provisional_response { |response| uac.cancel if response.status_code == 183 }
        uac.on_canceled { seen << uac.request.ruri.user }
      end
      sent.each { |n, invite| bob.answer(invite, n == 7 ? 183 : 180) }
      expect(events).to eq(["7"])
      expect(messages_at(bob).map { |message| [message.method_name, message.ruri[/\d+/]] }).to eq([%w[CANCEL 7]])
      OverSIP.schedule { uac.cancel }
      expect(events).to match_array(([*0..9] - [7]).map(&:to_s))
      expect(messages_at(bob).map { |message| message.ruri[/\d+/].to_i }).to match_array([*0..9] - [7])
    end

    it "keep the answers to their challenges apart: each ACK has its own" do
      uac.credentials = { username: "alice", password: "secret" }
      uac.on_success_response { |response| seen << response }
      sent = send_ten(:INVITE)
      realms = [2, 5].each { |n| challenge_from(bob, sent[n], realm: "realm-#{n}") }
      again = Array.new(4) { bob.receive }.select { |message| message.method_name == "INVITE" }
      again.each { |invite| bob.answer(invite, 200, to_tag: "bob") }
      Array.new(2) { seen.pop }.each { |response| uac.ack(response) }
      acks = [bob.receive, bob.receive]
      expect(acks.map { |ack| digest_parameters(ack.header("Authorization"))["realm"] }).to match_array(realms.map { |n| "realm-#{n}" })
      expect(acks.map { |ack| ack.header("Authorization") }).to match_array(again.map { |invite| invite.header("Authorization") })
    end

    it "are two for one request object only when it is routed anew after its end" do
      start_oversip
      OverSIP::Testing.freeze
      request = OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:1@127.0.0.1:#{bob.port}" })
      uac.on_success_response { |response| seen << response.to_tag }
      OverSIP.schedule { uac.route(request) }
      first = bob.receive
      bob.answer(first, 100, "Trying")
      everything_done
      OverSIP.schedule { uac.route(request) }
      cancel, second = [bob.receive, bob.receive].sort_by(&:method_name)
      expect([cancel.method_name, cancel.branch, second.method_name]).to eq(["CANCEL", first.branch, "INVITE"])
      bob.answer(second, 200, to_tag: "second")
      expect(events).to eq(["second"])
    end

    it "leave no call behind when the 2xx of the first crosses the second route of the same object: ACK and BYE" do
      start_oversip
      OverSIP::Testing.freeze
      request = OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:1@127.0.0.1:#{bob.port}", cseq: 7 })
      uac.on_success_response { |response| seen << response.to_tag }
      OverSIP.schedule { uac.route(request) }
      first = bob.receive
      bob.answer(first, 180)
      everything_done
      OverSIP.schedule { uac.route(request) }
      2.times { bob.receive }
      bob.answer(first, 200, to_tag: "first")
      ending = Array.new(2) { bob.receive }
      expect(ending.map { |message| [message.header("CSeq"), message.to_tag] }).to eq([["7 ACK", "first"], ["8 BYE", "first"]])
      expect(events).to be_empty
    end
  end

  describe "of a Proxy" do
    let(:proxy) { OverSIP::SIP::Proxy.new }

    # Three requests of alice's through one Proxy, at bob: by their user.
    def relay_three(method = :INVITE)
      start_oversip { |request| proxy.route(request, bob.ip, bob.port) }
      proxy
      yield if block_given?
      OverSIP::Testing.freeze
      %w[x y z].each { |user| alice.send_text(alice.build(method, "sip:#{user}@b.example", call_id: user), oversip_port) }
      Array.new(3) { bob.receive }.to_h { |request| [request.ruri[/:(\w)@/, 1], request] }
    end

    # [Call-ID, status] of what alice has got above 100.
    def answers
      everything_done
      messages_at(alice).map { |message| [message.header("Call-ID"), message.status] }.reject { |_, status| status == 100 }
    end

    it "have one final response each, and blocks that know whose it is" do
      at_bob = relay_three do
        proxy.on_failure_response { |response| seen << [proxy.request.call_id, response.request.call_id, proxy.current_target.port] }
      end
      { "y" => 486, "z" => 404, "x" => 500 }.each { |user, status| bob.answer(at_bob[user], status) }
      expect(answers).to eq([["y", 486], ["z", 404], ["x", 500]])
      expect(events).to eq(%w[y z x].map { |user| [user, user, bob.port] })
    end

    it "are dropped by drop_response in a block one by one" do
      at_bob = relay_three { proxy.on_failure_response { proxy.drop_response if proxy.request.call_id == "y" } }
      %w[x y z].each { |user| bob.answer(at_bob[user], 486) }
      expect(answers).to eq([["x", 486], ["z", 486]])
    end

    it "keep the next response of any back after drop_response outside" do
      at_bob = relay_three
      OverSIP.schedule { proxy.drop_response }
      everything_done
      %w[z x y].each { |user| bob.answer(at_bob[user], 180) }
      expect(answers).to eq([["x", 180], ["y", 180]])
    end

    it "are cancelled by cancel in a block one by one" do
      at_bob = relay_three { proxy.on_provisional_response { |response| proxy.cancel if response.status_code == 183 } }
      bob.answer(at_bob["x"], 180)
      bob.answer(at_bob["z"], 183)
      everything_done
      expect(messages_at(bob).map { |message| [message.method_name, message.ruri] }).to eq([["CANCEL", at_bob["z"].ruri]])
    end

    it "are aborted by abort_routing in a block one by one" do
      start_oversip { |request| proxy.route(request, bob.ip, bob.port) }
      proxy.on_target { proxy.abort_routing if proxy.request.call_id == "y" }
      OverSIP::Testing.freeze
      %w[x y z].each { |user| alice.send_text(alice.build(:MESSAGE, "sip:#{user}@b.example", call_id: user), oversip_port) }
      everything_done
      expect(messages_at(bob).map { |message| message.header("Call-ID") }).to eq(%w[x z])
      expect(answers).to eq([["y", 403]])
    end

    it "are aborted by abort_routing in a block for the next route of their own request, and of no other" do
      start_oversip { |request| proxy.route(request, bob.ip, bob.port) }
      proxy.on_failure_response do
        next unless proxy.request.call_id == "y"

        proxy.drop_response
        proxy.abort_routing
        proxy.route(proxy.request, bob.ip, bob.port)
      end
      OverSIP::Testing.freeze
      %w[x y].each { |user| alice.send_text(alice.build(:MESSAGE, "sip:#{user}@b.example", call_id: user), oversip_port) }
      bob.receive
      bob.answer(bob.receive, 404)
      expect(answers).to eq([["y", 403]])
      alice.send_text(alice.build(:MESSAGE, "sip:z@b.example", call_id: "z"), oversip_port)
      expect(bob.receive.header("Call-ID")).to eq("z")
    end

    it "do not mix with those of another Client" do
      other = OverSIP::SIP::Proxy.new
      start_oversip { |request| (request.call_id == "y" ? other : proxy).route(request, bob.ip, bob.port) }
      [proxy, other].each do |client|
        client.on_target do
          suspend
          client.abort_routing if client.request.call_id == "y"
          seen << client.request.call_id
        end
      end
      OverSIP::Testing.freeze
      %w[x y].each { |user| alice.send_text(alice.build(:MESSAGE, "sip:#{user}@b.example", call_id: user), oversip_port) }
      2.times.map { fibers.pop }.reverse_each { |fiber| resume(fiber) }
      expect(events).to eq(%w[y x])
      expect([messages_at(bob).map { |message| message.header("Call-ID") }, answers]).to eq([["x"], [["y", 403]]])
    end

    describe "whose blocks are suspended" do
      # The blocks of on_target of x and y wait at the same time, in this order.
      def suspend_two(&block)
        start_oversip { |request| proxy.route(request, bob.ip, bob.port) }
        proxy.on_target do
          suspend
          block.call(proxy.request.call_id)
        end
        OverSIP::Testing.freeze
        %w[x y].each { |user| alice.send_text(alice.build(:INVITE, "sip:#{user}@b.example", call_id: user), oversip_port) }
        Array.new(2) { fibers.pop }
      end

      it "know their request and their target, whichever goes on first" do
        suspend_two { |call_id| seen << [call_id, proxy.current_target.port] }.each { |fiber| resume(fiber) }
        expect(events).to eq([["x", bob.port], ["y", bob.port]])
      end

      it "abort their own request" do
        suspend_two { |call_id| proxy.abort_routing if call_id == "x" }.each { |fiber| resume(fiber) }
        expect(answers).to eq([["x", 403]])
        expect(messages_at(bob).map { |message| message.header("Call-ID") }).to eq(["y"])
      end

      it "drop the response of their own event" do
        first, second = suspend_two do |call_id|
          proxy.abort_routing
          proxy.drop_response if call_id == "x"
        end
        [first, second].each { |fiber| resume(fiber) }
        expect(answers).to eq([["y", 403]])
      end

      it "cancel their own request" do
        suspend_two { |call_id| proxy.cancel if call_id == "x" }.each { |fiber| resume(fiber) }
        expect(answers).to eq([["x", 487]])
        expect(messages_at(bob).map { |message| message.header("Call-ID") }).to eq(["y"])
      end

      it "act for their event in a Fiber of their own making" do
        waiting = suspend_two do |call_id|
          seen << Enumerator.new { |found| found << proxy.request.call_id }.next
          Enumerator.new { |found| found << proxy.cancel }.next if call_id == "y"
        end
        resume(waiting[1])
        resume(waiting[0])
        expect(events).to eq(%w[y x])
        expect(answers).to eq([["y", 487]])
      end

      it "are none of an event that comes meanwhile: there the Client means all" do
        waiting = suspend_two { nil }
        OverSIP.schedule do
          seen << proxy.request.call_id
          proxy.cancel
        end
        expect(events).to eq(["y"])
        waiting.each { |fiber| resume(fiber) }
        expect(answers).to contain_exactly(["x", 487], ["y", 487])
        expect(messages_at(bob)).to be_empty
      end

      it_compacts "survive the garbage collection with their requests, also when nobody resumes them" do
        waiting = suspend_two { |call_id| seen << [call_id, proxy.request.call_id] }
        GC.start
        GC.compact if GC.respond_to?(:compact)
        resume(waiting[1])
        expect(events).to eq([%w[y y]])
        OverSIP.stop(timeout: 0)
        waiting.clear
        GC.start
        start_oversip { |request| proxy.route(request, bob.ip, bob.port) }
        proxy.clear_on_target
        proxy.on_target { seen << proxy.request.call_id }
        20.times { |n| alice.send_text(alice.build(:MESSAGE, "sip:b@b.example", call_id: n.to_s), oversip_port) }
        expect(Array.new(20) { seen.pop }).to eq(Array.new(20, &:to_s))
      end

      it "are none of another thread" do
        waiting = suspend_two { seen << Thread.new { proxy.cancel }.join }
        resume(waiting[0])
        events
        resume(waiting[1])
        expect(answers).to contain_exactly(["x", 487], ["y", 487])
      end
    end
  end
end
