# frozen_string_literal: true

require_relative "../../support/toolkit_relay"

RSpec.describe OverSIP::Testing::Matchers, "#be_relayed_to", :sip do
  include_context "with a relay"

  before { %w[gw1.example gw2.example].each { |name| sip.target(name).answers 200 } }

  let(:call) { alice.invite("sip:bob@gw1.example") }

  it "sees where the request went" do
    expect(call).to be_relayed_to("gw1.example").with(ruri: "sip:bob@gw1.example").once
    expect(call).not_to be_relayed_to("gw2.example")
    expect(alice.options("sip:bob@gw1.example")).to be_relayed_to(sip.target("gw1.example"))
  end

  it "looks at the first request of a call alone" do
    call.reinvite
    call.hang_up
    expect(call).to be_relayed_to("gw1.example").once
  end

  it "says that it went nowhere" do
    expect(failure { expect(alice.invite("sip:nobody@example.com")).to be_relayed_to("gw1.example") })
      .to eq("expected the INVITE of alice to be relayed to gw1.example, but it was not relayed (the clock stands at 0 s)")
  end

  it "says where it went instead" do
    address = sip.target("gw1.example").address
    expect(failure { expect(call).to be_relayed_to("gw2.example") }).to eq(<<~TEXT.chomp)
      expected the INVITE of alice to be relayed to gw2.example, but it was relayed as:
        0 s  INVITE sip:bob@gw1.example to gw1.example (udp:#{address}): it went to gw1.example (udp:#{address})
    TEXT
  end

  it "says where it must not have gone" do
    expect(failure { expect(call).not_to be_relayed_to("gw1.example") })
      .to start_with("expected the INVITE of alice not to be relayed to gw1.example, but it was relayed so once:\n  0 s  INVITE")
  end
end
