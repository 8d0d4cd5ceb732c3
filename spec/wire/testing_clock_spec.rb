# frozen_string_literal: true

require "oversip/testing"

# A call that leaves the interpreter's lock must do its work also when another thread has just woken the caller up: that
# leaves an interruption pending.
RSpec.describe "The engine's clock in the hands of a test", :native do
  it "moves at each advance, however often the caller was woken up before" do
    start_oversip
    OverSIP::Testing.freeze
    woken = Thread::Queue.new
    moved = 500.times.count do
      fired = false
      OverSIP.schedule { woken << true }
      OverSIP.schedule(after: 1) { fired = true }
      woken.pop
      OverSIP::Testing.advance(1)
      dispatcher_caught_up
      fired
    end
    expect(moved).to eq(500)
  end

  it "fires what is due in the order of its time" do
    start_oversip
    OverSIP::Testing.freeze
    order = mailbox
    [3, 1, 2].each { |seconds| OverSIP.schedule(after: seconds) { order << seconds } }
    OverSIP::Testing.advance(2.5)
    dispatcher_caught_up
    expect(order.all).to eq([1, 2])
    OverSIP::Testing.advance(0.5)
    dispatcher_caught_up
    expect(order.all).to eq([3])
  end

  it "stands still with real time going by" do
    start_oversip
    OverSIP::Testing.freeze
    order = mailbox
    OverSIP.schedule(after: 0.001) { order << :due }
    expect { order.pop(limit: SipPeer::SILENCE) }.to raise_error(/nothing came/)
  end
end
