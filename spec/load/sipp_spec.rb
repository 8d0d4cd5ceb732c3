# frozen_string_literal: true

require_relative "../support/relay_process"
require_relative "../support/sipp"

# An independent peer on both sides of examples/relay, run as `oversip --config-dir`.
RSpec.describe "SIPp through the example relay", :native do
  include RelayProcess
  include Sipp

  after { close_sipp }

  # Everything that SIPp calls a fault, retransmissions excepted, fails the example.
  def expect_all_well(*runs, calls:)
    aggregate_failures do
      runs.each { |run| expect([run.faults, run.successful]).to eq([{}, calls]), -> { run.explanation } }
    end
  end

  # @return [Hash{Symbol => Integer}] what the relay counted
  def relayed(caller_scenario, callee_scenario, calls:, from: :udp, to: from, **options)
    callee = sipp_callee(callee_scenario, calls: calls, transport: to, **options)
    running_relay(target: "#{to}:127.0.0.1:#{callee.port}") do |relay|
      caller = sipp_caller(caller_scenario, to: relay.port, calls: calls, transport: from, rate: 50, **options)
      expect_all_well(caller, callee, calls: calls)
      return relay.counts
    end
  end

  it "500 calls at 50 a second over UDP" do
    counts = relayed("call", "answer_call", calls: 500)
    expect(counts).to include(on_request: 1500, on_target: 1500, on_provisional_response: 500, on_success_response: 1000)
    expect(counts.keys).not_to include(:on_error, :on_failure_response, :on_invite_timeout)
  end

  it "200 calls over TCP" do
    counts = relayed("call", "answer_call", calls: 200, from: :tcp)
    expect(counts).to include(on_request: 600, on_success_response: 400)
  end

  it "50 calls from TCP to UDP and 50 from UDP to TCP" do
    %i[tcp udp].permutation do |from, to|
      expect(relayed("call", "answer_call", calls: 50, from: from, to: to)).to include(on_request: 150)
    end
  end

  %w[OPTIONS REGISTER MESSAGE].each do |method|
    it "100 #{method} requests" do
      counts = relayed("request", "answer_request", calls: 100, words: { method: method })
      expect(counts).to include(on_request: 100, on_success_response: 100)
    end
  end

  it "50 calls that are cancelled while they ring end with 487" do
    counts = relayed("cancel", "ring_until_canceled", calls: 50)
    expect(counts).to include(on_request: 50, on_provisional_response: 50, on_canceled: 50)
    expect(counts.keys).not_to include(:on_error, :on_failure_response)
  end
end
