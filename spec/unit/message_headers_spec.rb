# frozen_string_literal: true

RSpec.describe OverSIP::SIP::Message, :native do
  let(:text) do
    ["INVITE sip:u@d.example SIP/2.0",
     "v: SIP/2.0/UDP 198.51.100.4:5072;branch=z9hG4bKbr1;rport",
     'f: "Fay" <sip:fay@d.example>;epid=3;tag=F1',
     "t: <sip:u@d.example>",
     "i: call-1",
     "CSeq: 31 INVITE",
     "m: <sip:fay@198.51.100.4>;expires=9", "", ""].join("\r\n")
  end
  let(:request) { parse(text) }

  def parse(text)
    OverSIP::SIP::Request.parse(text)
  end

  # The message with more header lines in front of its empty line.
  def with(*lines)
    parse(text.sub("\r\n\r\n", "\r\n#{lines.join("\r\n")}\r\n\r\n"))
  end

  def line(message, name)
    message.to_s.lines.find { |line| line.start_with?("#{name}:") }
  end

  describe "#to_s" do
    it "writes compact names out" do
      expect(request.to_s).to eq(
        ["INVITE sip:u@d.example SIP/2.0",
         "Via: SIP/2.0/UDP 198.51.100.4:5072;branch=z9hG4bKbr1;rport",
         'From: "Fay" <sip:fay@d.example>;epid=3;tag=F1',
         "To: <sip:u@d.example>",
         "Call-ID: call-1",
         "CSeq: 31 INVITE",
         "Contact: <sip:fay@198.51.100.4>;expires=9", "", ""].join("\r\n")
      )
    end

    it "is the same before and after the Hash was made" do
      message = with("X-A: 1", "r: <sip:r@d.example>", "x-a: 2", "X-F: a\r\n\tb", "Empty:")
      before = message.to_s
      message.headers
      expect(message.to_s).to eq before
      expect(before).to include("X-A: 1\r\nX-A: 2\r\nRefer-To: <sip:r@d.example>\r\nX-F: a\r\n\tb\r\nEmpty: \r\n")
    end

    it "writes values of any class that a script puts into the Hash" do
      request.headers["X-Number"] = [1, :two]
      request.headers["X-Bare"] = "text"
      request.headers["X-None"] = []
      request.headers.delete("Contact")
      expect(request.to_s).to end_with("CSeq: 31 INVITE\r\nX-Number: 1\r\nX-Number: two\r\nX-Bare: text\r\n\r\n")
    end

    it "leaves out a name that is no token, and says so in the log" do
      request.headers["Bad Name"] = ["x"]
      records = capture_log { expect(request.to_s).not_to include("Bad Name") }
      expect(records.join).to include("Bad Name")
    end

    it "lets no line end through, save a folded value" do
      request.headers["X"] = ["a\r\nEvil: 1\r\n b\0"]
      expect(request.to_s).to include("X: a  Evil: 1\r\n b \r\n")
    end

    it "puts a BINARY body behind UTF-8 headers" do
      request.set_header("Subject", "grüß dich")
      request.body = "\xFF\xFE".b
      expect(request.to_s.b).to end_with("Subject: grüß dich\r\n\r\n\xFF\xFE".b)
    end

    it "survives a to_s that edits the Hash" do
      value = Object.new
      headers = request.headers
      value.define_singleton_method(:to_s) do
        headers.clear
        "v"
      end
      request.headers["X-Odd"] = [value]
      expect(request.to_s).to include("X-Odd: v\r\n")
      expect(headers).to be_empty
    end
  end

  describe "edited From, To and Contact" do
    it "change only display name and URI of From" do
      request.from.user = "zoe"
      expect(line(request, "From")).to eq "From: \"Fay\" <sip:zoe@d.example>;epid=3;tag=F1\r\n"
      expect(request.hdr_from).to eq '"Fay" <sip:fay@d.example>;epid=3;tag=F1'
      expect([request.from_was_modified, request.to_was_modified]).to eq [true, nil]
    end

    it "show in the Hash after to_s, made before or after" do
      request.from.user = "zoe"
      request.to_s
      expect(request.headers["From"]).to eq ['"Fay" <sip:zoe@d.example>;epid=3;tag=F1']
      expect(request.hdr_from).to eq '"Fay" <sip:fay@d.example>;epid=3;tag=F1'
      request.to.display_name = "U"
      request.to_s
      expect(request.header("t")).to eq '"U" <sip:u@d.example>'
    end

    it "show to the reading methods after to_s though there is no Hash" do
      request.from.user = "zoe"
      request.to_s
      expect(request.header("From")).to eq '"Fay" <sip:zoe@d.example>;epid=3;tag=F1'
      expect(request.hdr_from).to eq '"Fay" <sip:fay@d.example>;epid=3;tag=F1'
    end

    it "are taken over by to_s and not by a look at them" do
      request.from.user = "zoe"
      request.from.to_s
      request.from.inspect
      expect(request.from.modified?).to be true
      expect(line(request, "From")).to include("zoe")
      expect(request.from.modified?).to be false
      request.from.user = "yoe"
      expect(line(request, "From")).to include("yoe")
    end

    it "keep the parameters of Contact" do
      request.contact.host = "c.example"
      expect(line(request, "Contact")).to eq "Contact: <sip:fay@c.example>;expires=9\r\n"
    end

    it "may be any object that answers modified? and to_s" do
      other = Struct.new(:text) do
        def modified? = true
        def to_s = text
      end
      request.to = other.new("<sip:new@h.example>")
      expect(line(request, "To")).to eq "To: <sip:new@h.example>\r\n"
    end

    it "are left out when the replacement counts as unmodified" do
      request.from = OverSIP::SIP::NameAddr.parse("<sip:other@h.example>")
      expect(line(request, "From")).to include("fay")
    end
  end

  describe "#ruri=" do
    it "takes a Uri, a NameAddr and a text" do
      request.ruri = "sip:x@y.example;lr"
      expect([request.ruri.user, request.to_s.lines.first]).to eq ["x", "INVITE sip:x@y.example;lr SIP/2.0\r\n"]
      request.ruri = OverSIP::SIP::NameAddr.parse('"N" <sip:n@m.example>')
      expect(request.to_s.lines.first).to eq "INVITE sip:n@m.example SIP/2.0\r\n"
    end

    it "refuses anything else" do
      expect { request.ruri = 7 }.to raise_error(OverSIP::RuntimeError, "invalid URI 7")
      expect { request.ruri = "no uri" }.to raise_error(OverSIP::ParsingError)
    end

    it "counts an edited Request-URI as sent after to_s" do
      request.ruri.port = 5090
      expect(request.to_s.lines.first).to eq "INVITE sip:u@d.example:5090 SIP/2.0\r\n"
      expect(request.ruri.modified?).to be false
      expect(request.ruri.to_s).to eq "sip:u@d.example:5090"
    end
  end

  describe "the header methods" do
    it "read" do
      expect([request.header("i"), request.header_top("CALL-ID")]).to eq %w[call-1 call-1]
      expect([request.header_all("nope"), request.has_header?("nope"), request.header("nope")]).to eq [[], nil, nil]
      expect(request.header_all("nope")).to be_frozen
      expect(request.has_header?("v")).to be true
    end

    it "want a String as name" do
      %i[header header_all has_header? delete_header delete_header_top].each do |method|
        expect { request.public_send(method, :via) }.to raise_error(TypeError, "Argument must be a String")
      end
    end

    it "set one value, or the given Array itself" do
      request.set_header("x-n", nil)
      expect(request.headers["X-N"]).to eq [""]
      list = %w[a b]
      expect(request.set_header("x-n", list)).to equal list
      expect(request.headers["X-N"]).to equal list
    end

    it "keep the place of a header that is set anew" do
      request.set_header("Call-ID", "other")
      expect(request.headers.keys).to eq %w[Via From To Call-ID CSeq Contact]
    end

    it "expand one-letter names" do
      request.set_header("X", "9")
      expect(request.headers.keys.last).to eq "Session-Expires"
    end

    it "insert on top of a header, or on top of the message in the same Hash" do
      headers = request.headers
      expect(request.insert_header("p-z", "1")).to equal headers
      expect(headers.keys.first(2)).to eq %w[P-Z Via]
      expect(request.insert_header("P-Z", 0)).to eq %w[0 1]
    end

    it "append, replace and delete" do
      expect(request.append_header("X-L", "1")).to eq ["1"]
      expect(request.append_header("X-L", 2)).to eq %w[1 2]
      expect(request.replace_header_top("X-L", "0")).to eq "0"
      expect(request.replace_header_top("X-New", "n")).to eq ["n"]
      expect([request.delete_header_top("x-l"), request.delete_header_top("x-l"), request.delete_header_top("x-l")]).to eq(
        ["0", "2", nil]
      )
      expect([request.has_header?("X-L"), request.delete_header("x-new"), request.delete_header("x-new")]).to eq(
        [nil, ["n"], nil]
      )
    end

    it "drop an empty entry and answer nil" do
      request.headers["X-E"] = []
      expect(request.has_header?("X-E")).to be true
      expect(request.delete_header_top("X-E")).to be_nil
      expect(request.headers).not_to have_key("X-E")
    end

    it "refuse to write a name that is no token" do
      %i[set_header insert_header append_header replace_header_top].each do |method|
        expect { request.public_send(method, "a b", "x") }.to raise_error(OverSIP::RuntimeError)
      end
    end
  end

  describe "the live Hash" do
    it "has canonical frozen names in order of appearance" do
      headers = with("X-q: 1", "o: presence", "x-Q: 2", "SIP-ETag: 3").headers
      expect(headers.keys).to eq %w[Via From To Call-ID CSeq Contact X-Q Event Sip-Etag]
      expect(headers["X-Q"]).to eq %w[1 2]
      expect(headers.keys).to all(be_frozen)
      expect(headers.keys.map(&:encoding).uniq).to eq [Encoding::BINARY]
    end

    it "splits Via and Route, and no other lists" do
      message = with("Route: <sip:r1;lr>, <sip:r2;lr>", "Record-Route: <sip:a>, <sip:b>")
      expect(message.headers["Route"]).to eq ["<sip:r1;lr>", "<sip:r2;lr>"]
      expect(message.headers["Record-Route"]).to eq ["<sip:a>, <sip:b>"]
    end

    it "shares its Arrays and Strings with the hdr_ attributes" do
      message = with("Route: <sip:r1;lr>")
      expect(message.hdr_via).to equal message.headers["Via"]
      expect(message.hdr_route).to equal message.headers["Route"]
      expect(message.hdr_from).to equal message.headers["From"].first
      expect(message.hdr_to).to equal message.headers["To"].first
    end

    it "shares them also when they were read first" do
      via = request.hdr_via
      from = request.hdr_from
      via << "SIP/2.0/UDP added;branch=z9hG4bK2"
      expect(request.headers["Via"]).to equal via
      expect(request.headers["From"].first).to equal from
      expect(request.to_s).to include("Via: SIP/2.0/UDP added;branch=z9hG4bK2\r\n")
    end

    it "leaves hdr_via the old Array when the entry is replaced" do
      old = request.hdr_via
      request.set_header("Via", ["SIP/2.0/UDP other"])
      expect(request.hdr_via).to equal old
      expect(request.header("Via")).to eq "SIP/2.0/UDP other"
    end

    it "shows changes of a String that was handed out without it" do
      message = with("X-Edit: abc")
      message.header("X-Edit") << "def"
      message.header_all("X-Edit") << "more"
      expect(message.to_s).to include("X-Edit: abcdef\r\nX-Edit: more\r\n")
      expect(message.headers["X-Edit"]).to eq %w[abcdef more]
    end

    it "stays the same object" do
      expect(request.headers).to equal request.headers
    end

    it "does not change parsed attributes" do
      message = with("Max-Forwards: 70")
      message.set_header("Max-Forwards", 5)
      expect([message.max_forwards, message.header("Max-Forwards")]).to eq [70, "5"]
    end
  end

  describe "attributes" do
    it "come from the message" do
      expect([request.sip_method, request.sip_version, request.call_id, request.cseq]).to eq [:INVITE, "SIP/2.0", "call-1", 31]
      expect([request.unknown_method?, request.request?, request.response?]).to eq [nil, true, false]
      expect([request.from_tag, request.to_tag, request.in_dialog?, request.initial?]).to eq ["F1", nil, nil, true]
      expect([request.contact_params, request.contact_reg_id?, request.contact.user]).to eq [";expires=9", nil, "fay"]
      expect([request.body, request.max_forwards, request.content_length, request.routes]).to all be_nil
    end

    it "describe the top Via" do
      expect([request.via_sent_by_host, request.via_sent_by_port, request.via_branch, request.via_branch_id]).to eq(
        ["198.51.100.4", 5072, "z9hG4bKbr1", "br1"]
      )
      expect([request.via_rport?, request.via_alias?, request.via_received, request.via_params]).to eq [true, nil, nil, nil]
      expect([request.via_core_value, request.num_vias, request.via_branch_rfc3261]).to eq(
        ["SIP/2.0/UDP 198.51.100.4:5072", 1, true]
      )
      expect(request.log_id).to eq "SIP Request br1"
    end

    it "hold a method that is not known as String" do
      message = parse(text.gsub("INVITE", "invite"))
      expect([message.sip_method, message.unknown_method?]).to eq ["invite", true]
    end

    it "collect option tags" do
      message = with("Supported: Path , GRUU", "k: ", "Supported: 100rel", "Require: A,b")
      expect([message.supported, message.require, message.proxy_require]).to eq [%w[path gruu 100rel], %w[a b], nil]
    end

    it "know what the method is for" do
      expect([request.dialog_forming?, request.record_routing_aware?, request.outbound_aware?]).to all be true
      bye = parse(text.gsub("INVITE", "BYE"))
      expect([bye.dialog_forming?, bye.record_routing_aware?, bye.outbound_aware?]).to all be_nil
      expect(described_class::DIALOG_FORMING_METHODS).to eq({ INVITE: true, SUBSCRIBE: true, REFER: true })
    end

    it "of a body are tagged UTF-8" do
      message = parse("#{text}grüß".b)
      expect([message.body, message.body.encoding]).to eq ["grüß", Encoding::UTF_8]
      expect(message.to_s).to end_with("\r\n\r\ngrüß")
    end

    it "of the transport are nil without one, and may be set" do
      expect([request.transport, request.source_ip, request.source_port, request.source_ip_type, request.connection]).to all be_nil
      request.transport = :tls
      request.source_ip = "203.0.113.9"
      request.source_port = 40_000
      request.source_ip_type = :ipv4
      expect([request.transport, request.source_ip, request.source_port, request.source_ip_type]).to eq(
        [:tls, "203.0.113.9", 40_000, :ipv4]
      )
      expect([request.tls?, request.udp?, request.secure?, request.websocket?]).to eq [true, false, true, false]
    end

    it "are the script's own: tvars, cvars" do
      request.tvars[:a] = 1
      expect([request.tvars, request.cvars]).to eq [{ a: 1 }, {}]
      expect(request.cvars).to equal request.cvars
    end
  end

  describe "#check_max_forwards" do
    it "decides the value for a request without one and does not write it" do
      expect([request.check_max_forwards(10), request.new_max_forwards, request.header("Max-Forwards")]).to eq [true, 10, nil]
    end

    it "counts down from at most the limit" do
      { 10 => 9, 11 => 10, 70 => 10, 1 => 0 }.each do |received, decided|
        message = with("Max-Forwards: #{received}")
        expect([message.check_max_forwards(10), message.new_max_forwards]).to eq [true, decided]
      end
    end

    it "ends at zero" do
      message = with("Max-Forwards: 0")
      expect([message.check_max_forwards(10), message.new_max_forwards]).to eq [false, nil]
    end
  end

  describe ".parse" do
    it "refuses other objects than requests" do
      expect { parse("hello") }.to raise_error(OverSIP::ParsingError)
      expect { parse("SIP/2.0 200 OK\r\n\r\n") }.to raise_error(OverSIP::ParsingError)
      expect { parse(nil) }.to raise_error(TypeError)
    end

    it "is the only way to make a message from Ruby" do
      expect { OverSIP::SIP::Request.allocate }.to raise_error(TypeError)
      expect { described_class.new }.to raise_error(StandardError, /allocat|undefined method/)
    end
  end

  describe OverSIP::SIP::Response do
    let(:response) do
      OverSIP::SIP::Response.parse(
        ["SIP/2.0 200 OK", "Via: SIP/2.0/UDP a;branch=z9hG4bKa, SIP/2.0/UDP b;branch=z9hG4bKb",
         'From: "Fay" <sip:zoe@d.example>;tag=F1', "To: <sip:u@d.example>;tag=T1", "Call-ID: call-1", "CSeq: 31 INVITE",
         "l: 0", "", ""].join("\r\n")
      )
    end

    it "has status and reason, to be changed" do
      expect([response.status_code, response.reason_phrase, response.sip_method]).to eq [200, "OK", :INVITE]
      response.status_code = 202
      response.reason_phrase = "Fine\r\nEvil: 1"
      expect(response.to_s.lines.first).to eq "SIP/2.0 202 Fine  Evil: 1\r\n"
    end

    it "restores the From and To that the script changed in the request, with one tag" do
      request.from.user = "zoe"
      request.to.user = "v"
      request.to_s
      response.request = request
      expect(response.to_s).to include(
        "From: \"Fay\" <sip:fay@d.example>;epid=3;tag=F1\r\nTo: <sip:u@d.example>;tag=T1\r\n"
      )
    end

    it "leaves them as they came without a request, or with one of a Uac" do
      plain = response.to_s
      expect(plain).to include('From: "Fay" <sip:zoe@d.example>;tag=F1')
      response.request = OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:a@b" })
      expect(response.to_s).to eq plain
    end

    it "shares tvars with its request" do
      response.request = request
      expect(response.tvars).to equal request.tvars
    end

    it "has no Request-URI and no cvars" do
      expect(response).not_to respond_to(:ruri)
      expect(response).not_to respond_to(:cvars)
    end

    it "has a connection and a transport to be asked for" do
      expect([response.connection, response.transport, response.source_ip, response.close_connection]).to eq [nil, nil, nil, false]
    end

    it "is written canonically" do
      expect(response.to_s).to start_with(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nVia: SIP/2.0/UDP b;branch=z9hG4bKb\r\n"
      )
      expect(response.to_s).to end_with("Content-Length: 0\r\n\r\n")
    end
  end

  it "inspects in one line without the body" do
    message = parse("#{text}#{"x" * 5000}")
    expect(message.inspect).to match(/\A#<OverSIP::SIP::Request INVITE sip:u@d\.example .*>\z/)
    expect(message.inspect.size).to be < 300
  end

  it "keeps what it refers to through garbage collections" do
    stress = GC.stress
    GC.stress = true
    message = parse(text)
    message.header("From") << "x"
    message.from.user = "zoe"
    message.tvars[:k] = "v#{1 + 1}"
    message.append_header("X-L", "l#{1 + 1}")
    written = message.to_s
    GC.stress = stress
    expect(written).to include("zoe").and include("X-L: l2")
    expect(message.tvars).to eq({ k: "v2" })
  ensure
    GC.stress = stress
  end
end
