# frozen_string_literal: true

require_relative "../../../benches/support/calls"

RSpec.describe Bench::Calls do
  def calls(caller: { "SuccessfulCall(C)" => "97", "CallRate(C)" => "49.5" }, counts: [], times: [2.0, 1.0, 9.0])
    described_class.new(asked: 100, caller: caller, counts: counts, times: times, generator: 0.5, ended: true)
  end

  it "counts those as failed that SIPp has not ended as the scenario has it" do
    expect([calls.successful, calls.failed, calls.reached]).to eq([97, 3, 49.5])
  end

  it "counts all as failed if SIPp has left no statistics" do
    expect(calls(caller: {}).failed).to eq(100)
  end

  it "tells messages that a side sent again from those that it received again" do
    caller = { "0_INVITE_Sent" => "100", "0_INVITE_Retrans" => "5", "0_INVITE_Timeout" => "1", "3_200_Recv" => "97", "3_200_Retrans" => "2" }
    callee = { "0_INVITE_Recv" => "99", "0_INVITE_Retrans" => "4", "2_200_Sent" => "99", "2_200_Retrans" => "7" }
    both = calls(counts: [caller, callee])
    expect([both.retransmissions, both.repeats]).to eq([12, 6])
  end

  it "has the times from INVITE to 200 in order, and none without an answer" do
    expect([calls.answered(0.5), calls.to_h[:longest_ms]]).to eq([2.0, 9.0])
    expect(calls(times: []).to_h).to include(p50_ms: nil, p99_ms: nil, longest_ms: nil)
  end
end
