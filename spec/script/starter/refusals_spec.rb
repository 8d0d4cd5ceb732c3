# frozen_string_literal: true

require_relative "../../support/starter_script"

# What the starter does not do.
RSpec.describe "The starter, what it refuses", :sip, **StarterScript::FILES do
  include_context "with the starter"

  # Nobody has called it.
  let(:victim) { sip.target("192.0.2.66") }

  it "answers whether it is available" do
    expect(alice.options).to be_answered.with(200).by(:element)
    expect(home.received).to be_empty
  end

  it "takes an OPTIONS for somebody to the home server" do
    expect(alice.options("sip:carol@example.com")).to be_answered.by("127.0.0.1")
  end

  it "forwards no request that has come too far" do
    expect(alice.options("sip:carol@example.com", max_forwards: 0)).to be_answered.with(483).by(:element)
    expect(home.received).to be_empty
  end

  %i[BYE INFO INVITE MESSAGE].each do |sip_method|
    it "refuses #{sip_method} of a dialog that it does not know" do
      request = alice.request(sip_method, "sip:victim@192.0.2.66", to: "<sip:victim@192.0.2.66>;tag=1",
                                                                   route: "<sip:192.0.2.100:5060;lr>, <sip:192.0.2.66;lr>")
      expect(request).to be_answered.with(403).by(:element)
      expect(victim.received).to be_empty
    end
  end

  it "drops an ACK of a dialog that it does not know" do
    victim
    expect { alice.send_raw(<<~SIP.gsub("\n", "\r\n")) }.not_to send_sip
      ACK sip:victim@192.0.2.66 SIP/2.0
      Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK1
      Max-Forwards: 70
      Route: <sip:192.0.2.100:5060;lr>
      From: <sip:alice@example.com>;tag=1
      To: <sip:victim@192.0.2.66>;tag=2
      Call-ID: 1
      CSeq: 1 ACK

    SIP
  end

  it "sends requests of clients to the home server alone, whatever their Route says" do
    ["<sip:192.0.2.66;lr>", "<sip:192.0.2.100:5060;lr>, <sip:192.0.2.66;lr>", "<sip:192.0.2.100:5060;lr>"].each do |route|
      message = alice.message("sip:victim@192.0.2.66", "text", route:)
      expect(message).to have_tried(home)
      expect(message).to be_relayed_to(home).with(headers: { "Route" => nil })
    end
    expect(victim.received).to be_empty
  end

  it "takes no other program at the home server's address for it" do
    [sip.client(:program, address: "127.0.0.1:5071"), sip.client(:other, address: "127.0.0.1:5070", transport: :tcp)].each do |stranger|
      expect(stranger.message("sip:victim@192.0.2.66")).to have_tried(home)
    end
    expect(victim.received).to be_empty
  end

  it "answers what no server can forward" do
    expect { alice.options("sip:carol@example.com", content_length: 9) }.to reply_with(400).to(alice)
    expect { alice.options("sip:carol@example.com", from: "<sip:alice@example.com") }.to reply_with(400).to(alice)
    expect(home.received).to be_empty
  end

  it "says nothing to what is no SIP" do
    expect { alice.send_raw("\x00\xFF hello") }.not_to send_sip
  end
end
