# frozen_string_literal: true

require "oversip/testing"

RSpec.describe "The engine's clock in the hands of a test", :native do
  # A wait that two threads end leaves an interruption of the caller pending, and such a one must not keep a call from its
  # work.
  it "moves at each advance, however the caller was woken up before" do
    start_oversip
    OverSIP::Testing.freeze
    fired = mailbox
    OverSIP.schedule(after: 3000) { fired << true }
    3000.times do
      OverSIP::Dispatcher.call(timeout: 0) { nil }
      OverSIP::Testing.advance(1)
    end
    dispatcher_caught_up
    expect(fired.all).to eq([true])
  end

  it "fires due timers in the order of their time" do
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
