# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/ports"
require_relative "../support/websocket_peer"

RSpec.describe "SIP over secure WebSocket", :native do
  let(:seen) { mailbox }

  it "is served as without TLS" do
    start_secure_websocket do |request|
      seen << [request.transport, request.connection.class]
      request.reply 200, "OK"
    end
    client = secure_websocket_client.upgrade
    client.send_text(client.build(:OPTIONS, "sip:a@b.example"))
    expect(client.receive_final.header("Via")).to start_with("SIP/2.0/WSS df7jal23ls0d.invalid;")
    expect(seen.pop).to eq([:wss, OverSIP::WebSocket::IPv4WssServer])
  end

  it "names itself WSS in its values" do
    bob = udp_peer
    start_secure_websocket do |request|
      request.loose_route
      proxy = OverSIP::SIP::Proxy.new
      request.incoming_outbound_requested? ? proxy.route(request) : proxy.route(request, "127.0.0.1", bob.port)
    end
    client = secure_websocket_client.upgrade
    client.send_text(client.build(:INVITE, "sip:bob@b.example"))
    route = bob.receive.headers("Record-Route")
    expect(route.last).to match(/\A<sip:\h{10}@127\.0\.0\.1:#{secure_websocket_port};transport=wss;lr;ovid=\h{8};ovcode=\h{24}>\z/)
    bob.send_text(bob.build(:MESSAGE, "sip:alice@a.example", headers: { "Route" => route }), oversip_port)
    request = client.receive_until(&:request?)
    expect(request.header("Via")).to start_with("SIP/2.0/WSS 127.0.0.1:#{secure_websocket_port};branch=z9hG4bK")
    client.answer(request, 200)
    expect(bob.receive_until { |message| message.status == 200 }.header("CSeq")).to eq("1 MESSAGE")
  end

  it "bears the Record-Route host name of the sip section" do
    start_secure_websocket(sip: { record_route_hostname_tls_ipv4: "edge.example.net" }, advertised_ipv4: "203.0.113.5")
    wss, ws = [OverSIP::WebSocket::IPv4WssServer, OverSIP::WebSocket::IPv4WsServer].map(&:via_core)
    expect(wss).to eq("SIP/2.0/WSS edge.example.net:#{secure_websocket_port}")
    expect(ws).to eq("SIP/2.0/WS 203.0.113.5:#{websocket_port}")
  end

  it "without TLS from the client comes to nothing" do
    start_secure_websocket
    client = websocket_client(secure_websocket_port)
    client.send_bytes(WebSocketPeer.request)
    expect(client.rest.b).not_to include("HTTP")
  end

  it "takes large messages in both directions" do
    body = "x" * 60_000
    start_secure_websocket { |request| request.reply 200, "OK", [], request.body }
    client = secure_websocket_client.upgrade
    client.send_text(client.build(:MESSAGE, "sip:a@b.example", body: body))
    expect(client.receive_final.body).to eq(body)
  end

  it "ends with a close frame" do
    start_secure_websocket { |request| request.connection.close 4003, "enough" }
    client = secure_websocket_client.upgrade
    client.send_text(client.build(:OPTIONS, "sip:a@b.example"))
    expect(client.rest).to eq("\x88\x08\x0f\xa3enough".b)
  end

  describe "asks WebSocketEvents.on_client_tls_handshake" do
    it "before the HTTP request is looked at, with the client's certificates, its own last" do
      on_websocket(:on_client_tls_handshake) do |connection, pems|
        connection.cvars[:verified] = OverSIP::TLS.validate(pems)[1]
        seen << [:tls, connection.class, pems.map { |pem| OpenSSL::X509::Certificate.new(pem).subject.to_s }]
      end
      on_websocket(:on_connection) { |connection, _| seen << [:http, connection.cvars[:verified]] }
      start_secure_websocket(ask_client_certificate: true)
      secure_websocket_client(certificate: Certificates.with_intermediate).upgrade
      expect(seen.all).to eq([[:tls, OverSIP::WebSocket::IPv4WssServer, ["/CN=Example Intermediate", "/CN=relay.example"]],
                              [:http, true]])
    end

    # Chromium gives a WebSocket up when the server asks for a certificate.
    it "without certificates unless the section says that clients are asked for them" do
      on_websocket(:on_client_tls_handshake) { |_, pems| seen << pems }
      start_secure_websocket
      secure_websocket_client(certificate: Certificates.for_name("alice.example")).upgrade
      expect(seen.pop).to eq([])
    end

    it "and closes the connection without an answer if it says so or raises" do
      start_secure_websocket
      [->(connection, _) { connection.close }, ->(*) { raise "no" }].each do |verdict|
        on_websocket(:on_client_tls_handshake, &verdict)
        on_websocket(:on_connection) { |*| seen << :http }
        client = secure_websocket_client
        begin
          client.send_bytes(WebSocketPeer.request)
          expect(client.rest).to eq("")
        rescue OpenSSL::SSL::SSLError, SystemCallError
          # The server was faster.
        end
      end
      expect(seen).to be_empty
    end

    it "and keeps what the client sends meanwhile" do
      on_websocket(:on_client_tls_handshake) do |*|
        seen << Fiber.current
        Fiber.yield
      end
      start_secure_websocket
      client = secure_websocket_client
      client.send_bytes(WebSocketPeer.request)
      fiber = seen.pop
      OverSIP.schedule { fiber.resume }
      expect(client.read_head).to start_with("HTTP/1.1 101 ")
    end

    it "not if the section says so, nor with use_tls_tunnel" do
      on_websocket(:on_client_tls_handshake) { |*| seen << :asked }
      [{ callback_on_client_tls_handshake: false }, { use_tls_tunnel: true }].each do |parameters|
        start_secure_websocket(**parameters)
        secure_websocket_client.upgrade
        OverSIP.stop
      end
      expect(seen).to be_empty
    end
  end

  describe "comes through a proxy that decrypts, on listen_port_tls_tunnel," do
    # The sip section has no tunnel and no IPv6 here.
    def remote_through_tunnel(address, line, **websocket)
      on_websocket(:on_connection) { |connection, _| seen << [connection.class, connection.remote_desc] }
      tunnel = Ports.free
      start_secure_websocket(use_tls_tunnel: true, listen_port_tls_tunnel: tunnel, **websocket)
      client = websocket_client(tunnel, address)
      client.send_bytes(line)
      client.upgrade
      seen.pop
    end

    it "whatever the sip section says of tunnels" do
      remote = remote_through_tunnel("127.0.0.1", "PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n")
      expect(remote).to eq([OverSIP::WebSocket::IPv4WssServer, "192.0.2.7:4711"])
    end

    it "over IPv6 if the websocket section has it" do
      skip "no IPv6 here" unless Socket.ip_address_list.any?(&:ipv6_loopback?)
      remote = remote_through_tunnel("::1", "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", enable_ipv6: true)
      expect(remote.last).to eq("[2001:db8::7]:4711")
    end
  end
end
