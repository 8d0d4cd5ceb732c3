# frozen_string_literal: true

RSpec.describe OverSIP::Dispatcher::Outcome, :native do
  let(:outcome) { described_class.new }

  def clock
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  it "is settled once, with a value or an exception" do
    outcome.settle(:returned, 1)
    outcome.settle(:raised, IOError.new)
    expect([outcome.settled?, outcome.value]).to eq([true, 1])
    failed = described_class.new
    failed.settle(:raised, IOError.new("no disk"))
    2.times { expect { failed.value }.to raise_error(IOError, "no disk") }
  end

  it "is nil after the time-out, or what the block says, and may be settled later" do
    expect(outcome.value(0.01)).to be_nil
    expect(outcome.value(0.01) { :late }).to eq(:late)
    expect(outcome).not_to be_settled
    outcome.settle(:returned, nil)
    expect(outcome.value { :late }).to be_nil
  end

  it "lets several threads wait" do
    threads = Array.new(3) { Thread.new { outcome.value } }
    outcome.settle(:returned, :done)
    expect(threads.map(&:value)).to eq(%i[done done done])
  end

  it "is left by an exception that the thread meets while it waits" do
    waiting = Thread.new do
      outcome.value
    rescue IOError
      :left
    end
    eventually { waiting.status == "sleep" }
    waiting.raise(IOError)
    expect(waiting.value).to eq(:left)
    outcome.settle(:returned)
  end

  # A Fiber scheduler whose Fibers wait until they are resumed.
  def scheduler(&)
    Object.new.tap do |made|
      made.define_singleton_method(:block) { |*| Fiber.yield }
      made.define_singleton_method(:unblock, &)
    end
  end

  it "wakes all who wait, though the scheduler of one is closed" do
    woken = []
    schedulers = [scheduler { |*| raise IOError, "closed" }, scheduler { |_, fiber| woken << fiber }]
    allow(OverSIP::Dispatcher::Waiters).to receive(:of_caller) { OverSIP::Dispatcher::Waiters::Scheduled.new(schedulers.shift) }
    fibers = Array.new(2) { Fiber.new { outcome.value }.tap(&:resume) }
    outcome.settle(:returned, 5)
    expect(woken).to eq([fibers.last])
    expect(fibers.map(&:resume)).to eq([5, 5])
  end

  describe "in a thread that has a Fiber scheduler (Async)" do
    before do
      require "async"
    rescue LoadError
      skip "the gem async is not there"
    end

    # Four of them at once.
    def wait_for(outcomes, **timeout)
      Thread.new do
        Async do |task|
          outcomes.map { |one| task.async { one.value(*timeout.values) { :late } } }.map(&:wait)
        end.wait
      end
    end

    it "lets the other Fibers of the thread run meanwhile" do
      outcomes = Array.new(4) { described_class.new }
      thread = wait_for(outcomes)
      outcomes.reverse.each_with_index { |one, index| one.settle(:returned, index) }
      expect(thread.value).to eq([3, 2, 1, 0])
    end

    it "has time-outs there too, all at the same time" do
      from = clock
      expect(wait_for(Array.new(4) { described_class.new }, timeout: 0.2).value).to eq([:late] * 4)
      expect(clock - from).to be_between(0.2, 0.7)
    end
  end
end
