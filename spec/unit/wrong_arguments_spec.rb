# frozen_string_literal: true

require "oversip/testing"

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

  # Calls with a wrong argument => class and text of the error.
  named = {
    ->(_) { request.reply("200") } => [ArgumentError, 'status code must be an Integer, not "200"'],
    ->(_) { request.reply(nil) } => [TypeError, "status code must be an Integer, not nil"],
    ->(_) { request.reply(99) } => [ArgumentError, "invalid status code 99: it must be from 100 to 699"],
    ->(_) { request.reply(2**70) } => [ArgumentError, /invalid status code 1180591620717411303424/],
    ->(_) { request.reply(200, nil, { "X-A" => 1 }) } => [TypeError, /extra headers must be an Array of header lines, not \{/],
    ->(_) { request.check_max_forwards("1") } => [TypeError, 'max_forwards must be an Integer, not "1"'],
    ->(_) { request.check_max_forwards(-1) } => [ArgumentError, /max_forwards must be .*, not -1/],
    ->(_) { request.local_uri?("sip:a@b") } => [TypeError, /uri must be a OverSIP::SIP::Uri or .*, not "sip:a@b"/],
    ->(_) { request.ruri.host = :b } => [TypeError, "host must be a String, not :b"],
    ->(_) { response.status_code = "200" } => [TypeError, 'status code must be an Integer, not "200"'],
    ->(_) { response.status_code = 100 } => [ArgumentError, "invalid status code 100: a final response stays one, from 200 to 699"],
    ->(_) { provisional.status_code = 200 } => [ArgumentError, "invalid status code 200: a provisional response stays one, from 101 to 199"],
    ->(_) { refusal.status_code = 200 } => [ArgumentError, "invalid status code 200: the INVITE was refused, and a refusal stays one, from 300 to 699"],
    ->(_) { response.status_code = 199 } => [ArgumentError, /invalid status code 199/],
    ->(_) { response.status_code = 700 } => [ArgumentError, /invalid status code 700/],
    ->(uac) { uac.route(sent, :localhost) } => [TypeError, "dst_host must be a String, not :localhost"],
    ->(uac) { uac.route(sent, "127.0.0.1", "5060") } => [TypeError, 'dst_port must be an Integer, not "5060"'],
    ->(uac) { uac.route(sent, "127.0.0.1", 2**70) } => [OverSIP::RuntimeError, /dst_port must be between 1 and 65535, not 11805/],
    ->(uac) { uac.route(sent, "127.0.0.1", 5060, "udp") } => [TypeError, 'dst_transport must be a Symbol (:udp, :tcp or :tls), not "udp"'],
    ->(uac) { uac.call(sent, "127.0.0.1", nil, 5060) } => [TypeError, /dst_transport must be a Symbol .*, not 5060/],
    ->(uac) { uac.call(sent, timeout: "5") } => [TypeError, 'timeout: must be a number of seconds, not "5"'],
    ->(uac) { uac.call(sent, timeout: 0) } => [ArgumentError, "timeout: must be a positive number of seconds, at most 1000000000, not 0"],
    ->(uac) { uac.call(sent, timeout: 1e19) } => [ArgumentError, /timeout: must be a positive number of seconds, at most 1000000000, not 1/],
    ->(_) { OverSIP.schedule(after: 1e19) { nil } } => [ArgumentError, /after: must be a number of seconds from 0 to 1000000000, not 1/],
    ->(_) { OverSIP.schedule(after: Float::NAN) { nil } } => [ArgumentError, "after: must be a number of seconds from 0 to 1000000000, not NaN"],
    ->(_) { OverSIP.stop(timeout: "5") } => [TypeError, 'timeout: must be a number of seconds, not "5"'],
    ->(_) { OverSIP::Engine.stop(Float::NAN) } => [ArgumentError, "seconds must be from 0 to 1000000000, not NaN"],
    ->(_) { OverSIP::Testing.advance(1e19) } => [ArgumentError, /seconds must be a number of seconds from 0 to 1000000000, not 1/],
    ->(_) { OverSIP::Testing.advance(Complex(1, 1)) } => [TypeError, "seconds must be a number of seconds, not (1+1i)"],
    ->(_) { udp.send_sip_msg("x", :ip, 5060) } => [TypeError, "ip must be a String, not :ip"],
    ->(_) { udp.send_sip_msg("x", "127.0.0.1", "5060") } => [TypeError, 'port must be an Integer, not "5060"'],
    ->(_) { udp.send_sip_msg("x", "127.0.0.1", 65_536) } => [ArgumentError, "port must be an Integer from 0 to 65535, not 65536"],
    ->(_) { OverSIP::TLS.get_sip_identities("x") } => [TypeError, 'cert must be a OpenSSL::X509::Certificate, not "x"'],
    ->(_) { OverSIP::Utils.regexp_compare("x", :x) } => [TypeError, "expression must be a Regexp or a String, not :x"]
  }

  describe "that are wrong" do
    let(:request) { OverSIP::SIP::Request.parse(text) }
    let(:response) { OverSIP::SIP::Response.parse(text.sub(/.*/, "SIP/2.0 200 OK\r")) }
    let(:provisional) { OverSIP::SIP::Response.parse(text.sub(/.*/, "SIP/2.0 180 Ringing\r")) }
    let(:refusal) { OverSIP::SIP::Response.parse(text.sub(/.*/, "SIP/2.0 486 Busy Here\r")) }
    let(:sent) { OverSIP::SIP::UacRequest.new({ sip_method: :INFO, ruri: "sip:a@127.0.0.1" }) }
    let(:udp) { OverSIP::Engine.udp_connection(:ipv4) }

    it "are named, with their value" do
      start_oversip
      named.each do |call, (error, message)|
        expect { instance_exec(OverSIP::SIP::Uac.new, &call) }.to raise_error(error, message)
      end
    end

    [Float::NAN, Float::INFINITY, 1e300, -1, "32"].each do |value|
      it "are named when a script has put #{value.inspect} into a profile for seconds" do
        start_oversip
        OverSIP.proxies[:default_proxy][:timer_F] = value
        expect { OverSIP::SIP::Uac.new.route(sent, "127.0.0.1", 9, :udp) }
          .to raise_error(OverSIP::RuntimeError, "proxy profile parameter timer_F: #{value.inspect} is not a number of seconds from 0 to 1000000000")
      end
    end

    it "are named when a script has taken a parameter out of a profile" do
      start_oversip
      OverSIP.proxies[:default_proxy].delete(:max_targets)
      expect { OverSIP::SIP::Uac.new.route(sent, "127.0.0.1", 9, :udp) }
        .to raise_error(OverSIP::RuntimeError, /\Aproxy profile parameter max_targets is missing: make profiles of others/)
    end

    it "are named when the engine is started without a bound" do
      options = OverSIP::EngineOptions.build(OverSIP::Config.build, {})
      %i[max_queued_requests max_response_bytes max_outgoing_bytes max_body_size connect_timeout tls_handshake_timeout].each do |name|
        expect { OverSIP::Engine.start(options.except(name)) }.to raise_error(ArgumentError, "the engine needs the option #{name}")
      end
    end

    it "are named with the line and the text of a request that is no SIP" do
      start_oversip
      lost = OverSIP::SIP::UacRequest.new({ sip_method: :INFO, ruri: "sip:a@127.0.0.1", cseq: "one" })
      expect { OverSIP::SIP::Uac.new.route(lost) }
        .to raise_error(OverSIP::RuntimeError, /the request is not valid SIP: syntax error in line 5, "CSeq: one INFO", at "one INFO"/)
      expect { OverSIP::SIP::Request.parse(text.sub("Call-ID: c", "Call-ID c")) }
        .to raise_error(OverSIP::ParsingError, 'not a SIP message: syntax error in line 7, "Call-ID c", at "c"')
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
