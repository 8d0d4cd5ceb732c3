# frozen_string_literal: true

# The log has records of slow blocks, of Fibers that are not resumed, and of unanswered requests.
RSpec.describe "A slow block", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:gate) { Thread::Queue.new }
  let!(:entered) { mailbox }

  # The log records so far that match; the dispatcher, whose thread is busy, is not needed for them.
  def warnings(log, pattern)
    OverSIP::Logger.flush
    log.map(&:body).grep(pattern)
  end

  def wait_for_warning(log, pattern)
    eventually { !warnings(log, pattern).empty? }
    warnings(log, pattern)
  end

  # Where this line of the spec is, as a backtrace has it.
  def here
    place = caller_locations(1, 1).first
    "#{place.path}:#{place.lineno}"
  end

  # A look whenever the example wants one.
  def watch(limit)
    OverSIP::Dispatcher::Watch.new(limit)
  end

  it "is told of in the log, with its request and where it stands" do
    place = nil
    capture_log(level: :warn) do |log|
      start_oversip do
        entered << true
        (place = here) && gate.pop
      end
      OverSIP::Testing.freeze
      request = SipText.new(call_from(alice, :MESSAGE))
      entered.pop
      OverSIP::Testing.advance(5)
      said = wait_for_warning(log, /has been running/)
      expect(said).to contain_exactly(
        a_string_starting_with("on_request of MESSAGE sip:bob@b.example (Call-ID #{request.header("Call-ID")}) has been running for 5 s; it stands at")
          .and(include("#{place}:"))
      )
      expect(said.first).not_to match(%r{lib/oversip/})
      gate.close
    end
  end

  it "is told of after a script has killed the thread that looks, be it at once" do
    capture_log(level: :warn) do |log|
      start_oversip do
        entered << true
        gate.pop
      end
      OverSIP::Testing.freeze
      watching = -> { Thread.list.find { |thread| thread.name == "oversip watch" && thread.alive? } }
      20.times do
        eventually { watching.call }
        watching.call.kill.join
      end
      call_from(alice, :MESSAGE)
      entered.pop
      OverSIP::Testing.advance(5)
      wait_for_warning(log, /has been running/)
      gate.close
      OverSIP.stop(timeout: 0)
      expect(watching.call).to be_nil
    end
  end

  # @return [Array<String>] what the log tells of an event that waits, while another one is suspended
  def told_of_standstill(release, suspended: true, &wait)
    capture_log(level: :warn) do |log|
      start_oversip(configuration: { core: { callback_warning_time: 0 } })
      OverSIP::Testing.freeze
      OverSIP.schedule { OverSIP.sleep(1000) } if suspended
      OverSIP.schedule { (entered << true) && wait.call }
      entered.pop
      eventually { OverSIP::Dispatcher.asleep? }
      OverSIP::Testing.advance(5)
      watch(5).look
      release.call
      return warnings(log, /has been running/)
    end
  end

  it "is told of with what it waits for, if a suspended block may have it" do
    mutex = Thread::Mutex.new.tap(&:lock)
    expect(told_of_standstill(-> { mutex.unlock }) { mutex.synchronize { :locked } })
      .to match([%r{running for 5 s and waits for a lock that a block which waits may have.*docs/waiting.md\); it stands at #{__FILE__}:}])
    OverSIP.stop
    expect(told_of_standstill(-> { gate << 1 }) { gate.pop }).to match([/waits for a queue that a block which waits may have/])
  end

  it "is told of without that, if no block is suspended" do
    expect(told_of_standstill(-> { gate << 1 }, suspended: false) { gate.pop }).to match([/running for 5 s; it stands at/])
  end

  it "does not end the looking by an error in it, which the log tells" do
    failing = Struct.new(:suspended_events, :backtrace).new
    said = capture_log(level: :warn) do
      start_oversip
      OverSIP::Dispatcher::Watch.new(5, dispatcher: failing).look
    end
    expect(said.map(&:body)).to match([/error while looking/, /NoMethodError/])
  end

  it "is told of under each engine of the process, though their events have the same numbers" do
    2.times do
      held = Thread::Queue.new
      capture_log(level: :warn) do |log|
        start_oversip do
          entered << true
          held.pop
        end
        OverSIP::Testing.freeze
        call_from(alice, :MESSAGE)
        entered.pop
        OverSIP::Testing.advance(5)
        wait_for_warning(log, /has been running/)
        held.close
        OverSIP.stop(timeout: 0)
      end
    end
  end

  it "is told of once" do
    capture_log(level: :warn) do |log|
      start_oversip(configuration: { core: { callback_warning_time: 0 } }) do |request|
        entered << true
        request.sip_method == :OPTIONS ? Fiber.yield : gate.pop
      end
      OverSIP::Testing.freeze
      %i[OPTIONS MESSAGE].each { |method| call_from(alice, method) and entered.pop }
      OverSIP::Testing.advance(5)
      looking = watch(5)
      3.times do
        looking.look
        OverSIP::Testing.advance(5)
      end
      expect(warnings(log, /has been/)).to match([/MESSAGE.*running for 5 s/, /OPTIONS.*suspended for 5 s/])
      gate.close
    end
  end

  it "is told of in one record when many wait for the same" do
    capture_log(level: :warn) do |log|
      start_oversip(configuration: { core: { callback_warning_time: 0 } })
      OverSIP::Testing.freeze
      30.times { OverSIP.schedule { OverSIP.sleep(60) } }
      OverSIP.schedule { OverSIP.sleep(50) }
      eventually { OverSIP.stats[:waiting_blocks] == 31 }
      looking = watch(5)
      OverSIP::Testing.advance(5)
      2.times { looking.look }
      expect(warnings(log, /has been/)).to match(
        [/OverSIP.schedule has been suspended for 5 s and waits for OverSIP.sleep\(60.0\), and so have 29 others; it stands at #{__FILE__}:/,
         /OverSIP.schedule has been suspended for 5 s and waits for OverSIP.sleep\(50.0\); it stands at #{__FILE__}:/]
      )
    end
  end

  it "is told of with others whose time comes within a second" do
    capture_log(level: :warn) do |log|
      start_oversip
      OverSIP::Testing.freeze
      wait = lambda do
        OverSIP.schedule { OverSIP.sleep(60) }
        dispatcher_caught_up
        OverSIP::Testing.advance(0.01)
      end
      wait.call
      19.times { wait.call }
      eventually { OverSIP.stats[:waiting_blocks] == 20 }
      OverSIP::Testing.advance(4.8)
      wait_for_warning(log, /has been/)
      100.times { OverSIP::Testing.advance(0.01) }
      eventually { warnings(log, /others/).any? }
      expect(warnings(log, /has been/).size).to be <= 3
    end
  end

  it "shows in the stats how long it has been running" do
    start_oversip do
      entered << true
      gate.pop
    end
    OverSIP::Testing.freeze
    expect(OverSIP.stats[:callback_seconds]).to eq(0.0)
    call_from(alice, :MESSAGE)
    entered.pop
    OverSIP::Testing.advance(3)
    expect(OverSIP.stats[:callback_seconds]).to be_within(0.001).of(3)
    gate.close
    dispatcher_caught_up
    eventually { OverSIP.stats[:callback_seconds].zero? }
  end

  it "is logged and counted when its suspended Fiber is not resumed" do
    place = nil
    capture_log(level: :warn) do |log|
      start_relay_to(bob) do |proxy, _|
        proxy.on_provisional_response do
          entered << Fiber.current
          (place = here) && Fiber.yield
        end
      end
      invite = SipText.new(call_from(alice))
      forwarded = bob.receive
      bob.answer(forwarded, 180)
      fiber = entered.pop
      dispatcher_caught_up
      expect(OverSIP.stats).to include(suspended_fibers: 1, callback_seconds: 0.0)
      OverSIP::Testing.advance(5)
      expect(wait_for_warning(log, /has been suspended/)).to contain_exactly(
        a_string_starting_with("a block of INVITE sip:bob@b.example (Call-ID #{invite.header("Call-ID")}) has been suspended for 5 s; it stands at")
          .and(include("#{place}:"))
      )
      OverSIP.schedule { fiber.resume }
      dispatcher_caught_up
      expect(OverSIP.stats).to include(suspended_fibers: 0)
    end
  end

  it "is told of by the request that a Uac has sent, and when no request is there" do
    capture_log(level: :warn) do |log|
      start_oversip { nil }
      OverSIP::Testing.freeze
      uac = OverSIP::SIP::Uac.new
      uac.on_success_response do
        entered << true
        Fiber.yield
      end
      uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@b.example", from: "sip:a@a.example" }), bob.ip, bob.port)
      bob.answer(bob.receive, 200)
      entered.pop
      OverSIP.schedule { Fiber.yield }
      dispatcher_caught_up
      OverSIP::Testing.advance(5)
      wait_for_warning(log, /\Aa block given to OverSIP.schedule has been suspended for 5 s/)
      expect(warnings(log, /has been suspended/).size).to eq(2)
      expect(warnings(log, /\Aa block of OPTIONS sip:bob@b.example \(Call-ID \S+\) has been suspended/).size).to eq(1)
    end
  end

  it "is not told of before its time, nor at all when callback_warning_time is 0" do
    capture_log(level: :warn) do |log|
      start_oversip(configuration: { core: { callback_warning_time: 0 } }) { Fiber.yield }
      expect(Thread.list.map(&:name)).not_to include("oversip watch")
      OverSIP::Testing.freeze
      call_from(alice, :MESSAGE)
      eventually { OverSIP.stats[:suspended_fibers] == 1 }
      looking = watch(60)
      OverSIP::Testing.advance(59)
      looking.look
      expect(warnings(log, /has been/)).to be_empty
      OverSIP::Testing.advance(1)
      looking.look
      expect(wait_for_warning(log, /has been/).size).to eq(1)
    end
  end

  describe "and leaves a request without an answer" do
    # What the log says at debug of a request that this script leaves alone.
    def reason(method, **options, &)
      log = capture_log(level: :debug) do
        start_oversip(configuration: { core: { syslog_level: "debug" } }, &)
        OverSIP::Testing.freeze
        @sent = SipText.new(call_from(alice, method, **options))
        eventually { OverSIP.stats[:dispatched_events].positive? }
        dispatcher_caught_up
        dispatcher_caught_up
      end
      log.map(&:body).grep(/on_request ended/)
    end

    it "says so at debug, with the reason" do
      expect(reason(:INVITE) { nil }).to eq(
        ["INVITE sip:bob@b.example (Call-ID #{@sent.header("Call-ID")}): on_request ended without a reply or a route, it is forgotten"]
      )
    end

    it "says so of a request that has a transaction" do
      expect(reason(:INVITE, &:create_transaction)).to match([/without a reply or a route, its transaction waits for one/])
    end

    it "says so of an ACK that was not routed" do
      expect(reason(:ACK, to_tag: "bob") { nil }).to match([/without a route, the ACK goes no further/])
    end

    it "says nothing of one that was answered or routed" do
      expect(reason(:OPTIONS) { |request| request.reply(200) }).to be_empty
      OverSIP.stop(timeout: 0)
      expect(reason(:OPTIONS) { |request| OverSIP::SIP::Proxy.new.route(request, bob.ip, bob.port) }).to be_empty
    end
  end
end
