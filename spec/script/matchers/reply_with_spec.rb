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

  it "says which reply came instead" do
    exchange = alice.message("sip:nobody@example.com")
    expect(failure { expect(exchange).to reply_with(403) })
      .to match(/\Aexpected the element to reply with 403 in the MESSAGE of alice, but it sent only:\n  0 s  404 Nobody Here to alice \(.*\)\z/)
  end
end
