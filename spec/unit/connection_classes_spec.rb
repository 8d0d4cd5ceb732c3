# frozen_string_literal: true

require_relative "../support/tls_peer"

# The classes of connections and their data about listeners.
RSpec.describe "The classes of connections" do
  sip = OverSIP::SIP
  websocket = OverSIP::WebSocket

  parents = {
    sip => { UdpConnection: :Connection, TcpConnection: :Connection, TcpServer: :TcpConnection, TlsServer: :TcpServer,
             TcpClient: :TcpConnection, TlsClient: :TcpClient, TlsTunnelConnection: :TcpConnection,
             TlsTunnelServer: :TlsTunnelConnection, IPv4UdpServer: :UdpConnection, IPv6UdpServer: :UdpConnection,
             IPv4TcpServer: :TcpServer, IPv6TcpServer: :TcpServer, IPv4TlsServer: :TlsServer, IPv6TlsServer: :TlsServer,
             IPv4TlsTunnelServer: :TlsTunnelServer, IPv6TlsTunnelServer: :TlsTunnelServer, IPv4TcpClient: :TcpClient,
             IPv6TcpClient: :TcpClient, IPv4TlsClient: :TlsClient, IPv6TlsClient: :TlsClient },
    websocket => { WsServer: :Connection, WssServer: :WsServer, WssTunnelServer: :WsServer, IPv4WsServer: :WsServer,
                   IPv6WsServer: :WsServer, IPv4WssServer: :WssServer, IPv6WssServer: :WssServer,
                   IPv4WssTunnelServer: :WssTunnelServer, IPv6WssTunnelServer: :WssTunnelServer }
  }

  it "have the parents that they had" do
    parents.each do |namespace, classes|
      classes.each { |name, parent| expect(namespace.const_get(name).superclass).to eq(namespace.const_get(parent)) }
    end
  end

  {
    sip::IPv4UdpServer => [:udp, :ipv4, nil, true, "SIP UDP IPv4 server"],
    sip::IPv6TcpServer => [:tcp, :ipv6, true, true, "SIP TCP IPv6 server"],
    sip::IPv4TlsServer => [:tls, :ipv4, true, true, "SIP TLS IPv4 server"],
    sip::IPv6TlsTunnelServer => [:tls, :ipv6, true, true, "SIP TLS-Tunnel IPv6 server"],
    sip::IPv4TcpClient => [:tcp, :ipv4, nil, nil, "SIP TCP IPv4 client"],
    sip::IPv6TlsClient => [:tls, :ipv6, nil, nil, "SIP TLS IPv6 client"],
    websocket::IPv4WsServer => [:ws, :ipv4, true, true, "SIP WS IPv4 server"],
    websocket::IPv6WssServer => [:wss, :ipv6, true, true, "SIP WSS IPv6 server"],
    websocket::IPv4WssTunnelServer => [:wss, :ipv4, true, true, "SIP WSS-Tunnel IPv4 server"]
  }.each do |connection_class, row|
    it "tell transport, family, kind and name: #{connection_class}" do
      expect([connection_class.transport, connection_class.ip_type, connection_class.reliable_transport_listener?,
              connection_class.outbound_listener?, connection_class.log_id]).to eq(row)
    end
  end

  it "lead from clients to their servers" do
    expect([sip::IPv4TcpClient, sip::IPv6TlsClient].map(&:server_class)).to eq([sip::IPv4TcpServer, sip::IPv6TlsServer])
    expect(sip::IPv4TcpServer.server_class).to be_nil
  end

  describe "with listeners", :native do
    # The four texts and the address of a class.
    def texts(connection_class)
      %i[ip port via_core record_route outbound_record_route_fragment outbound_path_fragment]
        .map { |name| connection_class.public_send(name) }
    end

    def expected(transport, host, ip, port)
      ovid = sip_ovid
      uri = "#{host}:#{port};transport=#{transport};lr;ovid=#{ovid}"
      [ip, port, "SIP/2.0/#{transport.upcase} #{host}:#{port}", "<sip:#{uri}>", "@#{uri}>", "@#{uri};ob>"]
    end

    def sip_ovid
      OverSIP::SIP::IPv4UdpServer.record_route[/ovid=(\h{8})>/, 1]
    end

    define_method(:start) do |**settings|
      start_oversip(configuration: tls_configuration(enable_ipv6: true, listen_ipv6: "::1", **settings))
    end

    it "name listening address and port by default" do
      port = start
      expect(texts(sip::IPv4UdpServer)).to eq(expected("udp", "127.0.0.1", "127.0.0.1", port))
      expect(texts(sip::IPv4TcpServer)).to eq(expected("tcp", "127.0.0.1", "127.0.0.1", port))
      expect(texts(sip::IPv6TlsServer)).to eq(expected("tls", "[::1]", "::1", tls_port))
      [sip::IPv4TcpClient, sip::IPv4TlsTunnelServer, websocket::IPv4WsServer].each { |one| expect(texts(one)).to all(be_nil) }
    end

    it "name the advertised address; the host name for TLS; tunnels like TLS" do
      capture_log do
        start(advertised_ipv4: "203.0.113.5", advertised_ipv6: "2001:db8::5", use_tls_tunnel: true,
              record_route_hostname_tls_ipv4: "sip.example.net")
      end
      port = oversip_port
      expect(texts(sip::IPv4UdpServer)).to eq(expected("udp", "203.0.113.5", "127.0.0.1", port))
      expect(texts(sip::IPv6TcpServer)).to eq(expected("tcp", "[2001:db8::5]", "::1", port))
      expect(texts(sip::IPv4TlsServer)).to eq(expected("tls", "sip.example.net", "127.0.0.1", tls_port))
      expect(texts(sip::IPv4TlsTunnelServer)).to eq(texts(sip::IPv4TlsServer))
      expect(texts(sip::IPv6TlsTunnelServer)).to eq(expected("tls", "[2001:db8::5]", "::1", tls_port))
    end

    it "all these hosts are local aliases, and the domains" do
      port = start(advertised_ipv4: "203.0.113.5", record_route_hostname_tls_ipv4: "sip.example.net", local_domains: ["Home.example"])
      hosts = %w[127.0.0.1 [::1] 203.0.113.5 sip.example.net home.example]
      expect(OverSIP::SIP.local_aliases.keys)
        .to match_array(hosts.product([port, tls_port]).map { |host, number| "#{host}:#{number}" } + ["home.example"])
      expect([OverSIP::SIP.local_ipv4, OverSIP::SIP.local_ipv6]).to eq(["127.0.0.1", "::1"])
    end

    it "have no data after the end of the engine" do
      start
      OverSIP.stop(timeout: 0)
      expect(texts(sip::IPv4UdpServer)).to all(be_nil)
      expect([sip::IPv4TcpServer.connections, sip::IPv4UdpServer.connections, OverSIP::SIP.local_aliases]).to eq([{}, nil, {}])
    end

    it "list their live connections" do
      seen = mailbox
      on_request { |request| (seen << request.connection) && request.reply(200) }
      start
      peer = tcp_peer
      peer.send_text(peer.build(:OPTIONS, "sip:a.example"))
      connection = seen.pop
      expect(sip::IPv4TcpServer.connections).to eq({ "127.0.0.1_#{peer.port}" => connection })
      expect(sip::IPv4TlsServer.connections).to eq({})
      expect(sip::IPv4UdpServer.connections).to be_a(sip::IPv4UdpServer)
    end
  end
end
