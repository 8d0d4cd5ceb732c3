# frozen_string_literal: true

require "tmpdir"
require_relative "../../support/scheduled_events"

# With `core: fiber_scheduler` a block that waits suspends its Fiber, and other events run.
RSpec.describe "The Fiber scheduler of the dispatcher", :native do
  include ScheduledEvents

  it "is off unless the configuration says otherwise" do
    start_oversip
    expect(OverSIP::Dispatcher.call { Fiber.scheduler }).to be_nil
    expect(OverSIP.configuration[:core][:fiber_scheduler]).to be(false)
  end

  it "is on with the parameter, and with the argument of OverSIP.start" do
    start_oversip(configuration: { core: { fiber_scheduler: true } })
    expect(OverSIP::Dispatcher.call { Fiber.scheduler }).to be_a(OverSIP::Dispatcher::FiberScheduler)
    OverSIP.stop
    OverSIP.start(configuration: { "core" => { "syslog_level" => "warn" }, sip: { listen_port: 0 } }, fiber_scheduler: true)
    expect(OverSIP.configuration[:core]).to include(fiber_scheduler: true, syslog_level: "warn")
    expect(OverSIP::Dispatcher.call { Fiber.scheduler }).to be_a(OverSIP::Dispatcher::FiberScheduler)
  end

  it "is gone with the engine that had it" do
    start_scheduled
    OverSIP.stop
    start_oversip
    expect(OverSIP::Dispatcher.call { [Fiber.scheduler, Fiber.set_scheduler(nil), sleep(0).class] }).to eq([nil, nil, Integer])
  end

  it "takes no value but yes and no" do
    expect { OverSIP.start(fiber_scheduler: 5) }.to raise_error(OverSIP::ConfigurationError, /core\[fiber_scheduler\] has invalid value '5'/)
    expect { OverSIP.start(configuration: 5, fiber_scheduler: true) }.to raise_error(OverSIP::ConfigurationError, /must be a Hash of Hashes/)
  end

  describe "sleep" do
    before do
      start_scheduled
      OverSIP::Testing.freeze
    end

    it "lasts until the engine's clock has come to its end" do
      results = [in_event { sleep 2 }, in_event { sleep 1.5 }]
      expect_to_wait(*results)
      OverSIP::Testing.advance(1.499)
      expect_to_wait(*results)
      OverSIP::Testing.advance(0.001)
      results.last.pop
      expect_to_wait(results.first)
      OverSIP::Testing.advance(0.5)
      results.first.pop
    end

    it "without a time lasts for ever" do
      result = in_event { sleep }
      OverSIP::Testing.advance(100_000)
      expect_to_wait(result)
    end

    it "is not ended by a resumption that the script makes" do
      fibers = mailbox
      result = in_event do
        fibers << Fiber.current
        sleep 1
        :slept
      end
      fiber = fibers.pop
      in_event { fiber.resume }.pop
      expect_to_wait(result)
      OverSIP::Testing.advance(1)
      expect(result.pop).to eq(:slept)
    end

    it "refuses what is no time, as Ruby does" do
      errors = [-1, "1", Object.new].map { |time| in_event { sleep time }.pop }
      expect(errors.map(&:class)).to eq([ArgumentError, TypeError, TypeError])
      expect(errors.first.message).to eq("time interval must not be negative")
    end

    it "waits in the Fiber of the event, whose request is answered when it is over" do
      on_request do |request|
        sleep 10 if request.sip_method == :INVITE
        request.reply(200)
      end
      alice = udp_peer
      bob = udp_peer
      call_from(alice)
      call_from(bob, :OPTIONS)
      expect(bob.receive_final.status).to eq(200)
      expect(messages_at(alice).map(&:status)).to all(eq(100))
      OverSIP::Testing.advance(10)
      expect(final_for(alice).status).to eq(200)
    end
  end

  describe "waits for other Fibers and threads" do
    before { start_scheduled }

    it "Queue#pop waits for what another event pushes" do
      queue = Thread::Queue.new
      result = in_event { queue.pop }
      expect_to_wait(result)
      in_event { queue << :value }
      expect(result.pop).to eq(:value)
    end

    it "Queue#pop waits for what another thread pushes, each for one value" do
      queue = Thread::Queue.new
      results = Array.new(100) { in_event { queue.pop } }
      expect_to_wait(*results)
      Thread.new { 100.times { |number| queue << number } }.join
      expect(results.map(&:pop)).to match_array(0...100)
    end

    it "SizedQueue#push waits for room" do
      queue = Thread::SizedQueue.new(1)
      queue << 1
      result = in_event { queue.push(2) && :pushed }
      expect_to_wait(result)
      queue.pop
      expect(result.pop).to eq(:pushed)
    end

    it "Mutex#lock waits for another event that has it" do
      mutex = Thread::Mutex.new
      gate = Thread::Queue.new
      holder = in_event { mutex.synchronize { gate.pop } }
      expect_to_wait(holder)
      result = in_event { mutex.synchronize { :locked } }
      expect_to_wait(holder, result)
      gate << :go
      expect([holder.pop, result.pop]).to eq(%i[go locked])
    end

    it "Mutex#lock waits for a thread that has it" do
      mutex = Thread::Mutex.new.tap(&:lock)
      result = in_event { mutex.synchronize { :locked } }
      expect_to_wait(result)
      mutex.unlock
      expect(result.pop).to eq(:locked)
    end

    it "Monitor#synchronize keeps other events out" do
      monitor = Monitor.new
      gate = Thread::Queue.new
      holder = in_event { monitor.synchronize { gate.pop } }
      expect_to_wait(holder)
      result = in_event { monitor.synchronize { :entered } }
      expect_to_wait(holder, result)
      gate << :go
      expect([holder.pop, result.pop]).to eq(%i[go entered])
    end

    it "ConditionVariable#wait waits for a signal" do
      mutex = Thread::Mutex.new
      condition = Thread::ConditionVariable.new
      result = in_event { mutex.synchronize { condition.wait(mutex) && :signalled } }
      expect_to_wait(result)
      mutex.synchronize { condition.signal }
      expect(result.pop).to eq(:signalled)
    end

    it "ConditionVariable#wait ends at its time" do
      OverSIP::Testing.freeze
      mutex = Thread::Mutex.new
      condition = Thread::ConditionVariable.new
      result = in_event { mutex.synchronize { condition.wait(mutex, 3) && mutex.owned? } }
      expect_to_wait(result)
      OverSIP::Testing.advance(3)
      expect(result.pop).to be(true)
    end

    it "Thread#join and Thread#value wait for the end of a thread" do
      gate = Thread::Queue.new
      results = [in_event { Thread.new { gate.pop }.value }, in_event { Thread.new { gate.pop }.join.class }]
      expect_to_wait(*results)
      2.times { gate << :value }
      expect(results.map(&:pop)).to eq([:value, Thread])
    end

    it "Thread#join ends at its time" do
      gate = Thread::Queue.new
      expect(in_event { Thread.new { gate.pop }.join(0.01) }.pop).to be_nil
      gate << :end
    end

    it "Thread#join has a limit by the engine's clock, and takes no thread of the pool" do
      OverSIP::Testing.freeze
      thread = Thread.new { sleep }
      allow(OverSIP::Waiting).to receive(:run).and_raise("a thread of the pool")
      result = in_event { thread.join(100) }
      expect_to_wait(result)
      OverSIP::Testing.advance(100)
      expect(result.pop).to be_nil
      expect([in_event { thread.join(0) }.pop, in_event { thread.join(-1) }.pop]).to eq([nil, nil])
      expect(in_event { thread.join("1") }.pop).to be_a(TypeError)
    ensure
      thread.kill
    end

    it "a signal handler may wake an event" do
      queue = Thread::Queue.new
      result = in_event { queue.pop }
      expect_to_wait(result)
      former = trap("USR2") { queue << :signalled }
      Process.kill("USR2", Process.pid)
      expect(result.pop).to eq(:signalled)
    ensure
      trap("USR2", former)
    end
  end

  # Its lock is an object that has no class: a call of a method of it crashes the process.
  describe "require of a file that is being loaded" do
    around do |example|
      Dir.mktmpdir do |dir|
        File.write(@file = File.join(dir, "gated.rb"), "GATE.pop\n")
        example.run
      end
    end

    before do
      stub_const("GATE", Thread::Queue.new)
      start_scheduled
    end

    # @param loads [Array<Proc>] the first one loads the file
    def expect_one_load(*loads)
      waiting = []
      loads.each do |load|
        waiting << in_event(&load)
        expect_to_wait(*waiting)
      end
      # RubyGems' own lock is what the event may wait for first.
      eventually { OverSIP::Dispatcher.waits.any? { |wait| wait.what.to_s == "a file that is being loaded" } }
      GATE << :go
      expect(waiting.map(&:pop)).to eq([true] + ([false] * (loads.size - 1)))
    end

    it "waits for the event that loads it" do
      file = @file
      expect_one_load(*Array.new(3) { -> { require file } })
    end

    it "waits for the work that loads it" do
      file = @file
      expect_one_load(-> { OverSIP.await { require file } }, -> { require file })
    end

    it "waits for it in a Fiber of the script too" do
      file = @file
      loaded = in_event { OverSIP.await { require file } }
      expect_to_wait(loaded)
      result = in_event { Fiber.new { require file }.resume }
      GATE << :go
      expect([loaded.pop, result.pop]).to eq([true, false])
    end
  end

  describe "a lock of the library's own, such as the one of the log" do
    it "is no place at which an event lets others run" do
      start_scheduled
      lock = OverSIP::BriefMutex.new.tap(&:lock)
      order = mailbox
      result = in_event do
        order << :before
        lock.synchronize { order << :within }
      end
      order.pop
      in_event { order << :other }
      lock.unlock
      result.pop
      dispatcher_caught_up
      expect(order.all).to eq(%i[within other])
    end
  end
end
