# frozen_string_literal: true

require "support/toolkit_world"

# How personas find the call and the transaction of what comes.
RSpec.describe OverSIP::Testing::Persona, :native do
  include ToolkitWorld

  before do
    world_with "gw1.example"
    gateway.answers 180, 200
  end

  def invite
    alice.invite("sip:bob@example.com")
  end

  # @return [Integer] how many methods and blocks this thread has called
  def methods_called(&)
    count = 0
    thread = Thread.current
    TracePoint.new(:call, :b_call) { count += 1 if Thread.current.equal?(thread) }.enable(&)
    count
  end

  it "does as much for a call however many there were before" do
    calls = Array.new(40) { methods_called { invite.hang_up } }
    expect(calls.last).to eq(calls[5])
  end

  it "finds the other side of a call in one step" do
    calls = Array.new(20) { invite }
    looked_up = calls.values_at(2, -1).map { |call| methods_called { call.peer.peer } }
    expect(looked_up.uniq.size).to eq(1)
    expect(calls.map { |call| call.peer.peer }).to eq(calls)
  end

  # The gateway is the voicemail, too.
  it "takes an ACK for the branch that it belongs to" do
    allow(self).to receive(:relay) { |request| request.initial? ? gateway_then_voicemail(request) : relay_in_dialog(request) }
    gateway.answers(486).once
    invite
    expect(gateway.calls.map { |call| [call.status, call.acknowledged?] }).to eq([[486, true], [200, true]])
    expect(gateway.received.map(&:sip_method)).to eq(%i[INVITE ACK INVITE ACK])
  end

  def gateway_then_voicemail(request)
    proxy = OverSIP::SIP::Proxy.new
    proxy.on_failure_response do
      proxy.drop_response
      OverSIP::SIP::Proxy.new.route(request, "example.com")
    end
    proxy.route(request, "example.com")
  end

  def relay_in_dialog(request)
    request.loose_route
    OverSIP::SIP::Proxy.new.route(request)
  end
end
