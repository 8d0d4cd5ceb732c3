# frozen_string_literal: true

require "spec_helper"

RSpec.describe "The source of a response", :native do
  it "can be asked for in a block, like that of a request" do
    callee = udp_peer
    start_oversip
    seen = mailbox
    uac = OverSIP::SIP::Uac.new
    uac.on_success_response do |response|
      seen << [response.transport, response.source_ip, response.source_port, response.source_ip_type, response.udp?,
               response.connection.transport]
    end
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@#{callee.address}" }))
    callee.answer(callee.receive, 200)
    expect(seen.pop).to eq([:udp, "127.0.0.1", callee.port, :ipv4, true, :udp])
  end
end
