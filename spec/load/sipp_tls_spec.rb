# frozen_string_literal: true

require_relative "../support/sipp"
require_relative "../support/tls_peer"

# SIPp calls SIPp over TLS on both sides of the proxy; pumps do the TLS for it.
RSpec.describe "SIPp over TLS", :native do
  include Sipp

  after { close_sipp }

  # A proxy that sends everything to a port by TLS.
  def start_proxy_to(port)
    start_oversip(configuration: tls_configuration) do |request|
      request.loose_route
      OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", port, :tls)
    end
  end

  it "100 calls" do
    callee = sipp_callee("answer_call", calls: 100, transport: :tls)
    start_proxy_to(callee.port)
    caller = sipp_caller("call", to: tls_port, calls: 100, transport: :tls, rate: 50)
    [caller, callee].each { |run| expect([run.faults, run.successful]).to eq([{}, 100]), -> { run.explanation } }
  end

  it "100 MESSAGE requests" do
    callee = sipp_callee("answer_request", calls: 100, transport: :tls, words: { method: "MESSAGE" })
    start_proxy_to(callee.port)
    caller = sipp_caller("request", to: tls_port, calls: 100, transport: :tls, words: { method: "MESSAGE" })
    [caller, callee].each { |run| expect([run.faults, run.successful]).to eq([{}, 100]), -> { run.explanation } }
  end
end
