# frozen_string_literal: true

RSpec.describe OverSIP::SIP::MessageParser, :native do
  subject(:parser) { described_class.new }

  let(:text) { "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nX-A: 1\r\nX-A: 2\r\n\r\n" }

  # Feeds a text byte by byte.
  def drip(text)
    (1..text.bytesize).reduce(0) { |offset, size| parser.execute(text.byteslice(0, size), offset) }
  end

  describe ".headerize" do
    it "gives one frozen BINARY String for each known name" do
      names = %w[call-id CALL-ID i I].map { |name| described_class.headerize(name) }
      expect(names).to all equal names.first
      expect([names.first, names.first.encoding, names.first.frozen?]).to eq ["Call-ID", Encoding::BINARY, true]
      expect(OverSIP::SIP::Message.headerize("i")).to equal names.first
    end

    it "spells other names" do
      expect(%w[p-foo_BAR x-fOO z Z rSEQ SIP-ETag Min-SE Call_ID a.b-c].map { |name| described_class.headerize(name) })
        .to eq %w[P-Foo_Bar X-Foo z z Rseq Sip-Etag Min-Se Call_Id A.b-C]
      expect(described_class.headerize("X-\u00c9a").b).to eq "X-\u00c9a".b
      expect(described_class.headerize("")).to eq ""
      expect(described_class.headerize("X-Y").encoding).to eq Encoding::BINARY
    end

    it "wants a String" do
      expect { described_class.headerize(:via) }.to raise_error(TypeError, "Argument must be a String")
    end
  end

  describe ".parse_uri" do
    it "reads a URI, or for exactly true a name-addr" do
      expect(described_class.parse_uri("sip:a@b", false)).to be_an_instance_of(OverSIP::SIP::Uri)
      expect(described_class.parse_uri("sip:a@b", 1)).to be_an_instance_of(OverSIP::SIP::Uri)
      name_addr = described_class.parse_uri("A <sip:a@b>;tag=1", true)
      expect([name_addr.class, name_addr.display_name]).to eq [OverSIP::SIP::NameAddr, "A"]
    end

    it "answers false unless all of the text matches" do
      expect(described_class.parse_uri("<sip:a@b>", false)).to be false
      expect(described_class.parse_uri(" sip:a@b", false)).to be false
      expect(described_class.parse_uri("<sip:a@b>,<sip:c@d>", true)).to be false
    end

    it "wants a String without NUL, and both arguments" do
      expect { described_class.parse_uri(nil, true) }
        .to raise_error(TypeError, "Wrong argument type for string required T_STRING")
      expect { described_class.parse_uri("sip:a\0", true) }.to raise_error(ArgumentError, "string contains null byte")
      expect { described_class.parse_uri("sip:a") }.to raise_error(ArgumentError)
    end

    it "is private to instances, as headerize is" do
      expect { parser.parse_uri("sip:a", true) }.to raise_error(NoMethodError)
      expect(parser.send(:headerize, "i")).to eq "Call-ID"
      expect(parser.send(:parse_uri, "sip:a", false).to_s).to eq "sip:a"
    end
  end

  it "starts with nothing" do
    expect([parser.parsed, parser.nread, parser.finished?, parser.finish, parser.error?, parser.error])
      .to eq [nil, 0, false, false, false, nil]
    expect([parser.duplicated_core_header?, parser.post_parsing, parser.missing_core_header?]).to eq [false, nil, "Via"]
  end

  describe "#execute" do
    it "stops behind the empty line and leaves the rest alone" do
      expect(parser.execute("#{text}body", 0)).to eq text.bytesize
      expect([parser.finished?, parser.finish, parser.error?, parser.nread]).to eq [true, true, false, text.bytesize]
      expect([parser.parsed.class, parser.parsed.body, parser.parsed.headers])
        .to eq [OverSIP::SIP::Request, nil, { "Via" => ["SIP/2.0/UDP h;branch=z9hG4bK1"], "X-A" => %w[1 2] }]
    end

    it "reads the same byte by byte" do
      expect(drip(text)).to eq text.bytesize
      expect(parser.finished?).to be true
      expect(parser.parsed.to_s).to eq described_class.new.tap { |other| other.execute(text, 0) }.parsed.to_s
    end

    it "takes running out of data for no error" do
      expect(parser.execute("BYE sip:a@b SIP/2", 0)).to eq 17
      expect([parser.finished?, parser.error?, parser.parsed.class]).to eq [false, false, OverSIP::SIP::Request]
    end

    it "wants a String and an Integer" do
      expect { parser.execute(nil, 0) }.to raise_error(TypeError, "Wrong argument type for buffer required T_STRING")
      expect { parser.execute("x", "0") }.to raise_error(TypeError, "Wrong argument type for start required T_FIXNUM")
    end

    it "wants something behind the offset, which cannot be negative" do
      [["", 0], ["x", 1], ["x", -1], ["x", 2**70], ["x", -(2**70)]].each do |data, offset|
        expect { parser.execute(data, offset) }
          .to raise_error(OverSIP::SIP::MessageParserError, "requested start is after buffer end.")
      end
    end

    it "wants no byte skipped" do
      parser.execute("BYE ", 0)
      expect { parser.execute("BYE sip:a", 6) }.to raise_error(OverSIP::SIP::MessageParserError, /6, but 4 bytes/)
      expect(parser.execute("BYE sip:a", 4)).to eq 9
    end

    it "fails after a complete message until it is reset" do
      parser.execute(text, 0)
      expect([parser.execute(text, 0), parser.error?, parser.finished?]).to eq [false, true, false]
      expect(parser.execute(text, 0)).to be false
      expect(parser.reset).to be_nil
      expect([parser.parsed, parser.nread, parser.error?]).to eq [nil, 0, false]
      expect(parser.execute(text, 0)).to eq text.bytesize
    end

    it "fails for a buffer that shrank, and the process goes on" do
      parser.execute("BYE sip:a@b", 0)
      expect(parser.execute("BYE ", 2)).to be false
      expect(parser.error?).to be true
    end

    it "takes SIP of any version and nothing else" do
      expect(parser.execute("BYE sip:a@b SIP/7.0\r\n\r\n", 0)).to eq 23
      expect(parser.parsed.sip_version).to eq "SIP/7.0"
      parser.reset
      expect(parser.execute("BYE sip:a@b HTTP/1.1\r\n\r\n", 0)).to be false
      parser.reset
      expect(parser.execute("HTTP/1.1 200 OK\r\n\r\n", 0)).to be false
    end
  end

  describe "#error" do
    it "shows the data of the failing call with the offending byte" do
      expect(parser.execute("BYE <sip:a@b> SIP/2.0\r\n\r\n", 0)).to be false
      expect(parser.error).to eq 'BYE {{{<}}}sip:a@b> SIP/2.0\r\n\r\n'
      expect([parser.error.encoding, parser.nread]).to eq [Encoding::BINARY, 4]
      parser.execute("other", 0)
      expect(parser.error).to eq 'BYE {{{<}}}sip:a@b> SIP/2.0\r\n\r\n'
    end

    it "shows a line end as what it is" do
      parser.execute("SIP/2.0 20\r\n\r\n", 0)
      expect(parser.error).to eq 'SIP/2.0 20{{{\r}}}\n\r\n'
    end

    it "keeps the object that was begun, for the log" do
      parser.execute("BYE sip:a@b SIP/2.0\r\nX-A: 1\r\nFrom\r\n\r\n", 0)
      expect([parser.parsed.sip_method, parser.parsed.headers]).to eq [:BYE, { "X-A" => ["1"] }]
    end
  end

  describe "#parsed" do
    {
      "\r\n" => nil, "INVITE" => nil, "SIP/2.0" => nil,
      "INVITE " => OverSIP::SIP::Request, "SIP/2.0 " => OverSIP::SIP::Response
    }.each do |data, kind|
      it "is #{kind || "nothing"} after #{data.inspect}" do
        parser.execute(data, 0)
        expect(parser.parsed.class).to be(kind || NilClass)
      end
    end

    it "has the attributes of the lines read so far" do
      parser.execute("INVITE ", 0)
      expect([parser.parsed.sip_method, parser.parsed.ruri, parser.parsed.headers, parser.parsed.from]).to eq [:INVITE, nil, {}, nil]
      parser.execute("INVITE sip:a@b SIP/2.0\r\nCSeq: 1 INVITE\r\nX", 7)
      expect([parser.parsed.ruri.to_s, parser.parsed.cseq, parser.parsed.headers])
        .to eq ["sip:a@b", 1, { "CSeq" => ["1 INVITE"] }]
    end

    it "has no status before there is one" do
      parser.execute("SIP/2.0 ", 0)
      expect([parser.parsed.status_code, parser.parsed.sip_method]).to eq [nil, nil]
      parser.execute("SIP/2.0 200 OK\r\nX", 8)
      expect([parser.parsed.status_code, parser.parsed.reason_phrase]).to eq [200, "OK"]
    end

    it "can be shown at any stage" do
      ["INVITE ", "SIP/2.0 ", "INVITE sip:a@b SIP/2.0\r\n"].each do |data|
        parser.reset
        parser.execute(data, 0)
        expect(parser.parsed.inspect).to be_a(String)
        expect(parser.parsed.to_s).to be_a(String)
      end
    end

    it "is the same object each time once the head is complete" do
      parser.execute(text, 0)
      expect(parser.parsed).to equal parser.parsed
    end

    it "of two line ends is a keep-alive" do
      expect([parser.execute("\r\n\r\nOPTIONS", 0), parser.finished?, parser.parsed]).to eq [4, true, :outbound_keepalive]
      expect([parser.duplicated_core_header?, parser.post_parsing]).to eq [false, nil]
    end
  end

  describe "the core headers" do
    let(:lines) { { "Via" => "SIP/2.0/UDP h;branch=z9hG4bK1", "From" => "<sip:a@b>", "To" => "<sip:a@b>", "CSeq" => "1 BYE", "Call-ID" => "c" } }

    def check(lines)
      parser.reset
      parser.execute("BYE sip:a@b SIP/2.0\r\n#{lines.map { |name, value| "#{name}: #{value}\r\n" }.join}\r\n", 0)
      [parser.missing_core_header?, parser.duplicated_core_header?]
    end

    it "may be complete" do
      expect(check(lines)).to eq [false, false]
    end

    it "are missed in order" do
      %w[Via From To CSeq Call-ID].each_cons(2) do |first, second|
        expect(check(lines.reject { |name, _| name == first })).to eq [first, false]
        expect(check(lines.except(first, second)).first).to eq first
      end
    end

    it "are counted, Max-Forwards and Content-Length too" do
      { "f" => "From", "t" => "To", "CSEQ" => "CSeq", "i" => "Call-ID" }.each do |short, name|
        expect(check([*lines, [short, lines[name]]])).to eq [false, name]
      end
      %w[Max-Forwards Content-Length].each do |name|
        expect(check([*lines, [name, "1"], [name, "1"]])).to eq [false, name]
      end
      expect(parser.duplicated_core_header?).to be_frozen
    end

    it "tell how many Vias there are" do
      check([*lines, ["v", "SIP/2.0/UDP i, SIP/2.0/UDP j"]])
      expect(parser.parsed.num_vias).to eq 3
    end
  end

  describe "#post_parsing" do
    it "leaves contact only where there is one, and it is a SIP contact" do
      {
        "Contact: <sip:a@b>" => "<sip:a@b>", "Contact: <sip:a@b>, <sip:c@d>" => nil, "m: <sip:a@b>\r\nm: <sip:c@d>" => nil,
        "Contact: *" => nil, "Contact: <tel:1>" => nil, "X: 1" => nil
      }.each do |line, contact|
        parser.reset
        parser.execute("REGISTER sip:b SIP/2.0\r\n#{line}\r\n\r\n", 0)
        expect(parser.post_parsing).to be_nil
        expect(parser.parsed.contact&.to_s).to eq contact
      end
    end
  end

  it "makes messages that a test may fill in" do
    parser.execute(text, 0)
    request = parser.parsed
    request.body = "x"
    request.source_ip = "192.0.2.1"
    request.transport = :tcp
    expect([request.body, request.source_ip, request.tcp?, request.to_s]).to eq ["x", "192.0.2.1", true, "#{text}x"]
  end

  it "survives garbage collections with what it refers to" do
    GC.stress = true
    parser.execute(text, 0)
    request = parser.parsed
    GC.stress = false
    expect(parser.parsed).to equal request
  ensure
    GC.stress = false
  end
end
