# frozen_string_literal: true

require_relative "../../support/relay_script"

# Requests that make no call.
RSpec.describe "examples/relay, other requests", :sip, **RelayScript::FILES do
  include_context "with the relay of examples/relay"

  %i[OPTIONS MESSAGE REGISTER SUBSCRIBE NOTIFY PUBLISH REFER INFO UPDATE PRACK].each do |sip_method|
    it "carries #{sip_method}" do
      request = alice.request(sip_method, "sip:bob@b.example")
      expect(request).to be_answered.by("127.0.0.1").within(0)
      expect(request).to be_relayed_to(bob).with(ruri: "sip:bob@b.example").once
    end
  end

  it "carries a method that nobody knows" do
    expect(alice.request(:PING, "sip:bob@b.example")).to be_answered.by("127.0.0.1")
  end

  it "carries a text in any language" do
    expect(alice.message("sip:bob@b.example", "Grüße, 你好")).to be_relayed_to(bob).with(body: "Grüße, 你好")
  end

  it "counts a hop" do
    expect(alice.options("sip:bob@b.example")).to be_relayed_to(bob).with(headers: { "Max-Forwards" => "10" })
    expect { alice.options("sip:bob@b.example", max_forwards: 0) }.to reply_with(483).to(alice)
  end

  it "adds its Via, and removes it from the answer" do
    request = alice.options("sip:bob@b.example")
    expect(request).to be_relayed_to(bob).with(headers: { "Via" => [/192\.0\.2\.100/, /198\.51\.100\.1/] })
    expect(request.final.headers("Via")).to match([a_string_including("198.51.100.1")])
  end

  it "answers 404 in a dialog that did not come by here" do
    stranger = sip.target("192.0.2.66")
    [nil, "<sip:192.0.2.100;lr>", "<sip:192.0.2.66;lr>"].each do |route|
      expect(alice.request(:BYE, "sip:bob@192.0.2.66", to: "<sip:bob@b.example>;tag=1", route:))
        .to be_answered.with(404, "In-dialog Request without Route to Here").by(:element)
    end
    expect(sip).to have_logged("refused: BYE without the Record-Route of its dialog as Route").exactly(3)
    expect(stranger.received).to be_empty
  end

  it "sends no answer to an ACK that belongs to nothing" do
    ack = "ACK sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n" \
          "From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 ACK\r\n\r\n"
    expect { alice.send_raw(ack) }.not_to send_sip
  end

  it "takes a request that comes again for the same" do
    bob.answers(200).after(1)
    request = alice.options("sip:bob@b.example")
    sip.advance 1
    expect(request).to be_answered.after(1)
    expect(sip.messages.count { |message| message.sender == "alice" }).to eq(2)
    expect(request).to send_sip(:OPTIONS).once
    expect(request).to have_run(:on_request).once
  end

  it "gives a request up after Timer F, without an answer" do
    bob.never_answers
    request = alice.options("sip:bob@b.example")
    sip.advance 40
    expect(request).not_to reply_with(200..699)
    expect(request).to have_run(:on_error).with(408, anything, :client_timeout).once
  end

  it "reaches a client by TCP over its connection" do
    phone = sip.client(:phone, transport: :tcp)
    call = phone.invite("sip:bob@b.example")
    expect(call).to be_answered
    expect(bob.calls.last.hang_up).to be_answered.by("phone")
  end
end
