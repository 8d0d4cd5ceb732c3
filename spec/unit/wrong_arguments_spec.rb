# frozen_string_literal: true

# Scripts are written by people: whatever they hand over, they get an answer or an error that names the mistake, at once.
RSpec.describe "Arguments of any kind", :native do
  values = [nil, true, 0, -1, 2**70, 1.5, Float::NAN, "", "x", "sip:a@b", "\xFF\0\r\n", "\u00e9".encode("UTF-16LE"), :sym, [],
            ["x"], [nil], {}, { a: 1 }, Object.new, 200, Class]
  # RegexpError is the answer to what is no pattern.
  errors = [TypeError, ArgumentError, RangeError, RegexpError, OverSIP::Error]

  text = "INVITE sip:a@b;x=1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n" \
         "Contact: <sip:a@b>\r\nRoute: <sip:r>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\nbody"
  partial = lambda do |start|
    parser = OverSIP::SIP::MessageParser.new
    parser.execute(start, 0)
    parser.parsed
  end
  subjects = {
    "a Request" => -> { OverSIP::SIP::Request.parse(text) },
    "a Response" => -> { OverSIP::SIP::Response.parse(text.sub(/.*/, "SIP/2.0 200 OK\r")) },
    "half a Request" => -> { partial.call("INVITE ") },
    "half a Response" => -> { partial.call("SIP/2.0 ") },
    "a SIP URI" => -> { OverSIP::SIP::Uri.parse("sip:a@b;x=1") },
    "a TEL URI" => -> { OverSIP::SIP::Uri.parse("tel:1;x") },
    "another URI" => -> { OverSIP::SIP::Uri.parse("urn:x") },
    "an allocated URI" => -> { OverSIP::SIP::Uri.allocate },
    "a NameAddr" => -> { OverSIP::SIP::NameAddr.parse("A <sip:a@b>") },
    "a UacRequest" => -> { OverSIP::SIP::UacRequest.new({ sip_method: :INFO, ruri: "sip:a@b" }) },
    "a MessageParser" => -> { OverSIP::SIP::MessageParser.new }
  }
  modules = [OverSIP::Utils, OverSIP::Stun, OverSIP::SIP::Tags, OverSIP::M::UserAssertion, OverSIP::M::OutboundMangling,
             OverSIP::SIP::Uri, OverSIP::SIP::NameAddr, OverSIP::SIP::MessageParser, OverSIP::SIP::Request, OverSIP::SIP::Response]

  # Lists of arguments for a method: every value where it takes one, a few mixtures where it takes more.
  define_method(:argument_lists) do |arity|
    counts = arity.negative? ? [*0..4] : [arity]
    counts.flat_map do |count|
      if count == 1
        values.map { |value| [value] }
      else
        Array.new(count.zero? ? 1 : 25) { Array.new(count) { values.sample } }
      end
    end
  end

  # What a call raises that is no error of the caller's.
  define_method(:surprise) do |call|
    call.call
    nil
  rescue *errors
    nil
  rescue Exception => e # rubocop:disable Lint/RescueException -- a panic of the extension is no StandardError
    "#{e.class}: #{e.message.lines.first}"
  end

  subjects.each do |name, make|
    it "are answered by #{name}, which can be shown and written after it" do
      logging = OverSIP::Logger.instance_methods
      surprises = (make.call.public_methods - Object.instance_methods - logging).flat_map do |method|
        argument_lists(make.call.method(method).arity).flat_map do |arguments|
          subject = make.call
          calls = [-> { subject.public_send(method, *arguments) }, -> { subject.to_s }, -> { subject.inspect }]
          calls.filter_map { |call| surprise(call)&.then { |what| "#{method}(#{arguments.map(&:class)}): #{what}" } }
        end
      end
      expect(surprises).to be_empty
    end
  end

  modules.each do |subject|
    it "are answered by #{subject}" do
      names = subject.singleton_methods(false) + (subject.is_a?(Class) && subject.respond_to?(:new) ? [:new] : [])
      surprises = names.flat_map do |method|
        argument_lists(subject.method(method).arity).filter_map do |arguments|
          surprise(-> { subject.public_send(method, *arguments) })&.then { |what| "#{method}(#{arguments.map(&:class)}): #{what}" }
        end
      end
      expect(surprises).to be_empty
    end
  end
end
