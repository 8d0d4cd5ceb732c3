# frozen_string_literal: true

require "timeout"
require_relative "../../support/scheduled_events"

RSpec.describe "Timeout.timeout, with the Fiber scheduler of the dispatcher", :native do
  include ScheduledEvents

  before do
    start_scheduled
    OverSIP::Testing.freeze
  end

  it "ends a wait at its time on the engine's clock" do
    result = in_event { Timeout.timeout(2) { sleep } }
    expect_to_wait(result)
    OverSIP::Testing.advance(1.999)
    expect_to_wait(result)
    OverSIP::Testing.advance(0.001)
    expect(result.pop).to be_a(Timeout::Error).and have_attributes(message: "execution expired")
  end

  it "raises the given exception with the given text" do
    result = in_event { Timeout.timeout(2, KeyError, "too late") { Thread::Queue.new.pop } }
    expect_to_wait(result)
    OverSIP::Testing.advance(2)
    expect(result.pop).to be_a(KeyError).and have_attributes(message: "too late")
  end

  it "returns what its block returns, and is forgotten then" do
    result = in_event { [Timeout.timeout(2) { sleep(1) && :in_time }, sleep(5)].first }
    expect_to_wait(result)
    OverSIP::Testing.advance(1)
    expect_to_wait(result)
    OverSIP::Testing.advance(4.9)
    expect_to_wait(result)
    OverSIP::Testing.advance(0.1)
    expect(result.pop).to eq(:in_time)
  end

  it "may stand in another one, whose time is up first" do
    result = in_event { Timeout.timeout(1, KeyError) { Timeout.timeout(5, IOError) { sleep } } }
    expect_to_wait(result)
    OverSIP::Testing.advance(1)
    expect(result.pop).to be_a(KeyError)
  end

  it "ends a wait for work, for a condition, and for a Fiber that the script has suspended" do
    gate = Thread::Queue.new
    mutex = Thread::Mutex.new
    condition = Thread::ConditionVariable.new
    waits = [-> { OverSIP.await { gate.pop } }, -> { mutex.synchronize { condition.wait(mutex) } }, -> { Fiber.yield }, -> { OverSIP.sleep(9) }]
    results = waits.map { |wait| in_event { Timeout.timeout(1) { wait.call } } }
    dispatcher_caught_up
    OverSIP::Testing.advance(1)
    expect(results.map { |result| result.pop.class }).to all(eq(Timeout::Error))
    expect(mutex).not_to be_locked
    gate << :end
  end

  it "is not taken by a rescue of its block for the end of an inner one" do
    seen = mailbox
    result = in_event do
      Timeout.timeout(1) do
        Timeout.timeout(5) { sleep }
      rescue StandardError
        seen << :rescued
      end
    end
    expect_to_wait(result)
    OverSIP::Testing.advance(1)
    expect(result.pop).to be_a(Timeout::Error).and have_attributes(message: "execution expired", backtrace: include(/timeouts_spec/))
    expect(seen.all).to be_empty
  end

  it "is rescued around an inner one, whose time is up first" do
    result = in_event do
      Timeout.timeout(5) do
        Timeout.timeout(1) { sleep }
      rescue Timeout::Error
        sleep(1) && :inner
      end
    end
    [1, 1].each do |seconds|
      expect_to_wait(result)
      OverSIP::Testing.advance(seconds)
    end
    expect(result.pop).to eq(:inner)
  end

  it "runs the ensure of its block" do
    seen = mailbox
    result = in_event do
      Timeout.timeout(1) { sleep }
    ensure
      seen << :ensured
    end
    dispatcher_caught_up
    OverSIP::Testing.advance(1)
    expect([result.pop.class, seen.pop]).to eq([Timeout::Error, :ensured])
  end

  it "lets a request whose look-up takes too long go on" do
    on_request do |request|
      Timeout.timeout(3) { Thread::Queue.new.pop }
    rescue Timeout::Error
      request.reply(503, "Look-up Too Slow")
    end
    alice = udp_peer
    call_from(alice, :OPTIONS)
    eventually { OverSIP.stats[:waiting_blocks] == 1 }
    OverSIP::Testing.advance(3)
    expect(alice.receive_final.reason).to eq("Look-up Too Slow")
  end
end
