# frozen_string_literal: true

require_relative "../support/relay_process"
require_relative "../support/sipp"

# Signals to a server that is busy with calls.
RSpec.describe "A server under load", :native do
  include RelayProcess
  include Sipp

  after { close_sipp }

  def seen(relay, method)
    relay.server.output.scan(/on_request: #{method} /).size
  end

  it "loses no call of 200 a second while it is reloaded ten times" do
    calls = 1000
    callee = sipp_callee("answer_call", calls: calls, words: Sipp::BUSY)
    running_relay(target: "127.0.0.1:#{callee.port}") do |relay|
      caller = sipp_caller("call", to: relay.port, calls: calls, rate: 200, words: Sipp::BUSY)
      1.upto(10) do |reload|
        eventually(limit: 30, message: "no call goes on") { seen(relay, "BYE") >= reload * 60 }
        before = relay.server.output.size
        relay.server.signal("HUP")
        relay.server.wait_for(/reloading proxies.conf and server.rb/, from: before)
      end
      aggregate_failures do
        [caller, callee].each { |run| expect([run.faults(busy: true), run.successful]).to eq([{}, calls]), -> { run.explanation } }
      end
      expect(relay.server.output).not_to match(/CRIT|ERROR/)
    end
  end

  it "ends with TERM when the calls being set up are answered and acknowledged; others get 500 with Retry-After meanwhile" do
    calls = 300
    callee = sipp_callee("answer_later", calls: calls, words: { pause: "3000" })
    running_relay(target: "127.0.0.1:#{callee.port}", core: "  termination_grace_time: 60\n") do |relay|
      caller = sipp_caller("call_or_later", to: relay.port, calls: calls, rate: 150)
      eventually(limit: 30, message: "no calls") { seen(relay, "INVITE") >= 100 }
      relay.server.signal("TERM")
      expect([caller.faults, caller.successful]).to eq([{}, calls]), -> { caller.explanation }
      expect(relay.server.status(limit: 30).exitstatus).to eq(0)

      admitted = seen(relay, "INVITE")
      expect(admitted).to be_between(100, calls - 1)
      expect(seen(relay, "ACK")).to eq(admitted)
      eventually(limit: 30, message: "calls have no ACK") { callee.successful == admitted }
    end
  end
end
