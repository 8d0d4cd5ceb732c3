# frozen_string_literal: true

require_relative "../support/websocket_peer"

RSpec.describe "A request for a WebSocket", :native do
  let(:server) { "Server: OverSIP/#{OverSIP::VERSION}\r\n\r\n" }

  # What the client gets, up to the end of the connection.
  def answer_to(*request)
    client = websocket_client
    client.send_bytes(WebSocketPeer.request(*request))
    client.rest
  end

  it "is accepted with exactly this answer" do
    start_websocket
    expect(websocket_client.ask).to eq(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: sip\r\n#{server}"
    )
  end

  it "needs no subprotocol; none is named then" do
    start_websocket
    answer = websocket_client.ask("GET /any HTTP/1.1", "Sec-WebSocket-Protocol" => nil, "Host" => nil, "Origin" => nil)
    expect(answer).to start_with("HTTP/1.1 101 Switching Protocols\r\n").and(satisfy { |head| !head.include?("-Protocol") })
  end

  it "may have an old version of HTTP and of the protocol" do
    start_websocket
    expect(websocket_client.ask("GET / HTTP/1.0", "Sec-WebSocket-Version" => "8")).to start_with("HTTP/1.0 101 ")
  end

  {
    "with another method than GET" => [["POST / HTTP/1.1"], "405 Method Not Allowed"],
    "without Connection: upgrade" => [["GET / HTTP/1.1", { "Connection" => "keep-alive" }],
                                      '400 Connection header must include "upgrade"'],
    "without Upgrade: websocket" => [["GET / HTTP/1.1", { "Upgrade" => "h2c" }], '400 Upgrade header must be "websocket"'],
    "without a key" => [["GET / HTTP/1.1", { "Sec-WebSocket-Key" => nil }], "400 Sec-WebSocket-Key header not present"],
    "for subprotocols without sip" => [["GET / HTTP/1.1", { "Sec-WebSocket-Protocol" => "SIP, chat" }],
                                       "501 No Suitable WebSocket Protocol"]
  }.each do |kind, (request, status)|
    it "#{kind} is refused and the connection closed" do
      start_websocket
      expect(answer_to(*request)).to eq("HTTP/1.1 #{status}\r\n#{server}")
    end
  end

  it "of an unknown version is told the known ones, in the standard header too" do
    start_websocket
    expect(answer_to("GET / HTTP/1.1", "Sec-WebSocket-Version" => "12")).to eq(
      "HTTP/1.1 426 Upgrade Required\r\nX-Supported-WebSocket-Versions: 7, 8, 13\r\nSec-WebSocket-Version: 13\r\n#{server}"
    )
  end

  it "is refused while the server loads" do
    answer = nil
    OverSIP::SystemCallbacks.on_started do
      client = websocket_client
      client.send_bytes(WebSocketPeer.request)
      # The dispatcher, on which this runs, is not needed for the answer.
      answer = client.rest
    end
    start_websocket
    expect(answer).to eq("HTTP/1.1 500 Server Still Loading\r\nRetry-After: 5\r\n#{server}")
  end

  it "is refused while the server ends" do
    start_websocket
    client = websocket_client
    answer = mailbox
    OverSIP::SystemCallbacks.on_terminated do
      client.send_bytes(WebSocketPeer.request)
      answer << client.rest
    end
    OverSIP.stop
    expect(answer.pop).to eq("HTTP/1.1 500 Server is Being Stopped\r\nRetry-After: 5\r\n#{server}")
  end

  it "is refused while too many events wait for the script, and counts among them" do
    gate = Thread::Queue.new
    entered = mailbox
    on_websocket(:on_connection) do |*|
      entered << true
      gate.pop
    end
    start_websocket(configuration: { core: { max_queued_requests: 1 } })
    # The first is in the script's hands, the second is queued.
    clients = Array.new(2) { |index| websocket_client.tap { |client| client.send_bytes(WebSocketPeer.request) && index.zero? && entered.pop } }
    eventually { OverSIP.stats[:dispatcher_queue] == 1 }
    expect(answer_to("GET / HTTP/1.1")).to eq("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n#{server}")
    gate.close
    expect(clients.map(&:read_head)).to all(start_with("HTTP/1.1 101 "))
  end

  it "that is malformed ends the connection without an answer" do
    start_websocket
    ["\r\n", "GET * HTTP/1.1\r\n\r\n", "OPTIONS sip:a@b SIP/2.0\r\n\r\n", WebSocketPeer.request("GET / HTTP/1.1", "Host" => "a:0"),
     WebSocketPeer.request.gsub("\r\n", "\n")].each do |bytes|
      client = websocket_client
      client.send_bytes(bytes)
      expect(client.rest).to eq(""), bytes.inspect
    end
  end

  it "may have a head of 16 KiB and no more" do
    start_websocket
    size = WebSocketPeer.request("GET / HTTP/1.1", "Cookie" => "").bytesize
    expect(websocket_client.ask("GET / HTTP/1.1", "Cookie" => "c" * (16_384 - size))).to start_with("HTTP/1.1 101 ")
    expect(answer_to("GET / HTTP/1.1", "Cookie" => "c" * (16_385 - size))).to eq("")
  end

  it "may come in pieces, with the first frame behind it" do
    start_websocket { |request| request.reply 200, "OK" }
    client = websocket_client
    request = client.build(:OPTIONS, "sip:a@b.example")
    (WebSocketPeer.request.b + WebSocketPeer.frame(request)).scan(/.{1,50}/mn) { |piece| client.send_bytes(piece) }
    expect(client.read_head).to start_with("HTTP/1.1 101 ")
    expect(client.receive_final.status).to eq(200)
  end

  it "over IPv6 is served too" do
    skip "no IPv6 here" unless Socket.ip_address_list.any?(&:ipv6_loopback?)
    seen = mailbox
    on_websocket(:on_connection) { |connection, _| seen << [connection.class, connection.remote_ip_type, connection.remote_desc] }
    port = start_websocket(websocket: { enable_ipv6: true })
    client = websocket_client(port, "::1").upgrade
    expect(seen.pop).to eq([OverSIP::WebSocket::IPv6WsServer, :ipv6, "[::1]:#{client.local_address.ip_port}"])
  end
end
