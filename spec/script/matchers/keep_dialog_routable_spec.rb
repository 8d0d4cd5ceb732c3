# frozen_string_literal: true

require_relative "../../support/toolkit_relay"

RSpec.describe OverSIP::Testing::Matchers, "#keep_dialog_routable", :sip do
  include_context "with a relay"

  before { sip.target("gw1.example").answers 180, 200 }

  let(:call) { alice.invite("sip:bob@gw1.example") }

  it "sends a request from each side to the other" do
    call
    expect { expect(call).to keep_dialog_routable }
      .to send_sip(:INFO).to("gw1.example").once.and send_sip(:INFO).to(alice).once
    expect(call).to keep_dialog_routable(:UPDATE)
  end

  context "when the script refuses requests of the dialog" do
    let(:refused) { :INFO }

    it "says whose request did not arrive" do
      expect(failure { expect(call).to keep_dialog_routable })
        .to eq("expected the INVITE of alice to keep its dialog routable, " \
               "but the INFO of alice never reached gw1.example and was answered with 405 Method Not Allowed")
    end
  end

  it "moves the clock until the requests are answered" do
    sip.loss delay: 0.1
    call
    sip.advance 2
    expect(call).to keep_dialog_routable("UPDATE")
    expect(sip.now).to be_within(0.001).of(2.8)
  end

  it "says that there is no dialog" do
    call = alice.invite("sip:nobody@example.com")
    expect(failure { expect(call).to keep_dialog_routable })
      .to eq("expected the INVITE of alice to keep its dialog routable, but there is no dialog: no response has made one")
  end
end
