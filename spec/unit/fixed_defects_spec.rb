# frozen_string_literal: true

# Defects of OverSIP 2 that a message alone can show, see docs/mended.md. Those that need a network are in
# spec/wire/fixed_defects_spec.rb.
RSpec.describe "Compared with OverSIP 2,", :native do
  # A request with these header lines; nil if it is refused.
  def parse(lines, first: "OPTIONS sip:a@b SIP/2.0")
    parser = OverSIP::SIP::MessageParser.new
    parser.execute("#{first}\r\n#{lines}\r\n\r\n", 0)
    parser.parsed if parser.finished?
  end

  it "a repeated branch is no branch of RFC 3261" do
    ["z9hG4bKx;branch=y", "y;branch=z9hG4bKx", "z9hG4bKx;branch=z9hG4bKx"].each do |branches|
      request = parse("Via: SIP/2.0/UDP h;branch=#{branches}")
      expect([request.via_branch_rfc3261, request.via_branch_id]).to eq [nil, nil]
    end
  end

  it "Content-Length is decimal" do
    { "010" => 10, "08" => 8, "000000009" => 9, "0" => 0 }.each do |text, length|
      expect(parse("Content-Length: #{text}").content_length).to eq length
    end
  end

  it "CSeq is decimal" do
    { "012" => 12, "09" => 9, "0000000031" => 31 }.each { |text, number| expect(parse("CSeq: #{text} OPTIONS").cseq).to eq number }
  end

  it "a name-addr that ends within its quotes is none" do
    ["\"x\\", "\"x", "\"", "\"x\\\""].each do |text|
      expect { OverSIP::SIP::NameAddr.parse(text) }.to raise_error(OverSIP::ParsingError, /invalid NameAddr/)
    end
  end

  it "a Contact that is no SIP contact leaves nothing behind for the next header" do
    ["\"x\" <tel:1>", "\"x\" *", "\"x"].each do |contact|
      request = parse("Contact: #{contact}\r\nFrom: A <sip:a@b>\r\nTo: Alice <sip:a@b>")
      expect([request.from.display_name, request.to.display_name, request.contact]).to eq ["A", "Alice", nil]
    end
  end

  describe "blanks behind a structured value are no error and no part of it:" do
    {
      "Call-ID: c " => :call_id, "CSeq: 1 OPTIONS\t" => :cseq, "Max-Forwards: 70 " => :max_forwards,
      "Content-Length: 0 \t " => :content_length, "From: <sip:a@b>;tag=t " => :hdr_from, "To: <sip:a@b> " => :hdr_to,
      "Via: SIP/2.0/UDP h;branch=z9hG4bK1 " => :hdr_via, "Route: <sip:r> " => :hdr_route, "Require: x " => :require,
      "Proxy-Require: x " => :proxy_require, "Supported: x " => :supported
    }.each do |line, attribute|
      it line.inspect do
        expect(parse(line).public_send(attribute)).to eq(parse(line.rstrip).public_send(attribute)).and be_truthy
      end
    end
  end

  it "a Content-Length that reply_full has set can be edited" do
    request = parse("Via: SIP/2.0/UDP h;branch=z9hG4bK1")
    sent = []
    request.connection = Object.new.tap { |own| own.define_singleton_method(:send_sip_msg) { |text, *| sent << text } }
    response = OverSIP::SIP::Response.parse("SIP/2.0 200 OK\r\nX-A: 1\r\n\r\n")
    expect(request.reply_full(response)).to be true
    expect(response.headers["Content-Length"]).to eq ["0"]
    expect(response.append_header("Content-Length", "x")).to eq %w[0 x]
    response.body = "four"
    request.reply_full(response)
    expect(response.header_all("Content-Length")).to eq ["4"]
    expect(sent.map { |text| text.scan(/Content-Length: .*/) }).to eq [["Content-Length: 0\r"], ["Content-Length: 4\r"]]
  end

  it "reply_full shows the sent Content-Length even if the headers were not read before" do
    request = parse("Via: SIP/2.0/UDP h;branch=z9hG4bK1")
    request.connection = Object.new.tap { |own| own.define_singleton_method(:send_sip_msg) { |*| nil } }
    response = OverSIP::SIP::Response.parse("SIP/2.0 200 OK\r\nl: 3\r\nX-A: 1\r\n\r\nabc")
    response.body = "four"
    request.reply_full(response)
    expect([response.header("Content-Length"), response.headers.keys]).to eq ["4", %w[Content-Length X-A]]
  end

  it "received may be an IPv6 address with or without brackets" do
    %w[2001:db8::1 [2001:db8::1] 192.0.2.1].each do |address|
      expect(parse("Via: SIP/2.0/UDP h;branch=z9hG4bK1;received=#{address}").via_received).to eq address
    end
    expect(parse("Via: SIP/2.0/UDP h;branch=z9hG4bK1;received=[192.0.2.1]")).to be_nil
  end

  it "the default From names nobody, and a configuration may name the product" do
    request = OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:a@b" })
    expect(request.from).to eq '"OverSIP" <sip:anonymous@anonymous.invalid>'
    start_oversip(configuration: { core: { product: "Mine/1" } })
    expect(request.to_s).to include("\r\nUser-Agent: Mine/1\r\n")
  end

  describe "nothing has changed:" do
    it "predicates return true or nil" do
      request = parse("To: <sip:a@b>;tag=t\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1;rport")
      expect([request.has_header?("Nope"), request.unknown_method?, request.via_rport?, request.via_alias?, request.in_dialog?])
        .to eq [nil, nil, true, nil, "t"]
    end

    it "a phone context is a String when parsed and a Symbol when assigned" do
      uri = OverSIP::SIP::Uri.parse("tel:1;phone-context=a.b")
      parsed = uri.phone_context_param
      uri.phone_context_param = "c.d"
      expect([parsed, uri.phone_context_param]).to eq ["a.b", :"c.d"]
    end

    it "header parameters of a parsed NameAddr are dropped" do
      expect(OverSIP::SIP::NameAddr.parse("<sip:a@b>;x=1").to_s).to eq "<sip:a@b>"
    end

    it "URIs compare by identity" do
      uri, other = Array.new(2) { OverSIP::SIP::Uri.parse("sip:a@b") }
      expect([uri == other, uri.eql?(other), uri.hash == other.hash, uri == uri.itself]).to eq [false, false, false, true]
    end
  end
end
