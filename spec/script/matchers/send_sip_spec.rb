# frozen_string_literal: true

require_relative "../../support/toolkit_relay"

RSpec.describe OverSIP::Testing::Matchers, "#send_sip", :sip do
  include_context "with a relay"

  before do
    sip.target("gw1.example").answers 180, 200
  end

  let(:call) { alice.invite("sip:bob@gw1.example") }

  it "sees what the element sends while a block runs" do
    call
    expect { call.hang_up }.to send_sip(:BYE).to("gw1.example").once
    expect { sip.advance 1 }.not_to send_sip
  end

  it "sees what belongs to a call, in both directions" do
    expect(call).to send_sip(:INVITE).to("gw1.example").and send_sip(200).to(alice)
    expect(call).to send_sip(180..199).to("alice")
    expect(call).not_to send_sip(:CANCEL)
  end

  it "sees of an exchange in a dialog what belongs to that" do
    bye = call.hang_up
    expect(bye).to send_sip(:BYE).once.and send_sip(200).to(alice).once
    expect(bye).not_to send_sip(:INVITE)
    expect(call.peer).to send_sip(100).to(alice)
  end

  it "knows a receiver by its address, its name, or what matches them" do
    gateway = sip.target("gw1.example")
    [gateway, :"gw1.example", gateway.address, "udp:#{gateway.address}", /gw\d/].each do |receiver|
      expect(call).to send_sip(:INVITE).to(receiver)
    end
  end

  it "compares headers, the body, the Request-URI and the reason" do
    expect(call).to send_sip(:INVITE).with(headers: { "record-route" => a_string_including(";lr"), "Via" => [/192.0.2.100/, /alice/], "Foo" => nil })
    expect(call).to send_sip(:INVITE).with(ruri: "sip:bob@gw1.example", body: "")
    expect(call).to send_sip(200).with(reason: "OK")
    expect(call).not_to send_sip(:INVITE).with(headers: { "Max-Forwards" => "70" })
  end

  it "counts messages, and a retransmission not at all" do
    sip.target("gw2.example").never_answers
    call = alice.invite("sip:bob@gw2.example")
    sip.advance 20
    expect(sip.messages.count(&:retransmission?)).to be > 2
    expect(call).to send_sip(:INVITE).once
    expect(call).to send_sip(:INVITE).at_least(1).times.and send_sip(:INVITE).at_most(1)
    expect(call).not_to send_sip(:INVITE).times(2)
  end

  it "has a limit of time" do
    sip.target("gw1.example").answers(200).after(3)
    call = alice.invite("sip:bob@gw1.example")
    sip.advance 3
    expect(call).to send_sip(200).within(3)
    expect(failure { expect(call).to send_sip(200).within(2) })
      .to match(/to send 200 within 2 s in the INVITE of alice, but it sent:\n  3 s  200 OK to alice .*: it is 3 s after the beginning\z/)
  end

  it "says that nothing was sent" do
    expect(failure { expect { sip.advance 5 }.to send_sip(:BYE).to("gw1.example") })
      .to eq("expected the element to send BYE to gw1.example, but it sent nothing (the clock stands at 5 s)")
  end

  it "says what else was sent" do
    expect(failure { expect { alice.options("sip:bob@gw1.example") }.to send_sip(:BYE) })
      .to match(/\Aexpected the element to send BYE, but it sent only:\n  0 s  OPTIONS sip:bob@gw1.example to gw1.example \(udp:.*\)\n  0 s  200 OK/)
  end

  it "says what is different in a message of the kind" do
    sip.target("gw2.example")
    pattern = send_sip(:INVITE).to("gw2.example").with(headers: { "Foo" => "1", "Max-Forwards" => "70" })
    address = sip.target("gw1.example").address
    expect(failure { expect(call).to pattern }).to eq(<<~TEXT.chomp)
      expected the element to send INVITE to gw2.example with Foo "1" and Max-Forwards "70" in the INVITE of alice, but it sent:
        0 s  INVITE sip:bob@gw1.example to gw1.example (udp:#{address}): it went to gw1.example (udp:#{address}), it has no Foo, its Max-Forwards is "69"
    TEXT
  end

  it "says that there was one too many" do
    failure = failure { expect { 2.times { alice.message("sip:bob@gw1.example") } }.to send_sip(:MESSAGE).once }
    expect(failure).to match(/\Aexpected the element to send MESSAGE exactly once, but it did so twice:\n  0 s  MESSAGE .*\n  0 s  MESSAGE .*\z/)
  end

  it "says what must not have been sent" do
    expect(failure { expect(call).not_to send_sip(:INVITE) })
      .to start_with("expected the element not to send INVITE in the INVITE of alice, but it did so once:\n  0 s  INVITE sip:bob@gw1.example")
  end

  it "says which parts it knows" do
    expect { send_sip(:BYE).with(header: {}) }.to raise_error(ArgumentError, "with knows headers, body, reason, ruri, not header")
  end

  it "refuses what is neither a call nor a block" do
    expect { expect("text").to send_sip(:BYE) }
      .to raise_error(ArgumentError, 'expect was given "text": give it a call, an exchange, `sip`, or a block')
  end

  it "refuses a status that no response has" do
    expect { expect(sip).not_to send_sip("404") }
      .to raise_error(ArgumentError, 'a status is an Integer from 100 to 699, not "404"')
    expect { expect(sip).not_to reply_with(99) }.to raise_error(ArgumentError, "a status is an Integer from 100 to 699, not 99")
  end

  it "refuses a method that no request has, and a number of times that nothing has" do
    expect { expect(sip).not_to send_sip(:invite) }
      .to raise_error(ArgumentError, "a method is written as in the message, such as :INVITE, not :invite")
    expect { expect(sip).not_to send_sip("Bye ") }.to raise_error(ArgumentError, /not "Bye "/)
    expect { expect(sip).not_to send_sip(:BYE).times("2") }
      .to raise_error(ArgumentError, 'how often is an Integer from 0 on, not "2"')
  end
end
