# frozen_string_literal: true

require_relative "../support/scripted_dns"
require_relative "../support/websocket_peer"

# What devices write that RFC 3261 has no rule for: taken where it can be read in one way only, else refused with a reason.
RSpec.describe "A request that a device writes in its own way", :native do
  let(:seen) { mailbox }
  let(:peer) { udp_peer }

  def message(method = :OPTIONS, **options)
    peer.build(method, "sip:bob@b.example", **options)
  end

  def malformed
    OverSIP.stats[:malformed].reject { |_, count| count.zero? }
  end

  def send_text(text)
    peer.send_text(text, oversip_port)
  end

  describe "is accepted with its one possible meaning:" do
    # The deviation, the regular form, and the script's view of it.
    {
      "a host name whose last label begins with a digit, in From" =>
        [{ "From" => "<sip:101@019f9ae299f5>;tag=1" }, ->(it) { [it.from.host, it.from.host_type] }, ["019f9ae299f5", :domain]],
      "in To" => [{ "To" => "<sip:101@019f9ae299f5>" }, ->(it) { it.to.host }, "019f9ae299f5"],
      "in the top Via" =>
        [{ "Via" => "SIP/2.0/UDP 019f9ae299f5;branch=z9hG4bKa;rport" }, ->(it) { [it.via_sent_by_host, it.via_sent_by_port] }, ["019f9ae299f5", nil]],
      "in Contact" => [{ "Contact" => "<sip:101@pbx.1a:5070>" }, ->(it) { it.contact.host }, "pbx.1a"],
      "in a Route" => [{ "Route" => "<sip:4711;lr>" }, ->(it) { it.routes.map(&:host) }, ["4711"]],
      "an empty element in Supported" => [{ "Supported" => ",outbound" }, ->(it) { it.supported }, ["outbound"]],
      "at the end of Require" => [{ "Require" => "a, ,b," }, ->(it) { it.require }, %w[a b]],
      "in Route" => [{ "Route" => ",<sip:a;lr>,, <sip:b;lr>," }, ->(it) { it.hdr_route }, ["<sip:a;lr>", "<sip:b;lr>"]],
      "at the end of Contact" => [{ "Contact" => "<sip:a@b>;q=1," }, ->(it) { [it.contact.to_s, it.contact_params] }, ["<sip:a@b>", ";q=1"]],
      "a ; at the end of From" => [{ "From" => "<sip:a@b>;tag=1;" }, ->(it) { [it.from_tag, it.hdr_from] }, ["1", "<sip:a@b>;tag=1"]],
      "a display name in UTF-8 without quotes" =>
        [{ "From" => "Jörg Müller <sip:a@b>;tag=1" }, ->(it) { [it.from.display_name, it.from_tag] }, ["Jörg Müller", "1"]],
      "a parameter with nothing behind its =" => [{ "Contact" => "<sip:a@b;ob=>" }, ->(it) { it.contact.params }, { "ob" => "" }]
    }.each do |what, (headers, read, expected)|
      it what do
        start_oversip do |request|
          seen << read.call(request)
          request.reply 200
        end
        send_text(message(headers: headers))
        expect(peer.receive.status).to eq(200)
        expect(seen.pop).to eq(expected)
        expect(malformed).to be_empty
      end
    end

    it "a display name in Latin-1, quoted or not, which a Proxy hands on byte for byte" do
      names = ["J\xF6rg".b, "\"J\xF6rg\"".b]
      callee = udp_peer
      start_oversip do |request|
        seen << request.from.display_name
        OverSIP::SIP::Proxy.new.route(request, callee.ip, callee.port)
      end
      names.each do |name|
        send_text(message(headers: { "From" => "FROM" }).b.sub("FROM", "#{name} <sip:a@b>;tag=1".b))
        expect(callee.receive.text.b).to include("From: #{name} <sip:a@b>;tag=1\r\n".b)
        shown = seen.pop
        expect([shown.encoding, shown.valid_encoding?, shown.b]).to eq([Encoding::UTF_8, false, "J\xF6rg".b])
      end
    end

    it "an empty element, a ; at the end and an empty rport in Via, of which the response shows what was meant" do
      start_oversip { |request| request.reply 200 }
      send_text(message(headers: { "Via" => ",SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;rport=;, SIP/2.0/TCP 0a.9b;" }))
      expect(peer.receive.headers("Via")).to eq(
        ["SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;received=127.0.0.1;rport=#{peer.port}", "SIP/2.0/TCP 0a.9b"]
      )
    end

    it "a ; at the end of To, where the reply adds its tag" do
      start_oversip { |request| request.reply 200 }
      send_text(message(headers: { "To" => "<sip:b@c>;x=1 ;" }))
      expect(peer.receive.header("To")).to match(/\A<sip:b@c>;x=1;tag=[^;]+\z/)
    end
  end

  it "goes to a host name whose last label begins with a digit" do
    callee = udp_peer("127.0.0.3")
    dns = scripted_dns({ "019f9ae299f5" => ["127.0.0.3"] })
    start_oversip(configuration: { core: { nameservers: [dns.address] } }) { |request| OverSIP::SIP::Proxy.new.route(request) }
    send_text(message.sub("sip:bob@b.example", "sip:bob@019f9ae299f5:#{callee.port}"))
    expect(callee.receive.ruri).to eq("sip:bob@019f9ae299f5:#{callee.port}")
    send_text(message(headers: { "Route" => "<sip:019f9ae299f5:#{callee.port};lr>" }))
    expect(callee.receive.ruri).to eq("sip:bob@b.example")
    on_request { |request| OverSIP::SIP::Proxy.new.route(request, "019f9ae299f5", callee.port) }
    send_text(message(:MESSAGE))
    expect(callee.receive.method_name).to eq("MESSAGE")
  end

  it "comes from a Uac whose request names such hosts" do
    callee = udp_peer
    start_oversip
    OverSIP::SIP::Uac.new.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:1@019f9ae299f5", from: "<sip:2@a.9b>",
                                                               to: "<sip:1@019f9ae299f5>" }), callee.ip, callee.port)
    sent = callee.receive
    expect([sent.ruri, sent.header("From"), sent.header("To")])
      .to match(["sip:1@019f9ae299f5", /\A<sip:2@a\.9b>;tag=/, "<sip:1@019f9ae299f5>"])
  end

  it "may be answered with a status line that ends behind the status" do
    callee = udp_peer
    start_relay_to(callee) { |proxy, _| proxy.on_success_response { |response| seen << response.reason_phrase } }
    send_text(message)
    callee.send_text(callee.response(callee.receive, 200, "").sub("200 \r\n", "200\r\n"), oversip_port)
    expect(peer.receive.first_line).to eq("SIP/2.0 200 ")
    expect(seen.pop).to eq("")
  end

  # What is wrong, where, and the text before the first byte that no rule accepts.
  {
    "a comma in the user of a URI without brackets" => ["From", "sip:a,b@c;tag=1", "sip:a"],
    "quotes within quotes" => ["From", "\"\"x\"\" <sip:a@b>;tag=1", "\"\""],
    "no user before the @" => ["From", "<sip:@b>;tag=1", "<sip:"],
    "a control character" => ["Contact", "x\u0001", "x"],
    "a Route without brackets" => ["Route", "sip:r1;lr", "sip"],
    "a line end within brackets" => ["From", "<sip:a@b\r\n>;tag=1", "<sip:a@b"],
    "a line end of LF alone" => ["Subject", "a\nb: c", "a"],
    "port 0" => ["From", "<sip:a@b:0>;tag=1", "<sip:a@b:0"],
    "port 0 of a Route" => ["Route", "<sip:b:0;lr>", "<sip:b:0"],
    "port 0 of the Via, where rport says what to answer to" =>
      ["Via", "SIP/2.0/UDP 192.0.2.1:0;branch=z9hG4bKa;rport", "SIP/2.0/UDP 192.0.2.1:0"],
    "two ; in a row" => ["Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;;rport", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;"],
    "a name as received" => ["Via", "SIP/2.0/UDP 192.0.2.1;received=name;branch=z9hG4bKa;rport", "SIP/2.0/UDP 192.0.2.1;received="]
  }.each do |what, (name, value, before)|
    describe "is refused with a reason that names header and byte: #{what}" do
      let(:faulty) { message(headers: { name => value }, cseq: 7) }
      let(:reason) { "Syntax error in #{name} header at byte #{faulty.bytes.size - faulty.split("#{name}: ", 2).last.bytesize + before.bytesize}" }

      before { start_oversip { seen << true } }

      def expect_refusal(answer)
        expect(answer.first_line).to eq("SIP/2.0 400 #{reason}")
        expect([answer.header("CSeq"), answer.header("Call-ID")]).to eq(["7 OPTIONS", SipText.new(faulty).header("Call-ID")])
        expect(answer.header("Via")).to include("branch=z9hG4bK")
      end

      it "over UDP, where the next datagram is read" do
        send_text(faulty)
        expect_refusal(peer.receive)
        expect([malformed, OverSIP.stats[:rejected][:malformed]]).to eq([{ syntax: 1 }, 1])
        expect(seen).to be_empty
        send_text(message)
        expect(seen.pop).to be true
      end

      it "over TCP, where the connection is closed then" do
        stream = tcp_peer
        stream.send_text(faulty)
        expect_refusal(stream.receive)
        expect(stream).to be_closed_by_peer
        expect(malformed).to eq({ syntax: 1 })
      end
    end
  end

  it "is refused over WebSocket, where the connection stays" do
    start_websocket { |request| request.reply 200 }
    client = websocket_peer
    client.send_frame(message(headers: { "Route" => "sip:r1" }))
    expect(client.receive.first_line).to match(%r{\ASIP/2.0 400 Syntax error in Route header at byte \d+\z})
    client.send_frame(message)
    expect(client.receive_final.status).to eq(200)
  end

  it "is refused for a port 0 and for a name that looks like an address, in the Request-URI" do
    start_oversip { seen << true }
    %w[sip:b.example:0 sip:300.1.1.1 sip:1.2.3.4.5 sip:1.2.3].each do |ruri|
      send_text(message.sub("sip:bob@b.example", ruri))
      at = "OPTIONS #{ruri}".bytesize
      expect(peer.receive.first_line).to eq("SIP/2.0 400 Syntax error in request line at byte #{at}"), ruri
    end
    expect(seen).to be_empty
  end

  it "echoes no line of its own into the refusal" do
    start_oversip { seen << true }
    send_text(message(headers: { "From" => "<sip:a@b>\nX-Mine: 1" }))
    answer = peer.receive
    expect(answer.header("From")).to eq("<sip:a@b> X-Mine: 1")
    expect(answer.text).not_to include("\n<", "\nX-Mine")
  end

  describe "is dropped and counted" do
    before { start_oversip { |request| request.reply 200 } }

    def expect_dropped(*texts, **reasons)
      texts.each { |text| send_text(text) }
      send_text(message(call_id: "next"))
      expect(peer.receive.header("Call-ID")).to eq("next")
      expect([malformed, OverSIP.stats[:dropped][:malformed]]).to eq([reasons, texts.size])
    end

    it "when its lines end in LF, all of them or the first" do
      expect_dropped(message.gsub("\r\n", "\n"), message.sub("\r\n", "\n"), syntax: 2)
    end

    it "when it is an ACK or a response" do
      bad = { "Route" => "sip:r1" }
      expect_dropped(message(:ACK, headers: bad), message(headers: bad).sub(/\A[^\r]*/, "SIP/2.0 200 OK"), syntax: 2)
    end

    it "when its top Via cannot be read" do
      expect_dropped(message(headers: { "Via" => "SIP/2.0/UDP" }), syntax: 1)
    end

    it "when it is no SIP message, or not a whole one" do
      expect_dropped("NONSENSE\r\n\r\n", message.delete_suffix("\r\n"), message(headers: { "To" => nil }),
                     message(headers: { "Call-ID" => %w[a b] }), message(:ACK, headers: { "CSeq" => "2147483648 ACK" }), "\0\1",
                     syntax: 1, incomplete: 1, missing_header: 1, duplicated_header: 1, cseq: 1, foreign: 1)
    end
  end
end
