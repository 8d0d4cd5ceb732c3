# frozen_string_literal: true

RSpec.describe OverSIP::Waiting::Pool, :native do
  let(:pool) { described_class.new(max_threads: 2, max_queued: 3) }
  let(:gate) { Thread::Queue.new }
  let(:begun) { Thread::Queue.new }

  after do
    gate.close
    capture_log { pool.close(2) }
  end

  def work(name = "some work", &block)
    OverSIP::Waiting::Work.new(name, block)
  end

  def submit(&)
    work(&).tap { |made| pool.submit(made) }
  end

  # Work that has begun and waits for the gate.
  def busy
    made = submit do
      begun << Thread.current
      gate.pop
    end
    [made, begun.pop]
  end

  # What the work raises.
  def failure(work)
    work.outcome.value(5)
    nil
  rescue Exception => e # rubocop:disable Lint/RescueException -- also what no rescue catches by itself
    e
  end

  it "makes threads when they are needed, not more than its limit, and uses them again" do
    first = submit { Thread.current }.outcome.value(5)
    eventually { pool.stats[:await_running].zero? }
    expect(submit { Thread.current }.outcome.value(5)).to equal(first)
    threads = Array.new(2) { busy.last }
    waiting = submit { Thread.current }
    expect(threads.uniq.size).to eq(2)
    expect(pool.stats).to include(await_running: 2, await_queued: 1)
    gate << 1 << 2
    expect(threads).to include(waiting.outcome.value(5))
  end

  it "refuses work when its queue is full, and says what to change" do
    2.times { busy }
    3.times { submit { nil } }
    expect { submit { nil } }.to raise_error(OverSIP::AwaitQueueFull, /3 others before it \(core: await_queue\), for 2 threads \(core: await_threads\)/)
    expect(pool.stats).to include(await_queued: 3)
    gate.close
  end

  it "takes work out that has not begun when nobody waits for it any more" do
    2.times { busy }
    waiting = submit { begun << :never }
    pool.abandon(waiting, timed_out: true)
    expect(pool.stats).to eq(await_running: 2, await_queued: 0, await_late: 0, await_timeouts: 1)
    gate.close
    pool.let_work_end(5)
    expect(begun).to be_empty
  end

  it "counts work as late when nobody waits for it any more, until it ends" do
    late, = busy
    pool.abandon(late, timed_out: true)
    expect(pool.stats).to include(await_running: 1, await_late: 1)
    expect(pool).to be_quiet
    gate << true
    eventually { pool.stats[:await_running].zero? }
    expect(pool.stats).to include(await_late: 0)
  end

  it "replaces a thread that is killed, and its work ends with an error" do
    works = Array.new(2) { busy }
    waiting = submit { :ran }
    works.each { |_, thread| thread.kill }
    expect(works.map { |made, _| failure(made) }).to all(be_an(OverSIP::RuntimeError).and(have_attributes(message: /the thread of some work .* was killed/)))
    expect(waiting.outcome.value(5)).to eq(:ran)
  end

  it "replaces a thread that is killed while it waits for work" do
    thread = submit { Thread.current }.outcome.value(5)
    eventually { thread.status == "sleep" }
    thread.kill.join
    expect(submit { :ran }.outcome.value(5)).to eq(:ran)
  end

  it "hands over every exception of the work" do
    works = [submit { raise IOError, "no disk" }, submit { throw :nowhere }, submit { exit 3 }, submit { eval("1 +") }] # rubocop:disable Style/EvalWithLocation -- a ScriptError
    expect(works.map { |made| failure(made) }).to match([an_instance_of(IOError), an_instance_of(UncaughtThrowError), an_instance_of(SystemExit), an_instance_of(SyntaxError)])
  end

  it "ends work that suspends its Fiber: nothing would resume it" do
    expect(failure(submit { Fiber.yield })).to be_a(FiberError).and have_attributes(message: /has suspended its Fiber/)
    expect(submit { :ran }.outcome.value(5)).to eq(:ran)
  end

  it "gives each work Fiber-local data of its own" do
    leave = lambda do
      found = Thread.current[:user]
      Thread.current[:user] = "alice"
      [Thread.current, found]
    end
    first = submit(&leave).outcome.value(5)
    eventually { pool.stats[:await_running].zero? }
    expect(submit(&leave).outcome.value(5)).to eq(first)
    expect(first.last).to be_nil
  end

  it "lets a worker run work itself that has not begun, so that a full pool does not wait for itself" do
    tasks = Thread::Queue.new
    outer = Array.new(2) do
      submit do
        begun << true
        gate.pop
        tasks.pop.value
      end
    end
    2.times { begun.pop }
    2.times { |number| tasks << OverSIP::Task.new(submit { number }, pool) }
    gate.close
    expect(outer.map { |made| made.outcome.value(5) }).to contain_exactly(0, 1)
  end

  it "keeps the time-out of a worker that asks for work which has not begun" do
    tasks = Thread::Queue.new
    outer = Array.new(2) do
      submit do
        begun << true
        gate.pop
        tasks.pop.value(timeout: 0.05)
      end
    end
    2.times { begun.pop }
    2.times { tasks << OverSIP::Task.new(submit { sleep 0.5 }, pool) }
    gate.close
    expect(outer.map { |made| failure(made) }).to include(an_instance_of(OverSIP::AwaitTimeout))
  end

  it "is quiet as soon as nobody waits for the last work any more" do
    late, = busy
    waited = Thread::Queue.new
    waiter = Thread.new { waited << pool.let_work_end(20) }
    eventually { waiter.status == "sleep" }
    pool.abandon(late, timed_out: true)
    expect(waiter.join(5)).to equal(waiter)
  ensure
    waiter&.kill
  end

  it "is quiet for each of several who wait for that" do
    running, = busy
    waiters = Array.new(2) { Thread.new { pool.let_work_end(20) } }
    eventually { waiters.all? { |waiter| waiter.status == "sleep" } }
    gate << true
    running.outcome.value(5)
    expect(waiters.map { |waiter| waiter.join(5) }).to eq(waiters)
  ensure
    waiters&.each(&:kill)
  end

  it "wakes all who wait for the work, though its thread is killed meanwhile" do
    running, thread = busy
    woken = Thread::Queue.new
    unblock = [->(*) { Thread.new { thread.kill }.join && Thread.pass }, ->(*) { woken << true }]
    allow(OverSIP::Dispatcher::Waiters).to receive(:of_caller) do
      scheduler = Object.new
      scheduler.define_singleton_method(:block) { |*| Fiber.yield }
      scheduler.define_singleton_method(:unblock, &unblock.shift)
      OverSIP::Dispatcher::Waiters::Scheduled.new(scheduler)
    end
    2.times { Fiber.new { running.outcome.value }.resume }
    gate << true
    eventually { !woken.empty? }
    expect(thread.join(5)).to equal(thread)
  end

  describe "with many threads" do
    let(:pool) { described_class.new(max_threads: 40, max_queued: 3) }

    it "has two of them come at a time, so that nobody waits for the interpreter behind all of them" do
      coming = 0
      allow(OverSIP::Waiting::Worker).to receive(:new) do
        instance_double(OverSIP::Waiting::Worker, start: Thread.new { nil }, call: nil).tap { coming += 1 }
      end
      40.times { submit { nil } }
      expect(coming).to eq(2)
    end

    it "uses all of them when they are needed, again and again" do
      2.times do
        works = Array.new(40) { submit { (begun << true) && gate.pop } }
        40.times { begun.pop }
        expect(pool.stats).to include(await_running: 40, await_queued: 0)
        40.times { gate << 1 }
        works.each { |made| made.outcome.value(5) }
        eventually { pool.stats[:await_running].zero? }
      end
    end

    it "has another one come for one that was killed on its way" do
      40.times { submit { begun << Thread.current }.outcome.value(5) }
      40.times { begun.pop.kill }
      works = Array.new(40) { submit { :ran } }
      expect(works.map { |made| made.outcome.value(5) }).to all(eq(:ran))
    end
  end

  it "ends the work with an error when its threads cannot begin, in place of making ever more" do
    made = 0
    allow(OverSIP::Engine).to receive(:keep_native_thread) do
      made += 1
      Thread.current.report_on_exception = false
      raise IOError, "no such thing"
    end
    expect(failure(submit { :never })).to be_an(OverSIP::RuntimeError)
      .and have_attributes(message: /no thread can begin some work .*: no such thing \(IOError\)/)
    expect(made).to eq(1)
    RSpec::Mocks.space.proxy_for(OverSIP::Engine).reset
    expect(submit { :ran }.outcome.value(5)).to eq(:ran)
  end

  it "wraps the work in what was given for that" do
    made = OverSIP::Waiting::Work.new("some work", -> { 1 }, ->(work) { work.call + 1 })
    pool.submit(made)
    expect(made.outcome.value(5)).to eq(2)
  end

  describe "when it is closed" do
    it "ends what has not begun, kills what does not end, and begins nothing" do
      running = Array.new(2) { busy.first }
      waiting = submit { begun << :never }
      log = capture_log { pool.close(5) }
      expect(failure(waiting)).to be_an(OverSIP::StoppedError)
      expect(running.map { |made| failure(made) }).to all(be_an(OverSIP::RuntimeError))
      expect { submit { nil } }.to raise_error(OverSIP::StoppedError)
      expect(log.map(&:body)).to match([/this work does not: some work \(.*\) and 1 more; its threads are killed/])
    end

    it "does not wait longer than its limit for work that does not end even so" do
      held = Thread::Queue.new
      submit do
        begun << true
        gate.pop
      ensure
        held.pop
      end
      begun.pop
      from = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      capture_log { pool.close(0.1) }
      expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - from).to be < 2
      held.close
    end
  end
end
