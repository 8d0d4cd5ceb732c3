# frozen_string_literal: true

require_relative "../../support/toolkit_relay"

RSpec.describe OverSIP::Testing::Matchers, "#have_logged", :sip do
  include_context "with a relay"

  before { sip.target("gw1.example").answers 200 }

  it "sees records of the script" do
    expect { alice.options("sip:bob@gw1.example") }.to have_logged("answered 200").with(severity: :info).once
    expect(sip).to have_logged(/answered \d+/)
    expect(sip).not_to have_logged(/answered/).with(severity: :error)
    expect { sip.advance 1 }.not_to have_logged(/answered/)
  end

  it "says what was logged" do
    alice.options("sip:bob@gw1.example")
    expect(failure { expect(sip).to have_logged("forbidden").with(severity: :warn) })
      .to eq("expected the element to have logged \"forbidden\" with severity warn, but it logged only:\n  0 s  info: answered 200")
  end

  it "says that nothing was logged" do
    expect(failure { expect { nil }.to have_logged(/x/) }).to eq("expected the block to have logged /x/, but it logged nothing")
  end

  it "refuses a call" do
    call = alice.invite("sip:bob@gw1.example")
    expect { expect(call).to have_logged(/x/) }
      .to raise_error(ArgumentError, "have_logged looks at `sip` or at a block, not at a call")
  end

  it "refuses what no record has" do
    expect { expect(sip).not_to have_logged(nil) }.to raise_error(ArgumentError, /what is logged is a String, .* not nil/)
    expect { expect(sip).not_to have_logged(/x/).with(severity: :warning) }
      .to raise_error(ArgumentError, /a severity is one of :debug, .*:warn, .* not :warning/)
  end
end
