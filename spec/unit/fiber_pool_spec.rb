# frozen_string_literal: true

require_relative "../support/fake_engine"

RSpec.describe OverSIP::Dispatcher::FiberPool do
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

  it "is not confused by a script that resumes an idle Fiber" do
    fibers = []
    run { fibers << Fiber.current }
    fibers.first.resume
    2.times { run { fibers << Fiber.current } }
    expect(fibers.uniq.size).to eq(1)
    expect(pool.suspended).to eq(0)
  end
end
