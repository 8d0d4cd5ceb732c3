# frozen_string_literal: true

require_relative "../support/fake_engine"

RSpec.describe OverSIP::Dispatcher::EventFibers do
  let(:engine) { FakeEngine.new }
  let(:pool) { described_class.new(max_suspended: 2) { |error| raise error } }

  before do
    stub_const("OverSIP::Engine", engine)
    engine.start(listeners: [])
  end

  def run(&event)
    engine.schedule(0.0, event)
    engine.wait_event
    pool.run_event
  end

  def outcome_of_a_suspension
    Fiber.yield
    :suspended
  rescue FiberError => e
    e.class
  end

  it "runs events without a Fiber at its bound: they cannot suspend, and the log says so once" do
    outcomes = []
    log = capture_log do
      2.times { run { Fiber.yield } }
      2.times { run { outcomes << outcome_of_a_suspension } }
    end
    expect(outcomes).to eq([FiberError, FiberError])
    expect(log.map(&:body)).to contain_exactly(/2 callbacks are suspended.*must resume/)
  end

  it "uses Fibers again when the suspended ones are resumed" do
    fibers = []
    capture_log do
      3.times { run { (fibers << Fiber.current) && outcome_of_a_suspension } }
    end
    expect(pool.suspended).to eq(2)
    fibers.first.resume
    expect(pool.suspended).to eq(1)
    run { fibers << Fiber.current }
    expect(fibers.last).to equal(fibers.first)
  end

  describe "when an event has left something in its Fiber" do
    # The data that an event finds and leaves.
    def leave(name)
      found = [Thread.current[:user], Thread.current.keys]
      Thread.current[:user] = name
      Thread.current["#{name} of the script"] = name
      found
    end

    it "gives the next event a Fiber without it" do
      found = []
      fibers = []
      %w[alice bob].each { |name| run { (fibers << Fiber.current) && (found << leave(name)) } }
      expect(found).to eq([[nil, []]] * 2)
      expect(fibers.uniq.size).to eq(1)
    end

    it "does so after an event that failed" do
      fatal = []
      failing = described_class.new { |error| fatal << error }
      found = []
      [-> { leave("alice") && exit }, -> { found << leave("bob") }].each do |event|
        engine.schedule(0.0, event)
        engine.wait_event
        failing.run_event
      end
      expect(fatal).to match([SystemExit])
      expect(found).to eq([[nil, []]])
    end

    it "does so after an event that was suspended, which keeps its own data until its end" do
      found = []
      fiber = nil
      run do
        leave("alice")
        fiber = Fiber.current
        Fiber.yield
        found << Thread.current[:user]
      end
      run { leave("bob") }
      fiber.resume
      2.times { run { found << leave("carol") } }
      expect(found).to eq(["alice", [nil, []], [nil, []]])
    end

    it "does so at its bound, where events have no Fiber" do
      found = []
      capture_log do
        2.times { run { Fiber.yield } }
        2.times { run { found << leave("alice") } }
      end
      expect(found.map(&:first)).to eq([nil, nil])
      expect(found.map { |_, names| names.sort }.uniq.size).to eq(1)
    end

    it "does without a Fiber that cannot be cleared" do
      fibers = []
      frozen = Thread.new do
        run { (fibers << Fiber.current) && leave("alice") && Thread.current.freeze }
        run { (fibers << Fiber.current) && (fibers << Thread.current[:user]) }
      end
      frozen.join
      expect(fibers.last).to be_nil
      expect(fibers.first).not_to equal(fibers[1])
    end

    it "leaves Thread variables alone: they are the script's" do
      run { Thread.current.thread_variable_set(:event_fibers_spec, 1) }
      run { @seen = Thread.current.thread_variable_get(:event_fibers_spec) }
      expect(@seen).to eq(1)
    ensure
      Thread.current.thread_variable_set(:event_fibers_spec, nil)
    end

    it "gives the next event a Fiber without its storage and without that of the Fiber's creator", if: Fiber.method_defined?(:storage) do
      found = []
      Fiber[:event_fibers_spec] = "outside"
      %w[alice bob].each do |name|
        run do
          found << [Fiber[:user], Fiber[:event_fibers_spec]]
          Fiber[:user] = name
        end
      end
      expect(found).to eq([[nil, nil]] * 2)
    ensure
      Fiber[:event_fibers_spec] = nil if Fiber.respond_to?(:[])
    end
  end

  it "is not confused by a script that resumes an idle Fiber" do
    fibers = []
    run { fibers << Fiber.current }
    fibers.first.resume
    2.times { run { fibers << Fiber.current } }
    expect(fibers.uniq.size).to eq(1)
    expect(pool.suspended).to eq(0)
  end
end
