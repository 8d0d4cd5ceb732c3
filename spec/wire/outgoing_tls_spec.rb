# frozen_string_literal: true

require "oversip/testing"
require_relative "../support/scripted_dns"
require_relative "../support/tls_peer"

# Requests to TLS servers: reuse, verification, and every way to fail.
RSpec.describe "Requests over TLS", :native do
  # A Uac whose events go to a mailbox.
  def uac(into)
    OverSIP::SIP::Uac.new.tap do |uac|
      uac.on_success_response { |response| into << response.status_code }
      uac.on_error { |*error| into << error }
    end
  end

  def options_for(host)
    OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:#{host}" })
  end

  def send_to(server, into, host: "127.0.0.1")
    uac(into).route(options_for("#{host}:#{server.port};transport=tls"))
  end

  def start(issued = Certificates.for_name("own.example"), **profile)
    start_oversip(configuration: tls_configuration(issued), proxies: { default_proxy: profile })
  end

  let(:results) { mailbox }
  let(:connection_error) { [500, "Connection Error", :connection_error] }
  let(:validation_failed) { [500, "TLS Validation Failed", :tls_validation_failed] }
  let(:blacklist) { OverSIP.proxies[:default_proxy][:blacklist] }

  it "names TLS in the Via, shows the server's own certificate and reuses the connection" do
    start
    server = tls_server
    send_to(server, results)
    peer = server.accept
    request = peer.receive
    expect(request.header("Via")).to start_with("SIP/2.0/TLS 127.0.0.1:#{tls_port};branch=z9hG4bK")
    expect(peer.ssl.peer_cert.subject.to_s).to eq("/CN=own.example")
    peer.answer(request, 200)
    expect(results.pop).to eq(200)
    send_to(server, results)
    peer.answer(peer.receive, 200)
    expect(results.pop).to eq(200)
  end

  it "supports TLS 1.2 and 1.3, and no older version" do
    start
    %i[TLS1_2 TLS1_3].each do |version|
      server = tls_server { |context| context.min_version = context.max_version = OpenSSL::SSL.const_get(:"#{version}_VERSION") }
      send_to(server, results)
      peer = server.accept
      expect(peer.ssl.ssl_version).to eq(version.to_s.tr("_", ".").sub("TLS", "TLSv"))
      peer.answer(peer.receive, 200)
      expect(results.pop).to eq(200)
    end
    old = tls_server { |context| context.min_version = context.max_version = OpenSSL::SSL::TLS1_1_VERSION }
    send_to(old, results)
    expect { old.accept }.to raise_error(OpenSSL::SSL::SSLError)
    expect(results.pop).to eq(connection_error)
  end

  describe "the callback" do
    it "gets a connected connection and the certificates, the server's own last, before anything is written" do
      seen = mailbox
      go = mailbox
      start
      server = tls_server(Certificates.with_intermediate)
      on_tls_handshake(:on_server_tls_handshake) do |connection, pems|
        seen << [connection.connected, connection.transport, connection.remote_port, connection.class.name, pems]
        go.pop
      end
      send_to(server, results)
      peer = server.accept
      connected, transport, port, class_name, pems = seen.pop
      expect([connected, transport, port, class_name]).to eq([true, :tls, server.port, "OverSIP::SIP::IPv4TlsClient"])
      names = pems.map { |pem| OpenSSL::X509::Certificate.new(pem).subject.to_s }
      expect(names).to eq(["/CN=Example Intermediate", "/CN=relay.example"])
      expect(peer.receive?(SipPeer::SILENCE)).to be_nil
      go << true
      peer.answer(peer.receive, 200)
      expect(results.pop).to eq(200)
    end

    it "refuses by closing: TLS Validation Failed, nothing was written, the target is blacklisted" do
      start
      on_tls_handshake(:on_server_tls_handshake) { |connection, _| connection.close }
      server = tls_server
      send_to(server, results)
      expect(server.accept_refused).to be_empty
      expect(results.pop).to eq(validation_failed)
      expect(blacklist.keys).to eq(["tls:127.0.0.1:#{server.port}"])
    end

    it "refuses by an exception, which is logged" do
      start
      on_tls_handshake(:on_server_tls_handshake) { |_, _| raise "no such server" }
      server = tls_server
      log = capture_log(level: :error) do
        send_to(server, results)
        expect(server.accept_refused).to be_empty
        expect(results.pop).to eq(validation_failed)
      end
      expect(log.map(&:body).join).to include("no such server (RuntimeError)")
    end

    it "does not run where the profile says so, nor with verify_server false" do
      seen = mailbox
      on_tls_handshake(:on_server_tls_handshake) { |connection, _| (seen << true) && connection.close }
      [{ callback_on_server_tls_handshake: false }, { verify_server: false }].each do |profile|
        start(**profile)
        server = tls_server(Certificates.self_signed)
        send_to(server, results)
        peer = server.accept
        peer.answer(peer.receive, 200)
        expect(results.pop).to eq(200)
        OverSIP.stop(timeout: 0)
      end
      expect(seen).to be_empty
    end

    it "all requests wait for a suspended one, and fail with it" do
      start
      suspended = mailbox
      on_tls_handshake(:on_server_tls_handshake) do |connection, _|
        suspended << Fiber.current
        Fiber.yield
        connection.close
      end
      server = tls_server
      send_to(server, results)
      peer = server.accept
      fiber = suspended.pop
      2.times { send_to(server, results) }
      expect(peer.receive?(SipPeer::SILENCE)).to be_nil
      OverSIP.schedule { fiber.resume }
      expect(Array.new(3) { results.pop }).to eq([validation_failed] * 3)
      expect(peer).to be_closed_by_peer
      expect(peer.received).to be_empty
    end

    it "sends the waiting requests in order afterwards" do
      start
      suspended = mailbox
      on_tls_handshake(:on_server_tls_handshake) { |_, _| (suspended << Fiber.current) && Fiber.yield }
      server = tls_server
      send_to(server, results)
      peer = server.accept
      fiber = suspended.pop
      2.times { send_to(server, results) }
      OverSIP.schedule { fiber.resume }
      3.times { peer.answer(peer.receive, 200) }
      expect(Array.new(3) { results.pop }).to eq([200] * 3)
    end

    it "a server that goes away meanwhile has failed" do
      start
      suspended = mailbox
      on_tls_handshake(:on_server_tls_handshake) { |_, _| (suspended << Fiber.current) && Fiber.yield }
      server = tls_server
      send_to(server, results)
      peer = server.accept
      suspended.pop
      peer.close
      expect(results.pop).to eq(validation_failed)
    end

    it "the strictest of those that wait for a handshake counts" do
      seen = mailbox
      on_tls_handshake(:on_server_tls_handshake) { |connection, _| (seen << true) && connection.close }
      start_oversip(configuration: tls_configuration, proxies: { default_proxy: {}, lax: { verify_server: false } })
      listener = TCPServer.new("127.0.0.1", 0)
      opened << listener
      %i[lax default_proxy lax].each do |profile|
        uac = OverSIP::SIP::Uac.new(profile)
        uac.on_error { |*error| results << error }
        uac.route(options_for("127.0.0.1:#{listener.addr[1]};transport=tls"))
      end
      # All three wait for the handshake, which this server has not begun.
      tcp = listener.accept
      context = OpenSSL::SSL::SSLContext.new
      context.add_certificate(Certificates.for_name.certificate, Certificates.for_name.key)
      ssl = OpenSSL::SSL::SSLSocket.new(tcp, context)
      ssl.accept
      expect(Array.new(3) { results.pop }).to eq([validation_failed] * 3)
      expect(seen.pop).to be(true)
    end
  end

  describe "verify_server" do
    def start_verifying(callback: false)
      start(verify_server: true, callback_on_server_tls_handshake: callback)
    end

    def outcome(certificate, host: "127.0.0.1")
      server = tls_server(certificate)
      send_to(server, results, host: host)
      peer = server.accept
      request = peer.receive?(SipPeer::LIMIT)
      peer.answer(request, 200) if request
      results.pop
    rescue OpenSSL::SSL::SSLError, SystemCallError
      results.pop
    end

    it "accepts an address that the certificate names (iPAddress)" do
      start_verifying
      expect(outcome(Certificates.for_name("127.0.0.1"))).to eq(200)
    end

    it "refuses a certificate for another name, a self-signed and an expired one" do
      start_verifying
      named = Certificates.issue("/CN=127.0.0.1", names: ["IP:127.0.0.1"])
      late = Certificates.issue("/CN=127.0.0.1", issuer: Certificates.authority, names: ["IP:127.0.0.1"], from: -20, days: 10)
      [Certificates.for_name, named, late].each { |certificate| expect(outcome(certificate)).to eq(validation_failed) }
      expect(blacklist.size).to eq(3)
    end

    it "refuses a certificate from the moment on that it has expired, by the clock that the example moves" do
      start_verifying
      OverSIP::Testing.freeze
      # Valid for an hour yet.
      short = Certificates.issue("/CN=127.0.0.1", issuer: Certificates.authority, names: ["IP:127.0.0.1"], days: 1 + (1 / 24r))
      OverSIP::Testing.advance(3500)
      expect(outcome(short)).to eq(200)
      OverSIP::Testing.advance(101)
      expect(outcome(short)).to eq(validation_failed)
    end

    it "accepts a certificate for SIP (RFC 5924), for TLS servers, for any usage, and one without a usage" do
      start_verifying
      [[Certificates::SIP_DOMAIN], ["clientAuth", Certificates::SIP_DOMAIN], ["serverAuth"], ["anyExtendedKeyUsage"]].each do |usages|
        expect([usages, outcome(Certificates.for_usages(*usages))]).to eq([usages, 200])
      end
      expect(outcome(Certificates.for_name("127.0.0.1"))).to eq(200)
    end

    it "accepts a certificate for SIP of an authority that signs for SIP only" do
      start_verifying
      signer = Certificates.issue("/CN=SIP Authority", issuer: Certificates.authority, authority: true, usages: [Certificates::SIP_DOMAIN])
      own = Certificates.for_usages(Certificates::SIP_DOMAIN, issuer: signer).tap { |issued| issued.intermediates = [signer.certificate] }
      expect(outcome(own)).to eq(200)
    end

    it "refuses a certificate for something else, and one for SIP of a stranger" do
      start_verifying
      stranger = Certificates.issue("/CN=Stranger", authority: true)
      [Certificates.for_usages("clientAuth", "emailProtection"), Certificates.for_usages(Certificates::SIP_DOMAIN, issuer: stranger)]
        .each { |certificate| expect(outcome(certificate)).to eq(validation_failed) }
    end

    it "asks the script as well, after its own check" do
      seen = mailbox
      on_tls_handshake(:on_server_tls_handshake) { |_, pems| seen << pems.size }
      start_verifying(callback: true)
      expect(outcome(Certificates.for_name)).to eq(validation_failed)
      expect(seen).to be_empty
      expect(outcome(Certificates.for_name("127.0.0.1"))).to eq(200)
      expect(seen.pop).to eq(1)
    end
  end

  describe "a server that is known by a domain" do
    def start_with_names(records, **profile)
      dns = ScriptedDns.new(records).tap { |server| opened << server }
      configuration = tls_configuration(Certificates.for_name("own.example")).merge(core: { nameservers: [dns.address] })
      start_oversip(configuration: configuration, proxies: { default_proxy: profile })
    end

    it "gets the domain of the URI as SNI, and needs it in its certificate (RFC 5922)" do
      start_with_names({ "relay.example" => ["127.0.0.1"] }, verify_server: true)
      server = tls_server(Certificates.with_intermediate)
      send_to(server, results, host: "Relay.Example")
      peer = server.accept
      peer.answer(peer.receive, 200)
      expect(results.pop).to eq(200)
      expect(server.server_name).to eq("relay.example")
    end

    it "may be named by a sip URI or, without alternative names, by the common name, but not by a wildcard" do
      start_with_names({ "relay.example" => ["127.0.0.1"] }, verify_server: true)
      { ["URI:sip:relay.example", "DNS:other.example"] => 200, nil => 200,
        ["DNS:*.example"] => validation_failed, ["URI:sip:other.example", "DNS:relay.example"] => validation_failed }
        .each do |names, outcome|
        server = tls_server(Certificates.issue("/CN=relay.example", issuer: Certificates.authority, names: names))
        send_to(server, results, host: "relay.example")
        peer = server.accept
        request = peer.receive?(SipPeer::LIMIT)
        peer.answer(request, 200) if request
        expect(results.pop).to eq(outcome)
      end
    end

    it "is not named by SNI when the URI has an address" do
      start
      server = tls_server
      send_to(server, results)
      server.accept.receive
      expect(server.server_name).to be_nil
    end

    it "fails with another name in its certificate, and the next address is tried" do
      start_with_names({ "relay.example" => %w[127.0.0.1 127.0.0.2] }, verify_server: true, ip_type_preference: %w[ipv4])
      first = tls_server(Certificates.for_name("other.example"))
      second = tls_server(Certificates.for_name, "127.0.0.2", port: first.port)
      send_to(first, results, host: "relay.example")
      expect(first.accept_refused).to be_empty
      peer = second.accept
      peer.answer(peer.receive, 200)
      expect(results.pop).to eq(200)
      expect(blacklist.keys).to eq(["tls:127.0.0.1:#{first.port}"])
    end

    it "does not get requests for another domain over the same connection" do
      start_with_names({ "relay.example" => ["127.0.0.1"], "other.example" => ["127.0.0.1"] })
      server = tls_server
      send_to(server, results, host: "relay.example")
      one = server.accept
      one.answer(one.receive, 200)
      send_to(server, results, host: "other.example")
      two = server.accept
      expect(server.server_name).to eq("other.example")
      two.answer(two.receive, 200)
      send_to(server, results, host: "relay.example")
      one.answer(one.receive, 200)
      expect(Array.new(3) { results.pop }).to eq([200] * 3)
    end
  end

  it "a connection that was verified less is not reused for more" do
    start_oversip(configuration: tls_configuration, proxies: { default_proxy: { verify_server: true }, lax: { verify_server: false } })
    server = tls_server(Certificates.for_name("127.0.0.1"))
    peers = %i[lax default_proxy].map do |profile|
      client = OverSIP::SIP::Uac.new(profile)
      client.on_success_response { |response| results << response.status_code }
      client.route(options_for("127.0.0.1:#{server.port};transport=tls"))
      server.accept.tap { |peer| peer.answer(peer.receive, 200) }
    end
    expect(Array.new(2) { results.pop }).to eq([200, 200])
    # What was verified is good enough for those who would not have asked.
    client = OverSIP::SIP::Uac.new(:lax)
    client.on_success_response { |response| results << response.status_code }
    peers.first.close
    eventually { OverSIP.stats[:connections] == 1 }
    client.route(options_for("127.0.0.1:#{server.port};transport=tls"))
    peers.last.answer(peers.last.receive, 200)
    expect(results.pop).to eq(200)
  end

  describe "a connection that does not come up" do
    it "is a Connection Error when refused" do
      start
      port = dead_port
      uac(results).route(options_for("127.0.0.1:#{port};transport=tls"))
      expect(results.pop).to eq(connection_error)
      expect(blacklist.keys).to eq(["tls:127.0.0.1:#{port}"])
    end

    it "is a Connection Error when the server aborts the handshake" do
      start
      listener = tcp_server
      send_to(listener, results)
      listener.accept.close
      expect(results.pop).to eq(connection_error)
    end

    it "is a Connection Error when the server is silent for the profile's tls_handshake_timeout" do
      log = capture_log(level: :info) do
        start_oversip(configuration: { core: { syslog_level: "info" }, **tls_configuration(Certificates.for_name("own.example")) },
                      proxies: { default_proxy: { tls_handshake_timeout: 1 } })
        server = tcp_server
        OverSIP::Testing.freeze
        send_to(server, results)
        server.accept.next_bytes
        OverSIP::Testing.advance(1)
        expect(results.pop).to eq(connection_error)
        OverSIP::Dispatcher.call { nil }
      end
      expect(log.map(&:body)).to include(/TLS handshake not completed within 1 s/)
    end

    it "is answered 500 by a proxy, with the reason" do
      callee = tls_server(Certificates.self_signed)
      start(verify_server: true, callback_on_server_tls_handshake: false)
      on_request { |request| OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", callee.port, :tls) }
      caller = udp_peer
      caller.send_text(caller.build(:MESSAGE, "sip:bob@b.example"), oversip_port)
      callee.accept_refused
      expect(caller.receive.first_line).to eq("SIP/2.0 500 TLS Validation Failed")
      caller.send_text(caller.build(:MESSAGE, "sip:bob@b.example"), oversip_port)
      callee.accept_refused
      expect(caller.receive.first_line).to eq("SIP/2.0 500 TLS Validation Failed")
    end

    it "is a Connection Error when the server is silent for 4 s" do
      start
      listener = tcp_server
      OverSIP::Testing.freeze
      2.times { send_to(listener, results) }
      silent = listener.accept
      silent.next_bytes
      OverSIP::Testing.advance(4)
      expect(Array.new(2) { results.pop }).to eq([connection_error] * 2)
      expect(silent).to be_closed_by_peer
      expect(blacklist.keys).to eq(["tls:127.0.0.1:#{listener.port}"])
    end
  end
end
