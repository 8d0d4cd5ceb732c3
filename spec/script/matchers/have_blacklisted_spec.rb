# frozen_string_literal: true

require_relative "../../support/toolkit_relay"

RSpec.describe OverSIP::Testing::Matchers, "#have_blacklisted", :sip do
  include_context "with a relay"

  let(:gateway) { sip.target("gw1.example") }

  before do
    gateway.answers(503, retry_after: 30)
    sip.target("gw2.example")
  end

  it "sees targets by address and by name" do
    expect { alice.invite("sip:bob@gw1.example") }.to have_blacklisted("udp:#{gateway.address}")
    expect(sip).to have_blacklisted("gw1.example").and have_blacklisted(gateway)
    expect(sip).not_to have_blacklisted("gw2.example")
    expect { alice.invite("sip:bob@gw1.example") }.not_to have_blacklisted("gw1.example")
  end

  it "says what is blacklisted" do
    expect(failure { expect(sip).to have_blacklisted("gw2.example") })
      .to eq("expected the element to have blacklisted gw2.example, but the blacklist is empty")
    alice.invite("sip:bob@gw1.example")
    expect(failure { expect(sip).to have_blacklisted("gw2.example") })
      .to eq("expected the element to have blacklisted gw2.example, but blacklisted are:\n  udp:#{gateway.address} gw1.example")
  end

  it "refuses a call" do
    expect { expect(7).to have_blacklisted("gw1.example") }
      .to raise_error(ArgumentError, "have_blacklisted looks at `sip` or at a block, not at 7")
  end
end
