# frozen_string_literal: true

require_relative "../support/websocket_peer"

RSpec.describe "SIP over WebSocket", :native do
  def closing(code, reason)
    [0x88, reason.bytesize + 2, code].pack("CCn") + reason.b
  end

  def answer_to(message, **frame)
    start_websocket unless OverSIP.running?
    peer = websocket_peer
    peer.send_frame(message, **frame)
    peer.rest
  end

  # A request whose lines are changed.
  def request(headers = {}, body: "", **options)
    UdpPeer.new.build(:MESSAGE, "sip:a@b.example", headers: headers, body: body, **options)
  end

  it "answers a double line end with one, in a text frame" do
    start_websocket
    peer = websocket_peer
    peer.send_frame("\r\n\r\n")
    expect(peer.read_bytes(4)).to eq("\x81\x02\r\n".b)
  end

  it "goes on with a message behind a double line end" do
    start_websocket { |request| request.reply 200, "OK" }
    peer = websocket_peer
    peer.send_frame("\r\n\r\n#{request}")
    expect(peer.read_bytes(4)).to eq("\x81\x02\r\n".b)
    expect(peer.receive_final.status).to eq(200)
  end

  it "is ended with 4000 by data that is no SIP" do
    expect(answer_to("hello world\r\n\r\n")).to eq(closing(4000, "SIP message parsing error"))
  end

  it "is ended with 4001 by a head without end" do
    ["\r", "hello", "OPTIONS sip:a@b SIP/2.0\r\nVia: x"].each do |text|
      expect(answer_to(text)).to eq(closing(4001, "SIP message incomplete")), text.inspect
    end
  end

  it "is ended with 4002 by a body of another length than announced" do
    reason = "SIP message body size does not match Content-Length"
    expect(answer_to(request({ "Content-Length" => "3" }, body: "ab"))).to eq(closing(4002, reason))
    expect(answer_to(request({ "Content-Length" => "0" }, body: "ab"))).to eq(closing(4002, reason))
  end

  it "is ended with 4002 by a body that is announced and missing" do
    expect(answer_to(request({ "Content-Length" => "3" })))
      .to eq(closing(4002, "SIP message body size does not match Content-Length"))
  end

  it "takes the rest for the body without Content-Length" do
    bodies = mailbox
    start_websocket { |request| bodies << request.body }
    websocket_peer.send_frame(request({ "Content-Length" => nil }, body: "all of it"))
    expect(bodies.pop).to eq("all of it")
  end

  it "ignores messages without core headers or with two of them; the connection stays" do
    start_websocket { |request| request.reply 200, "OK" }
    peer = websocket_peer
    [{ "Call-ID" => nil }, { "Call-ID" => %w[a b] }].each { |headers| peer.send_frame(request(headers)) }
    peer.send_frame(request(call_id: "good"))
    expect(peer.receive_final.header("Call-ID")).to eq("good")
  end

  it "ignores a message of one line end" do
    start_websocket { |request| request.reply 200, "OK" }
    peer = websocket_peer
    peer.send_frame("\r\n")
    peer.send_frame(request)
    expect(peer.receive_final.status).to eq(200)
  end

  it "refuses a request with a syntax error; the connection stays" do
    start_websocket { |request| request.reply 200, "OK" }
    peer = websocket_peer
    peer.send_frame(request.sub("sip:a@", "sip:@"))
    expect(peer.receive.first_line).to eq("SIP/2.0 400 Syntax error in request line at byte 12")
    peer.send_frame(request)
    expect(peer.receive_final.status).to eq(200)
    expect(OverSIP.stats[:malformed]).to include(syntax: 1)
  end

  it "is ended with 4000 by an ACK or a response with a syntax error, and by lines that end in LF" do
    ack = request.gsub("MESSAGE", "ACK").sub("sip:a@", "sip:@")
    [ack, request.sub(/\A[^\r]*/, "SIP/2.0 20 OK"), request.gsub("\r\n", "\n")].each do |text|
      expect(answer_to(text)).to eq(closing(4000, "SIP message parsing error")), text
    end
    expect(OverSIP.stats[:malformed]).to include(syntax: 3)
  end

  # RFC 3261 17.2.3
  it "takes a request with a branch of RFC 2543" do
    start_websocket { |request| request.reply 200, "OK" }
    peer = websocket_peer
    peer.send_frame(request(branch: "old"))
    expect(peer.receive_final.status).to eq(200)
  end

  it "refuses a bad branch; the connection stays" do
    start_websocket { |request| request.reply 200, "OK" }
    peer = websocket_peer
    peer.send_frame(request(branch: "z9hG4bK"))
    refused = peer.receive
    expect([refused.status, refused.reason]).to eq([400, "Via branch non RFC 3261 compliant"])
    peer.send_frame(request)
    expect(peer.receive_final.status).to eq(200)
  end

  it "takes messages from binary frames, and answers in text where it is UTF-8 and in binary elsewhere" do
    start_websocket { |request| request.reply 200, request.from_tag }
    peer = websocket_peer
    peer.send_frame(request({ "From" => "<sip:a@b.example>;tag=good" }), first: 0x82)
    expect(peer.receive_frame).to have_attributes(start: 0x81, payload: start_with("SIP/2.0 200 good\r\n"))
    on_request { |request| request.reply 200, "\xff".b }
    peer.send_frame(request)
    expect(peer.receive_frame).to have_attributes(start: 0x82, payload: start_with("SIP/2.0 200 \xff\r\n".b))
  end

  it "adds nothing to the Via of a client" do
    seen = mailbox
    start_websocket do |request|
      seen << request.transport
      request.reply 200, "OK"
    end
    peer = websocket_peer
    peer.send_text(peer.build(:OPTIONS, "sip:a@b.example", branch: "z9hG4bKx"))
    expect(peer.receive_final.header("Via")).to eq("SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bKx;rport")
    expect(seen.pop).to eq(:ws)
  end

  it "tells the script where a message came from" do
    seen = mailbox
    start_websocket do |request|
      seen << [request.source_ip, request.source_port, request.source_ip_type, request.connection.class,
               request.connection_outbound_flow_token]
    end
    peer = websocket_peer
    peer.send_text(peer.build(:OPTIONS, "sip:a@b.example"))
    expect(seen.pop).to match(["127.0.0.1", peer.local_address.ip_port, :ipv4, OverSIP::WebSocket::IPv4WsServer,
                               a_string_matching(/\A\h{10}\z/)])
  end

  it "goes on after a frame that needs a long length" do
    body = "x" * 60_000
    start_websocket { |request| request.reply 200, "OK", [], request.body }
    peer = websocket_peer
    peer.send_frame(request(body: body))
    expect(peer.receive_final.body).to eq(body)
  end
end
