# frozen_string_literal: true

require "open3"
require "oversip/testing"
require_relative "../support/tls_peer"

# TLS listeners: handshakes, the script's verdict on clients, and flows over TLS.
RSpec.describe "TLS listeners", :native do
  def start(issued = Certificates.for_name("own.example"), **sip, &on_request)
    start_oversip(configuration: tls_configuration(issued, **sip), &(on_request || ->(request) { request.reply 200 }))
  end

  def options(peer, **options)
    peer.send_text(peer.build(:OPTIONS, "sip:own.example", **options))
  end

  it "serve requests over TLS 1.2 and 1.3, and no older version" do
    start
    %w[TLS1_2 TLS1_3].each do |version|
      peer = tls_peer { |context| context.min_version = context.max_version = OpenSSL::SSL.const_get("#{version}_VERSION") }
      expect(peer.ssl.peer_cert.subject.to_s).to eq("/CN=own.example")
      options(peer)
      expect(peer.receive.status).to eq(200)
    end
    expect { tls_peer { |context| context.max_version = OpenSSL::SSL::TLS1_1_VERSION } }.to raise_error(OpenSSL::SSL::SSLError)
  end

  it "show the whole chain" do
    start(Certificates.with_intermediate)
    expect(tls_peer.ssl.peer_cert_chain.map { |cert| cert.subject.to_s }).to eq(["/CN=relay.example", "/CN=Example Intermediate"])
  end

  it "take RSA, EC and Ed25519 keys" do
    [Certificates.rsa, Certificates.issue("/CN=p384", issuer: Certificates.authority, key: OpenSSL::PKey::EC.generate("secp384r1")),
     Certificates.issue("/CN=ed25519", issuer: Certificates.authority, key: OpenSSL::PKey.generate_key("ED25519"))].each do |issued|
      start(issued)
      peer = tls_peer
      options(peer)
      expect(peer.receive.status).to eq(200)
      OverSIP.stop(timeout: 0)
    end
  end

  it "serve clients of other TLS libraries (openssl s_client)" do
    start
    peer = tls_peer # for the text alone
    text = peer.build(:OPTIONS, "sip:own.example")
    command = %W[openssl s_client -quiet -ign_eof -connect 127.0.0.1:#{tls_port} -CAfile #{Certificates.authorities}/root.pem
                 -verify_return_error -verify_hostname own.example]
    Open3.popen2(*command, err: File::NULL) do |input, output, process|
      input.write(text)
      input.flush
      expect(output.wait_readable(SipPeer::LIMIT) && output.gets).to eq("SIP/2.0 200 OK\r\n")
    ensure
      Process.kill("KILL", process.pid)
    end
  end

  it "end a handshake that takes longer than 4 s" do
    start
    OverSIP::Testing.freeze
    silent = tcp_peer(tls_port)
    eventually { OverSIP.stats[:connections] == 1 }
    OverSIP::Testing.advance(4)
    expect(OverSIP.stats[:connections]).to eq(0)
    expect(silent).to be_closed_by_peer
  end

  it "drop data that is no TLS and go on" do
    start
    plain = tcp_peer(tls_port)
    options(plain)
    expect(plain).to be_closed_by_peer
    peer = tls_peer
    options(peer)
    expect(peer.receive.status).to eq(200)
  end

  describe "on_client_tls_handshake" do
    let(:seen) { mailbox }

    it "gets the client's certificates, its own last, on the connection of its requests" do
      on_tls_handshake(:on_client_tls_handshake) do |connection, pems|
        connection.cvars[:names] = pems.map { |pem| OpenSSL::X509::Certificate.new(pem).subject.to_s }
        seen << [connection.class.name, connection.remote_ip, connection.remote_port, connection.outbound_flow_token]
      end
      start do |request|
        seen << [request.cvars, request.connection.outbound_flow_token]
        request.reply 200
      end
      peer = tls_peer(certificate: Certificates.with_intermediate)
      class_name, ip, port, token = seen.pop
      expect([class_name, ip, port]).to eq(["OverSIP::SIP::IPv4TlsServer", "127.0.0.1", peer.port])
      options(peer)
      expect(seen.pop).to eq([{ names: ["/CN=Example Intermediate", "/CN=relay.example"] }, token])
      expect(token).to match(/\A\h{10}\z/)
    end

    it "gets a certificate that is for SIP only (RFC 5924), which OverSIP::TLS.validate accepts" do
      on_tls_handshake(:on_client_tls_handshake) { |_, pems| seen << OverSIP::TLS.validate(pems)[1] }
      start
      peer = tls_peer(certificate: Certificates.for_usages(Certificates::SIP_DOMAIN))
      expect(seen.pop).to be(true)
      options(peer)
      expect(peer.receive.status).to eq(200)
    end

    it "gets an empty list when the client shows none, and a self-signed one as it is" do
      on_tls_handshake(:on_client_tls_handshake) { |_, pems| seen << pems }
      start
      tls_peer
      expect(seen.pop).to eq([])
      tls_peer(certificate: Certificates.self_signed)
      expect(seen.pop).to eq([Certificates.self_signed.certificate.to_pem])
    end

    it "is waited for by as many clients as requests may wait; further ones are closed and counted" do
      gate = Thread::Queue.new
      on_tls_handshake(:on_client_tls_handshake) do |*|
        seen << true
        gate.pop
      end
      configuration = tls_configuration(Certificates.for_name("own.example"))
      start_oversip(configuration: configuration.merge(core: { max_queued_requests: 1 })) { |request| request.reply 200 }
      first = tls_peer
      seen.pop
      queued = tls_peer
      eventually { OverSIP.stats[:queued][:handshakes] == 1 }
      expect(tls_peer).to be_closed_by_peer
      expect(OverSIP.stats[:rejected]).to include(handshakes: 1)
      gate.close
      # One after the other: only one request may wait, too.
      answered = [first, queued].map do |peer|
        options(peer)
        peer.receive.status
      end
      expect(answered).to eq([200, 200])
      expect(OverSIP.stats[:queued_bytes]).to include(handshakes: 0)
    end

    it "closes: no message of the client is processed" do
      on_tls_handshake(:on_client_tls_handshake) { |connection, _| connection.close }
      start { |_| seen << true }
      peer = tls_peer
      options(peer)
      expect(peer).to be_closed_by_peer
      dispatcher_caught_up
      expect(seen).to be_empty
      eventually { OverSIP.stats[:connections].zero? }
    end

    it "closes by an exception, which is logged" do
      on_tls_handshake(:on_client_tls_handshake) { |_, _| raise "unwanted" }
      start { |_| seen << true }
      log = capture_log(level: :error) do
        peer = tls_peer
        options(peer)
        expect(peer).to be_closed_by_peer
      end
      expect(log.map(&:body).join).to include("unwanted (RuntimeError)")
      expect(seen).to be_empty
    end

    it "keeps requests back while it is suspended" do
      on_tls_handshake(:on_client_tls_handshake) { |_, _| (seen << Fiber.current) && Fiber.yield }
      start
      peer = tls_peer
      fiber = seen.pop
      options(peer)
      expect(peer.receive?(SipPeer::SILENCE)).to be_nil
      OverSIP.schedule { fiber.resume }
      expect(peer.receive.status).to eq(200)
    end

    it "takes no more than a bound meanwhile, and all of it afterwards" do
      on_tls_handshake(:on_client_tls_handshake) { |_, _| (seen << Fiber.current) && Fiber.yield }
      sizes = mailbox
      start do |request|
        sizes << request.body.bytesize
        request.reply 200
      end
      peer = tls_peer
      fiber = seen.pop
      writer = Thread.new { 12.times { options(peer, body: "x" * 1_000_000) } }
      # More than fits in every buffer on the way: the client has to wait.
      expect(writer.join(0.5)).to be_nil
      OverSIP.schedule { fiber.resume }
      12.times { expect(peer.receive(limit: 60).status).to eq(200) }
      writer.join
      expect(sizes.all).to eq([1_000_000] * 12)
    end

    it "a client that goes away meanwhile has said nothing" do
      on_tls_handshake(:on_client_tls_handshake) { |_, _| (seen << Fiber.current) && Fiber.yield }
      start { |_| seen << true }
      peer = tls_peer
      fiber = seen.pop
      options(peer)
      peer.close
      eventually { OverSIP.stats[:connections].zero? }
      OverSIP.schedule { fiber.resume }
      dispatcher_caught_up
      expect(seen).to be_empty
    end

    it "does not run where the configuration says so" do
      on_tls_handshake(:on_client_tls_handshake) { |connection, _| connection.close }
      start(callback_on_client_tls_handshake: false)
      peer = tls_peer(certificate: Certificates.for_name)
      options(peer)
      expect(peer.receive.status).to eq(200)
    end

    it "does not run for use_tls_tunnel, where clients are not asked for certificates" do
      on_tls_handshake(:on_client_tls_handshake) { |connection, _| connection.close }
      log = capture_log(level: :warn) { start(use_tls_tunnel: true) }
      expect(log.map(&:body)).to include(/sip\[use_tls_tunnel\] is obsolete/)
      asked = false
      peer = tls_peer do |context|
        context.client_cert_cb = lambda do |_|
          asked = true
          nil
        end
      end
      options(peer)
      expect(peer.receive.status).to eq(200)
      expect(asked).to be(false)
      expect(OverSIP.configuration[:sip][:listen_port_tls_tunnel]).to be_nil
    end
  end

  describe "a tunnel for a proxy that decrypts" do
    def start_tunnel(&)
      capture_log { start(use_tls_tunnel: true, listen_port_tls_tunnel: tunnel_port, &) }
    end

    let(:tunnel_port) { dead_port }

    it "counts the client of the PROXY line, which may come in pieces, and answers over the same connection" do
      seen = mailbox
      start_tunnel do |request|
        seen << [request.source_ip, request.source_port, request.transport, request.connection.remote_desc]
        request.reply 200
      end
      peer = tcp_peer(tunnel_port)
      ["PROXY TCP4 192.0.2.7 ", "198.51.100.1 4711 50", "61\r", "\n#{peer.build(:OPTIONS, "sip:own.example")}"].each do |part|
        peer.send_text(part)
      end
      expect(peer.receive.status).to eq(200)
      expect(seen.pop).to eq(["192.0.2.7", 4711, :tls, "192.0.2.7:4711"])
    end

    it "counts the proxy itself where it does not know the client" do
      seen = mailbox
      start_tunnel do |request|
        seen << [request.source_ip, request.source_port]
        request.reply 200
      end
      ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"].each do |line|
        peer = tcp_peer(tunnel_port)
        peer.send_text("#{line}#{peer.build(:OPTIONS, "sip:own.example")}")
        expect(peer.receive.status).to eq(200)
        expect(seen.pop).to eq(["127.0.0.1", peer.port])
      end
    end

    it "closes without a line, with another first line, and with one that does not end" do
      start_tunnel
      ["OPTIONS sip:a SIP/2.0\r\n", "PROXY UNKNOWN\n", "PROXY TCP4 #{"1" * 200}"].each do |text|
        peer = tcp_peer(tunnel_port)
        peer.send_text(text)
        expect(peer).to be_closed_by_peer
      end
    end
  end

  describe "flows (RFC 5626)" do
    let(:callee) { udp_peer }

    before do
      start do |request|
        proxy = OverSIP::SIP::Proxy.new
        request.headers["Route"] && request.loose_route
        next proxy.route(request) if request.incoming_outbound_requested? || request.in_dialog?

        proxy.route(request, "127.0.0.1", callee.port, :udp)
      end
    end

    def message_along(route)
      callee.send_text(callee.build(:MESSAGE, "sip:alice@a.example", headers: { "Route" => route }), oversip_port)
    end

    it "lead back over the client's connection as long as it lives; then they are gone: 430" do
      client = tls_peer
      client.send_text(client.build(:SUBSCRIBE, "sip:bob@b.example"))
      subscribe = callee.receive
      callee.answer(subscribe, 200)
      expect(client.receive_final.status).to eq(200)
      outer, inner = subscribe.headers("Record-Route")
      expect(outer).to match(/\A<sip:127\.0\.0\.1:#{oversip_port};transport=udp;lr;ovid=\h{8};ovcode=\h{24}>\z/)
      expect(inner).to match(/\A<sip:\h{10}@127\.0\.0\.1:#{tls_port};transport=tls;lr;ovid=\h{8};ovcode=\h{24}>\z/)
      message_along(inner)
      client.answer(client.receive_until(&:request?), 200)
      expect(callee.receive_final.status).to eq(200)
      client.close
      eventually { OverSIP.stats[:connections].zero? }
      message_along(inner)
      expect(callee.receive_final.first_line).to eq("SIP/2.0 430 Flow Failed")
    end
  end

  it "a response whose connection is gone is sent to the port of the Via" do
    go = mailbox
    start_oversip(configuration: tls_configuration) do |request|
      go << request
    end
    server = tls_server
    client = tls_peer
    client.send_text(client.build(:OPTIONS, "sip:own.example",
                                  headers: { "Via" => "SIP/2.0/TLS 127.0.0.1:#{server.port};branch=z9hG4bKgone" }))
    request = go.pop
    client.close
    eventually { OverSIP.stats[:connections].zero? }
    OverSIP.schedule { request.reply 200 }
    expect(server.accept.receive.status).to eq(200)
  end

  it "need certificate and key only at the start" do
    configuration = tls_configuration
    start_oversip(configuration: configuration) { |request| request.reply 200 }
    File.delete(*configuration[:tls].values_at(:public_cert, :private_cert))
    peer = tls_peer
    options(peer)
    expect(peer.receive.status).to eq(200)
    server = tls_server
    done = mailbox
    uac = OverSIP::SIP::Uac.new
    uac.on_success_response { |response| done << response.status_code }
    uac.route OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:127.0.0.1:#{server.port};transport=tls" })
    to = server.accept
    to.answer(to.receive, 200)
    expect(done.pop).to eq(200)
  end

  it "answers over a connection that we opened, with the class and Record-Route of our end" do
    seen = mailbox
    start_oversip(configuration: tls_configuration) do |request|
      connection = request.connection
      seen << [connection.class, connection.record_route, connection.outbound_flow_token, connection.class.outbound_listener?,
               connection.class.reliable_transport_listener?]
      request.reply 200
    end
    server = tls_server
    OverSIP::SIP::Uac.new.route OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS,
                                                               ruri: "sip:127.0.0.1:#{server.port};transport=tls" })
    peer = server.accept
    peer.receive
    options(peer)
    expect(peer.receive.status).to eq(200)
    port = peer.ssl.to_io.remote_address.ip_port
    expect(seen.pop).to match([OverSIP::SIP::IPv4TlsClient, /\A<sip:127\.0\.0\.1:#{port};transport=tls;lr;ovid=\h{8}>\z/, nil, nil, nil])
  end
end
