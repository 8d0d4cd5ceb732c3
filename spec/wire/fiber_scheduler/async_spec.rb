# frozen_string_literal: true

require_relative "../../support/async_gem"
require_relative "../../support/scheduled_events"

# The async gem has its own loop: it runs on a thread of the pool.
RSpec.describe "Async in OverSIP.await", :native, if: ASYNC do
  include ScheduledEvents

  [true, false].each do |scheduler|
    it "does several things at the same time while other events run, #{scheduler ? "with" : "without"} the scheduler of the dispatcher" do
      start_scheduled(fiber_scheduler: scheduler)
      gate = Thread::Queue.new
      result = in_event { OverSIP.await { Async { |task| Array.new(3) { task.async { gate.pop } }.map(&:wait) }.wait } }
      eventually { gate.num_waiting == 3 }
      expect_to_wait(result)
      3.times { |number| gate << number }
      expect(result.pop).to match_array(0..2)
    end
  end

  it "is the only place for it" do
    start_scheduled
    errors = [in_event { Async { nil } }, in_event { Sync { nil } }].map(&:pop)
    expect(errors).to all(be_a(OverSIP::RuntimeError).and(have_attributes(message: /takes no Fiber scheduler .*OverSIP\.await/)))
  end

  it "raises in the block what a task of it raises" do
    start_scheduled
    error = in_event { OverSIP.await { Sync { raise KeyError, "nobody" } } }.pop
    expect(error).to be_a(KeyError).and have_attributes(message: "nobody")
  end

  it "ends the wait of its own task alone, with a time-out" do
    start_scheduled(fiber_scheduler: false)
    gate = Thread::Queue.new
    tasks = lambda do
      Async do |task|
        late = task.async do
          OverSIP.await(timeout: 0.1) { gate.pop }
        rescue OverSIP::AwaitTimeout
          :late
        end
        [late, task.async { task.sleep(0.2).then { :other } }].map(&:wait)
      end.wait
    end
    expect([Thread.new(&tasks).value, in_event { OverSIP.await(&tasks) }.pop]).to eq([%i[late other]] * 2)
  ensure
    gate.close
  end
end
