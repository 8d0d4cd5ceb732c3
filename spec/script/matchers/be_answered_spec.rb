# frozen_string_literal: true

require_relative "../../support/toolkit_relay"

RSpec.describe OverSIP::Testing::Matchers, "#be_answered", :sip do
  include_context "with a relay"

  it "means a final response of 2xx" do
    sip.target("gw1.example").answers 180, 200
    sip.target("gw2.example").answers 486
    expect(alice.invite("sip:bob@gw1.example")).to be_answered
    expect(alice.invite("sip:bob@gw2.example")).not_to be_answered
  end

  it "takes another status, with its reason" do
    call = alice.invite("sip:nobody@example.com")
    expect(call).to be_answered.with(404)
    expect(call).to be_answered.with(400..499, /nobody/i)
    expect(call).not_to be_answered.with(486)
  end

  it "tells a target's answer from the element's" do
    gateway = sip.target("gw1.example")
    sip.target("gw2.example")
    call = alice.invite("sip:bob@gw1.example")
    expect(call).to be_answered.by("gw1.example").and be_answered.by(gateway)
    expect(call).not_to be_answered.by("gw2.example")
    expect(alice.options("sip:nobody@example.com")).to be_answered.with(404).by(:element)
  end

  it "looks at the time of the answer" do
    sip.target("gw1.example").answers(200).after(3)
    call = alice.invite("sip:bob@gw1.example")
    expect(call).not_to be_answered
    sip.advance 3
    expect(call).to be_answered.after(3).and be_answered.within(3)
    expect(call).not_to be_answered.within(2.9)
    expect(call).not_to be_answered.after(2)
  end

  it "works for the elements of a list" do
    sip.target("gw1.example").answers 200
    expect(Array.new(2) { alice.invite("sip:bob@gw1.example") }).to all(be_answered.by("gw1.example"))
  end

  it "says which answer came instead" do
    sip.target("gw1.example")
    call = alice.invite("sip:nobody@example.com")
    expect(failure { expect(call).to be_answered.with(200).by("gw1.example") })
      .to eq("expected the INVITE of alice to be answered with 200 by gw1.example, " \
             "but it was answered with 404 Nobody Here by the element after 0 s")
  end

  it "says that the time of an answer lies ahead" do
    sip.target("gw1.example").never_answers
    call = alice.invite("sip:bob@gw1.example")
    sip.advance 2
    expect(failure { expect(call).to be_answered.with(408).after(32) })
      .to eq("expected the INVITE of alice to be answered with 408 after 32 s, but it got no final response: the last one was " \
             "100 Trying at 0 s, and the clock stands at 2 s: `sip.advance 30` goes on until then")
  end

  it "says what must not have come" do
    sip.target("gw1.example").answers(200)
    call = alice.invite("sip:bob@gw1.example")
    expect(failure { expect(call).not_to be_answered })
      .to eq("expected the INVITE of alice not to be answered, but it was answered with 200 OK by gw1.example after 0 s")
  end

  it "refuses what is no call" do
    expect { expect(7).to be_answered }.to raise_error(ArgumentError, "be_answered looks at a call or an exchange, not at 7")
  end

  it "refuses a status that no response has" do
    call = alice.invite("sip:nobody@example.com")
    ["404", 4040].each do |status|
      expect { expect(call).not_to be_answered.with(status) }
        .to raise_error(ArgumentError, "a status is an Integer from 100 to 699, not #{status.inspect}")
    end
  end
end
