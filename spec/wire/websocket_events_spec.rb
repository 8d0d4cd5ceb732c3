# frozen_string_literal: true

require "oversip/testing"
require_relative "../support/callbacks"
require_relative "../support/websocket_peer"

RSpec.describe "WebSocketEvents", :native do
  let(:seen) { mailbox }
  let(:server) { "Server: OverSIP/#{OverSIP::VERSION}\r\n\r\n" }

  def answer_of(client)
    client.send_bytes(WebSocketPeer.request)
    client.rest
  end

  describe ".on_connection" do
    it "gets connection and request before the client has its WebSocket" do
      on_websocket(:on_connection) { |connection, request| seen << connection << request }
      start_websocket
      client = websocket_client
      client.upgrade("GET //chat/x?a=1;b#top HTTP/1.1", "Host" => "Edge.Example.NET.:10080", "Cookie" => %w[a=1 b=2],
                                                        "x_fOO-bar" => "kept  ", "Connection" => "keep-alive, Upgrade")
      connection = seen.pop
      expect(connection).to be_a(OverSIP::WebSocket::IPv4WsServer).and be_a(OverSIP::WebSocket::Connection)
      expect(connection).to have_attributes(transport: :ws, remote_ip: "127.0.0.1", remote_ip_type: :ipv4, open?: true,
                                            remote_port: client.local_address.ip_port, log_id: "SIP WS IPv4 server",
                                            remote_desc: "127.0.0.1:#{client.local_address.ip_port}",
                                            outbound_flow_token: a_string_matching(/\A\h{10}\z/))
      request = seen.pop
      expect(request).to be_a(OverSIP::WebSocket::HttpRequest).and be_a(Hash)
      expect(request).to have_attributes(
        http_method: :GET, http_version: "HTTP/1.1", uri: "//chat/x?a=1;b#top", uri_path: "//chat/x", uri_query: "a=1;b",
        uri_fragment: "top", uri_scheme: nil, host: "edge.example.net", port: 10_080, content_length: nil,
        hdr_connection: %w[keep-alive upgrade], hdr_upgrade: "websocket", hdr_origin: "https://example.net",
        hdr_sec_websocket_version: 13, hdr_sec_websocket_key: WebSocketPeer::KEY, hdr_sec_websocket_protocol: %w[sip],
        connection: connection, unknown_method?: false
      )
      expect(request).to include("Cookie" => %w[a=1 b=2], "X_Foo-Bar" => ["kept  "], "Sec-Websocket-Version" => ["13"])
    end

    it "may leave something in cvars, which every request of the connection has" do
      on_websocket(:on_connection) { |connection, request| connection.cvars[:user] = request["Cookie"]&.first }
      start_websocket do |request|
        seen << [request.cvars[:user], request.connection.cvars.equal?(request.cvars)]
        request.reply 200, "OK"
      end
      client = websocket_client.upgrade("GET / HTTP/1.1", "Cookie" => "alice")
      2.times do
        client.send_text(client.build(:OPTIONS, "sip:a@b.example"))
        client.receive_final
      end
      expect(seen.all).to eq([["alice", true], ["alice", true]])
    end

    it "refuses with http_reject: 403 if nothing is said" do
      on_websocket(:on_connection) { |connection, _| seen << connection.http_reject }
      start_websocket
      expect(answer_of(websocket_client)).to eq("HTTP/1.1 403 Forbidden\r\n#{server}")
      expect(seen.pop).to be(true)
    end

    it "refuses with http_reject: status, reason and headers, which cannot break out of their lines" do
      on_websocket(:on_connection) do |connection, _|
        connection.http_reject 401, "Not\r\nyou", ["WWW-Authenticate: Basic realm=\"x\"", "X-Evil: a\r\nSet-Cookie: b"]
      end
      start_websocket
      expect(answer_of(websocket_client)).to eq(
        "HTTP/1.1 401 Not  you\r\nWWW-Authenticate: Basic realm=\"x\"\r\nX-Evil: a  Set-Cookie: b\r\n#{server}"
      )
    end

    it "refuses in the version of HTTP that the client has" do
      on_websocket(:on_connection) { |connection, _| connection.http_reject 799 }
      start_websocket
      client = websocket_client
      client.send_bytes(WebSocketPeer.request("GET / http/1.0"))
      expect(client.rest).to eq("http/1.0 799 Reason Phrase Not Set\r\n#{server}")
    end

    it "closes silently with close, whatever its arguments" do
      on_websocket(:on_connection) { |connection, _| connection.close 403, "not read" }
      start_websocket
      expect(answer_of(websocket_client)).to eq("")
    end

    it "is answered with 500 and logged when it raises" do
      on_websocket(:on_connection) { raise "out of order" }
      start_websocket
      answer = nil
      log = capture_log(level: :error) { answer = answer_of(websocket_client) }
      expect(answer).to eq("HTTP/1.1 500 Server Internal Error\r\n#{server}")
      expect(log.map { |record| record.body.to_s }).to include(/on_connection/, /out of order/)
    end

    it "is answered with 500 when its thread is killed in it; the next client is served" do
      on_websocket(:on_connection) { |_, request| Thread.current.kill if request.uri == "/kill" }
      start_websocket
      client = websocket_client
      client.send_bytes(WebSocketPeer.request("GET /kill HTTP/1.1"))
      capture_log { expect(client.rest).to eq("HTTP/1.1 500 Server Internal Error\r\n#{server}") }
      websocket_peer
    end

    it "may send a response of its own before" do
      on_websocket(:on_connection) do |connection, request|
        seen << request.reply(302, nil, { "Location" => "https://other.example" }) << connection.close
      end
      start_websocket
      expect(answer_of(websocket_client)).to eq("HTTP/1.1 302 Found\r\nLocation: https://other.example\r\n#{server}")
      expect(seen.all).to eq([true, true])
    end

    it "may suspend its Fiber: the client's data waits, other clients do not" do
      on_websocket(:on_connection) do |_, request|
        next unless request.uri_path == "/slow"

        seen << Fiber.current
        Fiber.yield
      end
      start_websocket { |request| request.reply 200, "OK" }
      slow = websocket_client
      slow.send_bytes(WebSocketPeer.request("GET /slow HTTP/1.1"))
      slow.send_text(slow.build(:OPTIONS, "sip:a@b.example", call_id: "slow"))
      fiber = seen.pop
      quick = websocket_peer
      quick.send_text(quick.build(:OPTIONS, "sip:a@b.example", call_id: "quick"))
      expect(quick.receive_final.header("Call-ID")).to eq("quick")
      expect(slow.socket.wait_readable(SipPeer::SILENCE)).to be_nil
      OverSIP.schedule { fiber.resume }
      expect(slow.read_head).to start_with("HTTP/1.1 101 ")
      expect(slow.receive_final.header("Call-ID")).to eq("slow")
    end

    it "leaves nothing behind of a client that goes away meanwhile" do
      on_websocket(:on_disconnection) { |*| seen << :disconnected }
      on_websocket(:on_connection) do |connection, _|
        seen << Fiber.current << connection
        Fiber.yield
      end
      start_websocket
      client = websocket_client
      client.send_bytes(WebSocketPeer.request)
      fiber = seen.pop
      connection = seen.pop
      client.close
      eventually { !connection.open? }
      OverSIP.schedule { fiber.resume }
      engine_caught_up
      dispatcher_caught_up
      expect(seen).to be_empty
    end

    it "refuses nothing once the client has its WebSocket" do
      start_websocket { |request| seen << request.connection.http_reject << request.reply(200) }
      client = websocket_peer
      client.send_text(client.build(:OPTIONS, "sip:a@b.example"))
      expect(client.receive_final.status).to eq(200)
      expect(seen.all).to eq([false, true])
    end
  end

  describe ".on_disconnection" do
    before do
      on_websocket(:on_connection) { |connection, _| @connection = connection }
      on_websocket(:on_disconnection) { |connection, by_client| seen << [connection.equal?(@connection), by_client] }
      start_websocket(websocket: { max_ws_frame_size: 125 }) { |request| request.connection.close 4003, "enough" }
    end

    let(:client) { websocket_peer }

    it "is told that the client said so" do
      client.send_frame("\x03\xe8", first: 0x88)
      expect(seen.pop).to eq([true, true])
    end

    it "is told that the client closed the connection" do
      client.close
      expect(seen.pop).to eq([true, true])
    end

    it "is told that the client reset the connection" do
      client.reset
      expect(seen.pop).to eq([true, true])
    end

    it "is told that the script closed it" do
      # Small enough for the limit of this server.
      client.send_text("ABC sip:a SIP/2.0\r\nv:SIP/2.0/WS a;branch=z9hG4bK1\r\nf:<sip:a>;tag=1\r\nt:<sip:a>\r\ni:1\r\nCSeq:1 ABC\r\n\r\n")
      expect(seen.pop).to eq([true, false])
    end

    it "is told that the client violated the protocol" do
      client.send_frame("x" * 126)
      expect(seen.pop).to eq([true, false])
    end

    it "is told that the client sends no SIP" do
      client.send_frame("hello")
      expect(seen.pop).to eq([true, false])
    end

    it "is told that the connection was idle for two hours" do
      client
      OverSIP::Testing.freeze
      OverSIP::Testing.advance(7201)
      expect(seen.pop).to eq([true, false])
    end

    it "runs once" do
      client.send_frame("\x03\xe8", first: 0x88)
      seen.pop
      client.close
      engine_caught_up
      dispatcher_caught_up
      expect(seen).to be_empty
    end

    it "is the last that is held of a connection" do
      client.close
      seen.pop
      eventually { OverSIP::Engine.held_objects.zero? }
    end

    it "does not run when the server ends; the client is told 1001" do
      client
      OverSIP.stop
      expect(client.rest).to eq("\x88\x02\x03\xe9".b)
      expect(seen).to be_empty
    end

    it "does not run for a request that was refused" do
      refused = nil
      on_websocket(:on_connection) { |connection, _| (refused = connection).http_reject }
      answer_of(websocket_client)
      eventually { !refused.open? }
      engine_caught_up
      dispatcher_caught_up
      expect(seen).to be_empty
    end

    it "may raise: that is logged" do
      on_websocket(:on_disconnection) { |*| raise "no goodbye" }
      client
      log = capture_log(level: :error) do
        client.close
        eventually { !@connection.open? }
        engine_caught_up
        dispatcher_caught_up
      end
      expect(log.map { |record| record.body.to_s }).to include(/on_disconnection/, /no goodbye/)
    end
  end

  describe "a connection" do
    it "is closed with status and reason, after the data sent before" do
      start_websocket do |request|
        request.reply 200, "OK"
        request.connection.close 4003, "enough"
      end
      client = websocket_peer
      client.send_text(client.build(:OPTIONS, "sip:a@b.example"))
      expect(client.receive_final.status).to eq(200)
      expect(client.rest).to eq("\x88\x08\x0f\xa3enough".b)
    end

    it "is closed without them by an empty frame, and by request.close_connection" do
      start_websocket { |request| request.ruri.to_s.include?("other") ? request.close_connection : request.connection.close }
      %w[sip:a@b.example sip:a@other.example].each do |uri|
        client = websocket_peer
        client.send_text(client.build(:OPTIONS, uri))
        expect(client.rest).to eq("\x88\x00".b)
      end
    end

    it "cuts a reason that is too long at a character" do
      start_websocket { |request| request.connection.close 1000, "x#{"\u20ac" * 60}" }
      client = websocket_peer
      client.send_text(client.build(:OPTIONS, "sip:a@b.example"))
      expect(client.rest).to eq(([0x88, 123, 1000].pack("CCn") + "x#{"\u20ac" * 40}".b))
    end

    it "of a server that has ended means none of the next one" do
      on_websocket(:on_connection) { |connection, _| seen << connection }
      start_websocket
      websocket_peer
      old = seen.pop
      OverSIP.stop
      start_websocket
      client = websocket_peer
      old.close 4000
      engine_caught_up
      client.send_frame("still here", first: 0x89)
      expect([old.open?, client.receive_frame.payload]).to eq([false, "still here"])
    end

    it "is not closed with a status that no close frame may have" do
      start_websocket do |request|
        request.connection.close(*request.header("X-Status").then { |status| [Integer(status, exception: false) || status] })
      rescue ArgumentError, TypeError => e
        seen << e.class
        request.reply 200
      end
      client = websocket_peer
      %w[0 999 1005 1006 70000 text].each do |status|
        client.send_text(client.build(:OPTIONS, "sip:a@b.example", headers: { "X-Status" => status }))
        expect(client.receive_final.status).to eq(200)
      end
      expect(seen.all).to eq(([ArgumentError] * 5) + [TypeError])
    end
  end
end
