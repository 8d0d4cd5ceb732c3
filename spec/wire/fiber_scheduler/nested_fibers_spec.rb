# frozen_string_literal: true

require_relative "../../support/scheduled_events"

# Who resumes a Fiber of its own wants a value of it, so a wait in it must not come back to that place.
RSpec.describe "A Fiber that a script or a library has made, with the Fiber scheduler of the dispatcher", :native do
  include ScheduledEvents

  before { start_scheduled }

  # The records of the block.
  def warnings(&)
    capture_log(&).map(&:body).grep(/holds up all events/)
  end

  it "waits really, which the log says once, with the place" do
    log = warnings do
      2.times { expect(in_event { Fiber.new { sleep(0.01) && :slept }.resume }.pop).to eq(:slept) }
    end
    expect(log).to contain_exactly(/\Asleep holds up all events, at #{__FILE__}:\d+:in/)
  end

  it "holds up other events meanwhile" do
    queue = Thread::Queue.new
    order = mailbox
    capture_log do
      result = in_event do
        order << :begun
        Fiber.new { order << queue.pop }.resume
      end
      order.pop
      in_event { order << :other }
      queue << :value
      result.pop
      dispatcher_caught_up
    end
    expect(order.all).to eq(%i[value other])
  end

  it "sees what comes before and while it waits: queues, locks, conditions, threads, processes, names" do
    mutex = Thread::Mutex.new
    condition = Thread::ConditionVariable.new
    gate = Thread::Queue.new
    waits = {
      queue: -> { Thread::Queue.new.tap { |queue| Thread.new { gate.pop && (queue << 1) } }.pop },
      condition: -> { mutex.synchronize { Thread.new { gate.pop && mutex.synchronize { condition.signal } } && condition.wait(mutex).class } },
      thread: -> { Thread.new { gate.pop }.value },
      process: -> { system("exit 3") || Process.last_status.exitstatus },
      output: -> { `echo text` },
      name: -> { Addrinfo.getaddrinfo("localhost", 5060, nil, :STREAM).map(&:ip_port).uniq },
      timeout: -> { Timeout.timeout(0.01) { sleep } && :never }
    }
    capture_log do
      results = waits.transform_values do |wait|
        gate << :go
        in_event { Fiber.new(&wait).resume }.pop
      end
      expect(results).to match(queue: 1, condition: Integer, thread: :go, process: 3, output: "text\n", name: [5060], timeout: be_a(Timeout::Error))
    end
  end

  it "sleeps for its time, though what it has waited for before comes late" do
    scheduler = OverSIP::Dispatcher.scheduler
    sleeping = lambda do |seconds|
      scheduler.unblock(Thread::Queue.new, Fiber.current)
      scheduler.kernel_sleep(seconds) ? :woken : :slept
    end
    capture_log { expect(in_event { Fiber.new { sleeping.call(0.01) }.resume }.pop).to eq(:slept) }
    OverSIP::Testing.freeze
    result = in_event { sleeping.call(1) }
    expect_to_wait(result)
    OverSIP::Testing.advance(1)
    expect(result.pop).to eq(:slept)
  end

  it "may be an Enumerator that sleeps: its values come to who asks for them" do
    enumerator = Enumerator.new do |values|
      2.times do |number|
        sleep 0.005
        values << number
      end
    end
    capture_log { expect(in_event { [enumerator.next, enumerator.next] }.pop).to eq([0, 1]) }
  end

  it "may give its value within a limit of time" do
    enumerator = Enumerator.new { |values| Timeout.timeout(5) { values << 1 } }
    expect(in_event { enumerator.next }.pop).to eq(1)
  end

  it "does not wait for ever for a lock that a waiting event has: Ruby finds the deadlock", if: RUBY_VERSION >= "3.3" do
    mutex = Thread::Mutex.new
    gate = Thread::Queue.new
    holder = in_event { mutex.synchronize { gate.pop } }
    expect_to_wait(holder)
    capture_log do
      expect(in_event { Fiber.new { mutex.synchronize { :locked } }.resume }.pop).to be_a(ThreadError).and have_attributes(message: /deadlock/)
    end
    gate << :go
    expect(holder.pop).to eq(:go)
  end

  it "gets a lock that a thread has when that gives it back" do
    mutex = Thread::Mutex.new
    tries = Thread::Queue.new
    owner = Thread.new { mutex.synchronize { tries.pop } }
    eventually { mutex.locked? }
    capture_log do
      result = in_event { Fiber.new { (tries << :now) && mutex.synchronize { :locked } }.resume }
      expect([result.pop, owner.value]).to eq(%i[locked now])
    end
  end

  it "leaves Fiber.yield and fiber.resume to the script" do
    fibers = mailbox
    result = in_event do
      fibers << Fiber.current
      Fiber.yield
    end
    fiber = fibers.pop
    dispatcher_caught_up
    expect(result.all).to be_empty
    Thread.new { OverSIP.schedule { fiber.resume :resumed } }.join
    expect(result.pop).to eq(:resumed)
  end

  it "goes on with a generator of the script's own between two waits of the event" do
    OverSIP::Testing.freeze
    result = in_event do
      generator = Fiber.new { 3.times { |number| Fiber.yield number } }
      Array.new(3) { generator.resume.tap { sleep 1 } }
    end
    3.times do
      expect_to_wait(result)
      OverSIP::Testing.advance(1)
    end
    expect(result.pop).to eq([0, 1, 2])
  end
end
