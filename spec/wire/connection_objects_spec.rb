# frozen_string_literal: true

require_relative "../support/tls_peer"

# Connections as scripts see them.
RSpec.describe "A connection", :native do
  let(:seen) { mailbox }

  # The connection object of a request from this peer.
  def connection_of(peer, &)
    on_request { |request| (seen << request.connection) && request.reply(200) }
    start_oversip(configuration: tls_configuration) unless OverSIP.running?
    peer = instance_exec(&peer) if peer.is_a?(Proc)
    peer.send_text(peer.build(:OPTIONS, "sip:a.example"), oversip_port)
    peer.receive_final
    [seen.pop, peer]
  end

  { "TCP" => [-> { tcp_peer }, :tcp, "IPv4TcpServer"], "TLS" => [-> { tls_peer }, :tls, "IPv4TlsServer"] }
    .each do |name, (dial, transport, class_name)|
    it "of #{name} knows its peer, its flow and the script's data" do
      connection, peer = connection_of(dial)
      expect(connection.class).to eq(OverSIP::SIP.const_get(class_name))
      expect([connection.transport, connection.remote_ip, connection.remote_port, connection.remote_ip_type,
              connection.remote_desc, connection.remote_desc(true), connection.open?, connection.error?])
        .to eq([transport, "127.0.0.1", peer.port, :ipv4, "127.0.0.1:#{peer.port}", "127.0.0.1:#{peer.port}", true, false])
      expect(connection.outbound_flow_token).to match(/\A\h{10}\z/)
      expect(Addrinfo.new(connection.get_peername).inspect_sockaddr).to eq("127.0.0.1:#{peer.port}")
      connection.cvars[:mine] = 1
      again, = connection_of(peer)
      expect(again).to equal(connection)
      expect(again.cvars).to eq({ mine: 1 })
    end

    it "of #{name} sends, closes after the data sent before, and is not open then" do
      connection, peer = connection_of(dial)
      text = peer.build(:MESSAGE, "sip:b.example")
      expect(connection.send_sip_msg(text, "192.0.2.1", 9)).to be(true)
      expect(connection.close).to be(true)
      expect(peer.receive.first_line).to eq("MESSAGE sip:b.example SIP/2.0")
      expect(peer).to be_closed_by_peer
      eventually { !connection.open? }
      expect(connection.send_sip_msg(text)).to be(false)
      expect(connection.error?).to be(true)
    end
  end

  it "of UDP has no peer, no flow of its own and cannot be closed" do
    connection, peer = connection_of(-> { udp_peer })
    expect(connection).to be_a(OverSIP::SIP::IPv4UdpServer)
    expect([connection.remote_ip, connection.remote_port, connection.remote_ip_type, connection.remote_desc,
            connection.outbound_flow_token, connection.get_peername]).to all(be_nil)
    expect([connection.close, connection.close_connection, connection.open?]).to eq([false, false, true])
    connection_of(peer)
    expect(connection.send_sip_msg(peer.build(:MESSAGE, "sip:b.example"), "127.0.0.1", peer.port)).to be(true)
    expect(peer.receive.first_line).to eq("MESSAGE sip:b.example SIP/2.0")
    expect { connection.send_sip_msg("text") }.to raise_error(ArgumentError, /UDP needs an IP address and a port/)
  end

  it "of UDP shares its cvars with no other request" do
    first, peer = connection_of(-> { udp_peer })
    first.cvars[:secret] = 1
    second, = connection_of(peer)
    expect(second.cvars).to eq({})
  end

  it "logs under the name of its class" do
    connection, = connection_of(-> { tcp_peer })
    log = capture_log { connection.log_info "hello" }
    expect(log.map { |record| [record.log_id, record.body] }).to include(["SIP TCP IPv4 server", "hello"])
  end

  it "that we opened has no flow token but a Record-Route value of its own" do
    listener = tcp_server
    on_request { |request| (seen << request.connection) && request.reply(200) }
    start_oversip
    OverSIP::SIP::Uac.new.route OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS,
                                                               ruri: "sip:127.0.0.1:#{listener.port};transport=tcp" })
    peer = listener.accept
    peer.receive
    peer.send_text(peer.build(:OPTIONS, "sip:a.example"))
    expect(peer.receive.status).to eq(200)
    connection = seen.pop
    expect([connection.class, connection.connected, connection.outbound_flow_token])
      .to eq([OverSIP::SIP::IPv4TcpClient, true, nil])
    local = peer.socket.remote_address.ip_port
    expect(connection.record_route).to match(/\A<sip:127\.0\.0\.1:#{local};transport=tcp;lr;ovid=\h{8}>\z/)
    peer.close
    eventually { !connection.open? }
    expect(connection.connected).to be(false)
  end

  it "closes with request.close_connection, which is false for UDP" do
    on_request { |request| seen << request.close_connection }
    start_oversip
    udp = udp_peer
    udp.send_text(udp.build(:OPTIONS, "sip:a.example"), oversip_port)
    expect(seen.pop).to be(false)
    tcp = tcp_peer
    tcp.send_text(tcp.build(:OPTIONS, "sip:a.example"))
    expect(seen.pop).to be(true)
    expect(tcp).to be_closed_by_peer
  end
end
