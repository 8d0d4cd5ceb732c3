# frozen_string_literal: true

require "oversip/call_record"
require_relative "../../support/recorded_calls"

RSpec.describe OverSIP::CallRecord::Redaction do
  include RecordedCalls

  def redacted(*events, **options)
    described_class.new(**options).call(call_record(*events))
  end

  # @return [CallRecord::Message]
  def shown(bytes, **options)
    redacted(message(0.0, :alice, :oversip, bytes: bytes), **options).messages.first
  end

  # A request with these fields, without its start line and its end.
  def fields(*lines, line_end: "\r\n", **options)
    shown([RecordedCalls::INVITE, *lines, "", ""].join(line_end), **options).bytes.delete_prefix("#{RecordedCalls::INVITE}#{line_end}").chomp(line_end)
  end

  def body(type, body)
    shown("#{RecordedCalls::INVITE}\r\n#{type}\r\nContent-Length: #{body.bytesize}\r\n\r\n#{body}")
  end

  secret = {
    "credentials" => ['Authorization: Digest username="a", response="00"', "Authorization: Digest ***"],
    "credentials for a proxy, whatever the letters" => ["pROXY-aUTHORIZATION :Digest x", "pROXY-aUTHORIZATION :Digest ***"],
    "credentials of an unknown scheme" => ["Authorization: s3cret word", "Authorization: ***"],
    "what a server proves" => ['Authentication-Info: rspauth="00"', "Authentication-Info: ***"],
    "cookies" => ["Cookie: session=1", "Cookie: ***"],
    "what a folded line goes on with" => ["Authorization: Digest a=b,\r\n response=1,\r\n\tc=d\r\nSubject: x", "Authorization: Digest ***\r\nSubject: x"],
    "a field behind a lone CR" => ["Subject: x\rAuthorization: Digest a", "Subject: x\rAuthorization: Digest ***"],
    "lines that are no fields, with what goes on with them" => ["Autho\r\n rization: Digest a\r\nSubject: x", "***\r\nSubject: x"],
    "digest answers in other fields" => ['X: response="0123456789abcdef0123456789ABCDEF"', 'X: response="***"'],
    "passwords in URIs" => ["Contact: <sip:bob:pw@h>, \"b\" <SIPS:carol:a:b%40c@h;x=y>", "Contact: <sip:bob:***@h>, \"b\" <SIPS:carol:***@h;x=y>"],
    "a password behind a user with a slash" => ["Contact: <sip:a/b:pw@h>", "Contact: <sip:a/b:***@h>"],
    "passwords in the headers of a URI, whatever is escaped there" =>
      ["Refer-To: <sip:x@h?Contact=sip:bob:pw1%40h>, <sip:x:pw2@h?Refer-To=sip%3Abob:pw3%40h>, <sip:x@h?C=http%3A%2F%2Fbob%3Apw4%40h>",
       "Refer-To: <sip:x@h?Contact=sip:bob:***%40h>, <sip:x:***@h?Refer-To=sip%3Abob:***%40h>, <sip:x@h?C=http%3A%2F%2Fbob%3A***%40h>"],
    "passwords with blanks in quotes, and lists of them" =>
      ["X: password=\"my s \\\" t\";x, {password: ['my s', \"b\"], x: 1}, pwd: 'a b', {\\\"secret\\\": \\\"a, b\\\"}",
       "X: password=\"***\";x, {password: [***], x: 1}, pwd: '***', {\\\"secret\\\": \\\"***\\\"}"],
    "passwords that are cut within their quotes" => ["X: password=\"a b c", "X: password=\"***"],
    "digest answers in Hashes" => ["X: {\"response\"=>\"#{"0a" * 16}\", rspauth: [\"#{"0" * 64}\"]}", "X: {\"response\"=>\"***\", rspauth: [\"***\"]}"],
    "passwords in other URIs" => ["Call-Info: <https://u:p@h/x>", "Call-Info: <https://u:***@h/x>"],
    "passwords that are parameters of URIs and headers" => ["Contact: <sip:bob@h;password=a.b;x=y?Secret=c&z=1>;passwd=\"d\";q=1", "Contact: <sip:bob@h;password=***;x=y?Secret=***&z=1>;passwd=\"***\";q=1"],
    "the signature of Identity" => ["Identity: eyJhbGci.eyJhdHRl.c2lnbmF0dXJl;info=<https://h/x>;alg=ES256", "Identity: eyJhbGci.eyJhdHRl.***;info=<https://h/x>;alg=ES256"],
    "the signature of an Identity without its header, by its short name, and of an older one" =>
      ["y: ..c2lnbmF0dXJl;info=<x>\r\nIDENTITY : \"c2lnbmF0dXJl+/=\"\r\nSubject: x", "y: ..***;info=<x>\r\nIDENTITY : \"***\"\r\nSubject: x"],
    "an Identity that is folded" => ["Identity: eyJhbGci\r\n .eyJhdHRl.c2lnbmF0dXJl\r\nSubject: x", "Identity: ***\r\nSubject: x"],
    "credentials in the headers of a URI" => ["Refer-To: <sip:b@h?Proxy-Authorization=Basic%20x&Cookie=y&Authentication-Info=z>",
                                              "Refer-To: <sip:b@h?Proxy-Authorization=***&Cookie=***&Authentication-Info=***>"],
    "what stands escaped in a URI" => ["Refer-To: <sip:b@h?Authorization=Digest%20x&Route=%3Csip%3Ac%3Apw%40h%3E>",
                                       "Refer-To: <sip:b@h?Authorization=***&Route=%3Csip%3Ac%3A***%40h%3E>"]
  }
  secret.each do |what, (written, left)|
    it("takes out #{what}") { expect(fields(written)).to eq "#{left}\r\n" }
  end

  it "leaves everything else" do
    others = ["Via: SIP/2.0/UDP h:5060;branch=z9hG4bK1", "From: \"a:b@c\" <sip:alice@h:5060;transport=tcp>;tag=1", "WWW-Authenticate: Digest nonce=\"1\"",
              "Subject: time: 12:30@home", "To: <tel:+34600>",
              "Route: <sip:proxy:5060;lr;x=a@b>, <sip:proxy:5060?x=a%40b>, <http://h:8080/a@b>", "Expires: 3600"].join("\r\n")
    expect(fields(others)).to eq "#{others}\r\n"
    expect(shown("SIP/2.0 200 OK\r\nCall-ID: 1\r\n\r\n").redacted).to eq []
  end

  it "takes out further headers that are named" do
    expect(fields("X-Token: abc", headers: ["x-TOKEN"])).to eq "X-Token: ***\r\n"
    [["x", 1], "x"].each { |headers| expect { described_class.new(headers: headers) }.to raise_error(TypeError, /headers has to be an Array of Strings/) }
  end

  it "reads heads whose lines end with LF, and those without an end" do
    expect(fields("authorization: Basic x", line_end: "\n")).to eq "authorization: Basic ***\n"
    expect(shown("SIP/2.0 200 OK\r\nAuthorization: secret").bytes).to eq "SIP/2.0 200 OK\r\nAuthorization: ***"
  end

  it "takes out the password in a Request-URI" do
    message = shown("INVITE sip:bob:pw@h SIP/2.0\r\n\r\n")
    expect([message.ruri, message.redacted]).to eq ["sip:bob:***@h", ["a password or a digest answer"]]
  end

  it "takes out keys of media, and leaves SDP as long as it was" do
    sdp = ["v=0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:4", "k=base64:c2VjcmV0",
           "A=CRYPTO:c2VjcmV0", "a=key-mgmt:mikey AQAFgM0X", "a=ice-pwd:c2VjcmV0", "a=rtpmap:0 PCMU/8000", "c2VjcmV0", ""].join("\r\n")
    message = body("c: application/SDP;x=y", sdp)
    expect(message.body.bytesize).to eq sdp.bytesize
    expect(message.body).to include("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:redactedredactedredactedredactedredacted|2^20|1:4\r\n", "a=rtpmap:0 PCMU/8000")
    expect(message.body).not_to match(/PS1u|c2Vj|AQAF/)
    expect(message.redacted).to eq ["part of SDP"]
  end

  ["a= crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0c2VjcmV0", "a=CRYPTO :1 X inline:c2VjcmV0c2VjcmV0", "a=\tcrypto\t: 1 X c2VjcmV0c2VjcmV0",
   "a =crypto:1 X inline:c2VjcmV0", " a=crypto:1 X inline:c2VjcmV0", "a= ice-pwd: c2VjcmV0", "K= clear:c2VjcmV0", "a= key-mgmt :mikey c2VjcmV0",
   "a=x-crypto:1 X inline:c2VjcmV0c2VjcmV0", "i=password: c2VjcmV0", "u=http://u:c2VjcmV0@h/"].each do |line|
    it "takes out the key in #{line.inspect}, as other readers forgive it, and leaves its length" do
      sdp = "v=0\r\n#{line}\r\nt=0 0\r\n"
      shown = body("Content-Type: application/sdp", sdp).body
      expect([shown.bytesize, shown.include?("c2Vj"), shown.lines.last]).to eq [sdp.bytesize, false, "t=0 0\r\n"]
    end
  end

  ["Content-Type: text/plain", "Subject: x", "Content-Type: application/sdp\r\nContent-Encoding: gzip", "Content-Type: multipart/mixed;boundary=x",
   "Content-Type: text/plain\r\nContent-Type: application/sdp"].each do |type|
    it "takes out a body with #{type.inspect}, and leaves its length" do
      message = body(type, "secret")
      expect([message.body, message.header("content-length"), message.redacted]).to eq ["", "6", ["body"]]
    end
  end

  it "leaves bodies that it is told to leave" do
    expect(shown("SIP/2.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello", bodies: false).body).to eq "hello"
  end

  it "takes out whole what is no SIP" do
    ["secret\xff", "INVITE sip:a b SIP/2.0\r\n\r\n", "GET / HTTP/1.1\r\nCookie: x\r\n\r\n"].each do |bytes|
      message = shown(bytes)
      expect([message.bytes, message.redacted]).to eq ["[#{bytes.bytesize} bytes that are no SIP]", ["bytes"]]
    end
    expect(shown("\r\n\r\n").bytes).to eq "\r\n\r\n"
  end

  it "reads what blocks, notes and look-ups say as well" do
    failing = block(:on_request, subject: "INVITE sip:bob:pw@h", args: ["secret"], exception: KeyError.new("no sip:bob:pw@h\nAuthorization: secret"), duration: 0.1)
    _, *events = redacted(message(0.0, :alice, :oversip), failing, note("to sip:bob:pw@h"), resolution("sip:bob:pw@h", "udp:192.0.2.1:5060"), attempt("udp:192.0.2.1:5060", :timeout)).events
    expect(events[0]).to have_attributes(subject: "INVITE sip:bob:***@h", args: [], place: "server.rb:12", duration: 0.1, call_id: "1",
                                         exception: have_attributes(class: KeyError, message: "no sip:bob:***@h\nAuthorization: ***"))
    expect(events[1..]).to match [have_attributes(text: "to sip:bob:***@h"), have_attributes(question: "sip:bob:***@h", targets: ["udp:192.0.2.1:5060"]),
                                  have_attributes(target: "udp:192.0.2.1:5060", outcome: :timeout)]
  end

  it "takes out of exceptions what a message of their call has shown to be secret" do
    bytes = "MESSAGE sip:bob:p%40ss@h SIP/2.0\r\nCall-ID: 1\r\nContact: <sip:bob:x@h>\r\nAuthorization: Bearer abcdefgh\r\n" \
            "Content-Type: application/json\r\n\r\n{\"pin\": 12345}"
    sent = message(0.0, :alice, :oversip, bytes: bytes)
    { "bob:p@ss is unknown" => "bob:*** is unknown", "no p%40ss, no p@ss" => "no ***, no ***", "bob:x" => "bob:***", "bad abcdefgh" => "bad ***",
      "unexpected token at '{\"pin\": 12345}'" => "unexpected token at '***'", "x of bob" => "x of bob", "p@ss\xFF" => "***\\xFF" }.each do |said, left|
      failing = block(:on_request, exception: OverSIP::CallRecord::Raised.new("KeyError", said))
      expect(redacted(sent, failing).events.last.exception.message).to eq left
      later = described_class.new.tap { |redaction| redaction.call(call_record(sent)) }.call(call_record(failing))
      expect(later.events.last.exception.message).to eq left
    end
    cut = block(:on_request, exception: OverSIP::CallRecord::Raised.new("KeyError", "#{"x" * 993} bob:p@"))
    expect(redacted(sent, cut).events.last.exception.message).to eq "#{"x" * 993} bob:***"
    others = block(:on_request, call_id: "2", exception: OverSIP::CallRecord::Raised.new("KeyError", "bob:p@ss"))
    request = message(0.0, :alice, :oversip, bytes: "INVITE sip:bob@h SIP/2.0\r\nCall-ID: 2\r\n\r\n")
    expect(redacted(sent, request, others).events.last.exception.message).to eq "bob:p@ss"
    scheduled = block(:schedule, call_id: nil, exception: OverSIP::CallRecord::Raised.new("KeyError", "bob:p@ss"))
    expect(redacted(sent, scheduled).events.last.exception.message).to eq "bob:***"
  end

  # What is shown of this text, which a block raises for a request with these lines.
  def raised(text, *lines, body: "", **options)
    sent = message(0.0, :alice, :oversip, bytes: ["INVITE sip:bob@h SIP/2.0", "Call-ID: 1", *lines, "", body].join("\r\n"))
    redacted(sent, block(:on_request, exception: OverSIP::CallRecord::Raised.new("KeyError", text)), **options).events.last.exception.message
  end

  it "takes out of exceptions all that it takes out of messages" do
    digest = "Authorization: Digest username=\"bob\", realm=\"example.net\", response=\"0a1b2c3d\""
    { ["no hunter22", "Contact: <sip:bob@h;password=hunter22>"] => "no ***", ["no a token", "X-Token: a token"] => "no ***",
      ["bad c2lnbmF0dXJl", "Identity: aGVhZA..c2lnbmF0dXJl;info=<x>"] => "bad ***",
      ["no bob:hunter2, hunter2", "Authorization: Basic #{["bob:hunter2"].pack("m0")}"] => "no bob:***, ***",
      ["no 0a1b2c3d for bob in example.net", digest] => "no *** for bob in example.net", ["no 12345678", "Cookie: session=12345678"] => "no ***",
      ["no folded-word", "Authorization: Bearer a,\r\n folded-word"] => "no ***", ["bad hunter2 line", "hunter2 line"] => "bad ***" }
      .each { |(text, line), left| expect(raised(text, line, headers: ["x-token"])).to eq left }
    sdp = ["v=0", "k=clear:mediakey", "a=ice-pwd:icepassword", "a=crypto:1 X inline:cryptokey|2^20", ""].join("\r\n")
    expect(raised("clear:mediakey icepassword cryptokey", "Content-Type: application/sdp", body: sdp)).to eq "*** *** ***"
    expect(raised("no {\\\"pin\\\": 1}", "Content-Type: application/json", body: "{\"pin\": 1}")).to eq "no ***"
  end

  it "leaves the class alone of an exception where messages of its call are missing" do
    failing = block(:on_request, exception: OverSIP::CallRecord::Raised.new("KeyError", "no bob"))
    sent = message(0.0, :alice, :oversip)
    answer = message(0.0, :oversip, :alice, "SIP/2.0 500 x")
    lines = (1000..2200).map { |line| "line #{line}" }.join("\n")
    many = message(0.0, :alice, :oversip, bytes: "#{RecordedCalls::INVITE}\r\nCall-ID: 1\r\n\r\n#{lines}")
    missing = ->(call_id) { note("left out", call_id: call_id, lacking: true) }
    { [failing] => "", [answer, failing] => "", [sent, failing] => "no bob", [sent, missing["1"], failing] => "", [failing, missing["1"], sent] => "",
      [sent, missing["2"], failing] => "no bob", [many, failing] => "" }.each do |events, left|
      exception = redacted(*events).events.grep(OverSIP::CallRecord::Block).last.exception
      expect([exception.class_name, exception.message]).to eq ["KeyError", left]
    end
    expect(described_class.new.call(call_record(sent, failing), whole: false).events.last.exception.message).to eq ""
    real = redacted(block(:on_request, exception: IOError.new("no bob"))).events.last
    expect(real.exception).to have_attributes(class: IOError, message: "")
  end

  it "knows what the last calls have shown, those that go on among them" do
    redaction = described_class.new
    sent = ->(number) { call_record(message(0.0, :alice, :oversip, bytes: "INVITE sip:bob:hunter2@h SIP/2.0\r\nCall-ID: #{number}\r\n\r\n")) }
    failing = call_record(block(:on_request, exception: OverSIP::CallRecord::Raised.new("KeyError", "no hunter2")))
    [*1..1000, 1, *1001..1500].each { |number| redaction.call(sent[number]) }
    expect(redaction.call(failing).events.last.exception.message).to eq "no ***"
    (2000..3000).each { |number| redaction.call(sent[number]) }
    expect(redaction.call(failing).events.last.exception.message).to eq ""
  end

  {
    "password=abc" => "password=***", "{:password=>\"abc\", :x=>1}" => "{:password=>\"***\", :x=>1}", "{\"db_password\":\"abc\"}" => "{\"db_password\":\"***\"}",
    "redis://:abc@h/0" => "redis://:***@h/0", "client_secret: abc, x" => "client_secret: ***, x", "?api_key=abc&x=1" => "?api_key=***&x=1",
    "{\"Authorization\"=>[\"Basic abc\"]}" => "{\"Authorization\"=> ***", "Proxy-Authorization : Basic abc\nx" => "Proxy-Authorization : ***\nx",
    "response=\\\"#{"0" * 32}\\\"" => "response=\\\"***\\\"", "a=crypto:1 X inline:#{"a" * 40}|1" => "a=crypto:1 X inline:***|1",
    "no password for bob" => "no password for bob"
  }.each do |said, left|
    it "leaves #{left.inspect} of an exception" do
      failing = block(:on_request, exception: OverSIP::CallRecord::Raised.new("KeyError", said))
      expect(redacted(message(0.0, :alice, :oversip), failing).events.last.exception.message).to eq left
    end
  end

  it "takes no word of exceptions that say more than they were made with" do
    talkative = Class.new(StandardError) { def message = "sip:bob:pw@h" }
    exception = redacted(message(0.0, :alice, :oversip), block(:on_request, exception: talkative.new)).events.last.exception
    expect(exception).to have_attributes(class: OverSIP::RuntimeError, message: "sip:bob:***@h")
  end

  it "keeps retransmissions, also of messages that look alike then, and leaves the record as it was" do
    invite = "#{RecordedCalls::INVITE}\r\nAuthorization: Digest %s\r\n\r\n"
    whole = call_record(*%w[a a b].map { |answer| message(0.0, :alice, :oversip, bytes: format(invite, answer)) })
    messages = described_class.new.call(whole).messages
    expect(messages.map(&:retransmission?)).to eq [false, true, false]
    expect(messages[1].original).to equal messages[0]
    expect(whole.messages.first.bytes).to include("Digest a")
  end

  it "takes a time that grows with the length of a message" do
    long = ["sip:a" * 13_000, "a" * 65_000, "sip:x@" * 11_000, "sip%3Ax" * 9000, "response=" * 7000, "password " * 7000, "password=>" * 7000, "cookie: " * 8000, "?cookie=" * 8000,
            "sip:a:b@" * 8000, "sip%3Aa%3Ab%40" * 4000, "http%3A%2F%2Fa" * 4000, "pwd=[\"a" * 7000, "pwd=\\\"a" * 7000, "pwd=\"\\a" * 7000].map { |text| "X: #{text}" }
    began = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
    fields(*long)
    expect(Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) - began).to be < 5
  end
end
