# frozen_string_literal: true

require_relative "../../support/toolkit_relay"

# A matcher with an argument that nothing can fit would pass when it is negated.
RSpec.describe OverSIP::Testing::Matchers, :sip do
  include_context "with a relay"

  before { sip.target("gw1.example").answers 200 }

  let(:call) { alice.invite("sip:bob@gw1.example") }

  status = /\Aa status is an Integer from 100 to 699, not /
  party = /\Aa party is a String, a Regexp or a matcher, not /
  seconds = /\Aseconds must be a number of seconds, not /
  times = /\Ahow often is an Integer from 0 on, not /

  {
    "be_answered.with(\"OK\")" => [->(*) { be_answered.with("OK") }, 'a status is an Integer from 100 to 699, not "OK"'],
    "be_answered.with(nil)" => [->(*) { be_answered.with(nil) }, status],
    "be_answered.with(/2../)" => [->(*) { be_answered.with(/2../) }, status],
    "be_answered.with([200])" => [->(*) { be_answered.with([200]) }, status],
    "be_answered.with(499..400)" => [->(*) { be_answered.with(499..400) }, "a range of statuses has Integers from 100 to 699, 499..400 has none"],
    "be_answered.with(200, :ok)" => [->(*) { be_answered.with(200, :ok) }, "a reason phrase is a String, a Regexp or a matcher, not :ok"],
    "be_answered.by(nil)" => [->(*) { be_answered.by(nil) }, party],
    "be_answered.by(address)" => [->(*) { be_answered.by("192.0.2.1:5060") }, /\Anobody in this world is called "192.0.2.1:5060"/],
    "be_answered.within(\"5\")" => [->(*) { be_answered.within("5") }, /#{seconds}"5"\z/],
    "be_answered.after(nil)" => [->(*) { be_answered.after(nil) }, seconds],
    "have_tried(nil)" => [->(*) { have_tried(nil) }, party],
    "have_tried without a port" => [->(*) { have_tried("udp:192.0.2.1") },
                                    'nobody in this world is called "udp:192.0.2.1": an address is like "udp:192.0.2.1:5060" or "192.0.2.1", a name stands alone'],
    "have_tried(name with transport)" => [->(*) { have_tried("udp:gw1.example:5060") }, /a name stands alone\z/],
    "have_tried(7)" => [->(*) { have_tried(7) }, party],
    "be_relayed_to(nil)" => [->(*) { be_relayed_to(nil) }, party],
    "be_relayed_to.with(reason:)" => [->(*) { be_relayed_to("gw1.example").with(reason: "OK") }, "a request has no reason"],
    "send_sip(/INVITE/)" => [->(*) { send_sip(/INVITE/) }, status],
    "send_sip.to(nil)" => [->(*) { send_sip(:BYE).to(nil) }, party],
    "send_sip(200).with(ruri:)" => [->(*) { send_sip(200).with(ruri: "sip:b") }, "a response has no ruri"],
    "send_sip.with(headers: \"Via\")" => [->(*) { send_sip.with(headers: "Via") }, 'headers: is a Hash of names and values, not "Via"'],
    "send_sip.with(nil header)" => [->(*) { send_sip.with(headers: { nil => "x" }) },
                                    'the name of a header is a String or a Symbol, such as "Via", not nil'],
    "send_sip.with(\"Via:\")" => [->(*) { send_sip.with(headers: { "Via:" => "x" }) }, /name of a header .* not "Via:"/],
    "send_sip.with(Symbol as value)" => [->(*) { send_sip.with(headers: { "Via" => :x }) }, /\Athe value of a header is/],
    "send_sip.with(body: nil)" => [->(*) { send_sip.with(body: nil) }, "body is a String, a Regexp or a matcher, not nil"],
    "send_sip.within(\"5\")" => [->(*) { send_sip.within("5") }, seconds],
    "send_sip.times(nil)" => [->(*) { send_sip.times(nil) }, times],
    "send_sip.times(-1)" => [->(*) { send_sip.times(-1) }, times],
    "reply_with(nil)" => [->(*) { reply_with(nil) }, status],
    "reply_with(:BYE)" => [->(*) { reply_with(:BYE) }, status],
    "have_run(nil)" => [->(*) { have_run(nil) }, "a block is a String without spaces, not nil"],
    "keep_dialog_routable(:info)" => [->(*) { keep_dialog_routable(:info) }, /\Aa method is written as in the message/]
  }.each do |name, (matcher, message)|
    it "refuses #{name}" do
      call
      expect { expect(call).not_to instance_exec(&matcher) }
        .to raise_error(StandardError, message) { |error| expect([ArgumentError, TypeError]).to include(error.class) }
    end
  end

  it "refuses what have_logged cannot find" do
    expect { expect(sip).not_to have_logged(:text) }.to raise_error(ArgumentError, /\Awhat is logged is a String/)
    expect { expect(sip).not_to have_logged("answered").with(severity: :debug) }
      .to raise_error(ArgumentError, "debug is not logged here: the configuration has core[syslog_level] info")
  end

  {
    "be_answered.by" => -> { be_answered.by("gw1.exmaple") },
    "have_tried" => -> { have_tried("gw1.exmaple") },
    "be_relayed_to" => -> { be_relayed_to("gw1.exmaple") },
    "send_sip.to" => -> { send_sip(:INVITE).to("gw1.exmaple") },
    "reply_with.to" => -> { reply_with(200).to("gw1.exmaple") }
  }.each do |name, matcher|
    it "refuses a name that nobody has, in both directions: #{name}" do
      text = %(nobody in this world is called "gw1.exmaple": did you mean 'gw1.example'?)
      expect { expect(call).to instance_exec(&matcher) }.to raise_error(ArgumentError, text)
      expect { expect(call).not_to instance_exec(&matcher) }.to raise_error(ArgumentError, text)
    end
  end

  it "refuses a name that nobody has on the blacklist, and says how somebody gets it" do
    expect { expect(sip).not_to have_blacklisted("voicemail.example") }
      .to raise_error(ArgumentError, 'nobody in this world is called "voicemail.example": sip.target("voicemail.example") puts somebody there')
  end

  it "knows the hosts of the zone, and finds them where nobody is" do
    sip.zone { a "empty.example", "192.0.2.200" }
    sip.allow_unknown_destinations
    expect(call).not_to have_tried("empty.example")
    expect(alice.invite("sip:bob@empty.example")).to have_tried("empty.example").and be_relayed_to("empty.example")
  end

  it "knows a target by any part of its address" do
    address = sip.target("gw1.example").address
    expect(call).to have_tried(address).and have_tried(address.delete_suffix(":5060")).and have_tried("udp:#{address}")
    expect(call).not_to have_tried("[2001:db8::7]:5060")
  end

  it "names headers by Symbols, and their values by numbers, as personas do" do
    expect(call).to be_relayed_to("gw1.example").with(headers: { max_forwards: 69, call_id: call.call_id })
    expect(call).not_to be_relayed_to("gw1.example").with(headers: { max_forwards: nil })
  end

  it "says nothing of a dialog that is not there" do
    refused = alice.invite("sip:nobody@example.com")
    expect(failure { expect(refused).not_to keep_dialog_routable }).to include("there is no dialog")
  end

  it "needs a world" do
    sip.close
    expect { expect(-> {}).to have_blacklisted("gw1.example") }.to raise_error(OverSIP::RuntimeError, /\Athere is no world/)
  end

  it "takes no message for a call" do
    expect { expect(call.request).not_to send_sip(:BYE) }.to raise_error(ArgumentError, /\Aexpect was given .*: give it a call/)
  end
end
