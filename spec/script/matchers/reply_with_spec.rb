# frozen_string_literal: true

require_relative "../../support/toolkit_relay"

RSpec.describe OverSIP::Testing::Matchers, "#reply_with", :sip do
  include_context "with a relay"

  it "sees a reply of the script" do
    expect { alice.invite("sip:nobody@example.com") }.to reply_with(404, "Nobody Here").to(alice).once
    expect(alice.message("sip:nobody@example.com")).to reply_with(400..499)
  end

  it "sees no answer of a target, and says so" do
    sip.target("gw1.example").answers 404
    call = alice.invite("sip:bob@gw1.example")
    expect(call).not_to reply_with(404)
    expect(failure { expect(call).to reply_with(404) })
      .to match(/\Aexpected the element to reply with 404 in the INVITE of alice, but it relayed what a target had answered:\n  0 s  404 Not Found to alice \(.*\)\z/)
  end

  context "when the script replaces what a target has answered" do
    sip_script do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_failure_response do |response|
        proxy.drop_response response
        request.reply 486, "Mine"
      end
      proxy.route(request)
    end

    it "sees the reply, though it has the status of the target" do
      sip.target("gw1.example").answers 486
      expect(alice.invite("sip:bob@gw1.example")).to reply_with(486, "Mine")
    end
  end

  it "sees the 200 to a CANCEL, though a target says the same to its own" do
    sip.target("gw1.example").answers 180
    call = alice.invite("sip:bob@gw1.example")
    expect(call.cancel).to reply_with(200)
  end

  it "says which reply came instead" do
    exchange = alice.message("sip:nobody@example.com")
    expect(failure { expect(exchange).to reply_with(403) })
      .to match(/\Aexpected the element to reply with 403 in the MESSAGE of alice, but it sent only:\n  0 s  404 Nobody Here to alice \(.*\)\z/)
  end
end
