# frozen_string_literal: true

require_relative "../../support/toolkit_relay"

RSpec.describe OverSIP::Testing::Matchers, "#have_tried", :sip do
  include_context "with a relay"

  before do
    sip.zone do
      srv "_sip._udp.example.com", "gw1.example", "gw2.example"
      a "gw1.example", "192.0.2.31"
      a "gw2.example", "192.0.2.32"
    end
    sip.target("gw1.example").answers 503
    sip.target("gw2.example").answers 200
  end

  let(:call) { alice.invite("sip:bob@example.com") }

  it "has all targets in their order, by address or by name" do
    expect(call).to have_tried("udp:192.0.2.31:5060", "udp:192.0.2.32:5060")
    expect(call).to have_tried(sip.target("gw1.example"), "gw2.example")
    expect(call).to have_tried(/\Agw1/, a_string_ending_with("32:5060"))
  end

  it "fits no part of them, and no other order" do
    expect(failure { expect(call).to have_tried("gw1.example") }).to eq(<<~TEXT.chomp)
      expected the INVITE of alice to have tried gw1.example, but these were tried, in this order:
        0 s  udp:192.0.2.31:5060 (gw1.example): 503
        0 s  udp:192.0.2.32:5060 (gw2.example): 200
    TEXT
    expect(failure { expect(call).to have_tried("gw2.example", "gw1.example") }).to include("in this order")
  end

  it "means none of them when it is negated" do
    sip.target("gw3.example")
    expect(call).not_to have_tried("gw3.example")
    expect(failure { expect(call).not_to have_tried("gw3.example", "gw2.example") })
      .to start_with("expected the INVITE of alice not to have tried gw3.example, then gw2.example, but these were tried")
  end

  it "has the targets of a call's first request alone" do
    call.reinvite
    call.hang_up
    expect(call).to have_tried("gw1.example", "gw2.example")
    expect(sip).to have_tried("gw1.example", *["gw2.example"] * 3)
  end

  it "has a target that refuses connections" do
    sip.target("gw3.example", transport: :tcp).refuses_connections
    call = alice.invite("sip:bob@gw3.example;transport=tcp")
    expect(call).to have_tried("gw3.example")
    expect(failure { expect(call).not_to have_tried("gw3.example") }).to end_with("5060 (gw3.example): connection_error")
  end

  it "says that none was tried" do
    call = alice.invite("sip:nobody@example.com")
    expect(failure { expect(call).to have_tried("gw1.example") })
      .to eq("expected the INVITE of alice to have tried gw1.example, but no target was tried")
  end

  it "takes a block, and all that happened" do
    expect { call }.to have_tried("gw1.example", "gw2.example")
    expect(sip).to have_tried("gw1.example", "gw2.example")
  end
end
