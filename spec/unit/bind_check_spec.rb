# frozen_string_literal: true

require "socket"

RSpec.describe OverSIP::Config::BindCheck do
  let(:configuration) do
    OverSIP::Config.build(given: { sip: { listen_port: free, enable_ipv6: false }, websocket: { listen_ipv4: "127.0.0.1" } })
  end

  let(:free) { Addrinfo.tcp("127.0.0.1", 0).bind { |socket| socket.local_address.ip_port } }

  def message(**options)
    described_class.new(configuration).run(**options)
    nil
  rescue OverSIP::ConfigurationError => e
    e.message
  end

  def occupied(protocol)
    Addrinfo.public_send(protocol, "127.0.0.1", 0).bind do |socket|
      socket.listen(1) if protocol == :tcp
      configuration[:sip][:listen_port] = port = socket.local_address.ip_port
      yield port
    end
  end

  it "accepts free addresses and ports" do
    expect(message).to be_nil
  end

  it "names a UDP and a TCP port that are taken" do
    occupied(:udp) { |port| expect(message).to eq("configuration error: UDP IP '127.0.0.1' and port #{port} already in use") }
    configuration[:sip][:sip_udp] = false
    occupied(:tcp) { |port| expect(message).to eq("configuration error: TCP IP '127.0.0.1' and port #{port} already in use") }
  end

  it "looks at the places of metrics too" do
    occupied(:tcp) do |port|
      configuration[:sip][:listen_port] = free
      configuration[:metrics][:listen] = [":#{port}"]
      expect(message).to eq("configuration error: TCP IP '127.0.0.1' and port #{port} already in use")
    end
    configuration[:sip][:listen_port] = free
    configuration[:metrics][:listen] = ["127.0.0.1:#{configuration[:sip][:listen_port]}"]
    expect(message).to match(/already in use: sip\[listen_port\] and metrics\[listen\] ask for it/)
  end

  it "names an address that the machine has not" do
    configuration[:sip][:listen_ipv4] = "192.0.2.1"
    expect(message).to eq("configuration error: cannot bind in UDP IP '192.0.2.1', address not available")
  end

  it "names a port that only root may have" do
    configuration
    allow(Socket).to receive(:new).and_return(socket = instance_double(Socket, close: nil, setsockopt: nil))
    allow(socket).to receive(:bind).and_raise(Errno::EACCES)
    expect(message).to eq("configuration error: no permission to bind in UDP IP '127.0.0.1' and port #{free}")
    allow(socket).to receive(:bind).and_raise(Errno::ENOBUFS, "later")
    expect(message).to start_with("error binding in UDP IP '127.0.0.1' and port #{free} (Errno::ENOBUFS: ")
  end

  it "finds two of its own listeners on one port" do
    configuration[:websocket].merge!(sip_ws: true, listen_ipv4: "127.0.0.1", listen_port: free)
    expect(message).to eq("configuration error: TCP IP '127.0.0.1' and port #{free} already in use: " \
                          "sip[listen_port] and websocket[listen_port] ask for it")
  end

  it "tries the TLS port of a WebSocket section, whatever the sip section says of tunnels" do
    configuration[:sip][:use_tls_tunnel] = true
    Addrinfo.tcp("127.0.0.1", 0).bind do |socket|
      socket.listen(1)
      taken = socket.local_address.ip_port
      configuration[:websocket].merge!(sip_wss: true, listen_ipv4: "127.0.0.1", listen_port_tls: taken)
      expect(message).to eq("configuration error: TCP IP '127.0.0.1' and port #{taken} already in use")
    end
  end

  it "tries a tunnel's port, and finds it beside its own listeners" do
    taken = free
    configuration[:sip].merge!(sip_tls: true, listen_port_tls: taken, listen_port_tls_tunnel: taken)
    expect(message).to eq("configuration error: TCP IP '127.0.0.1' and port #{taken} already in use: " \
                          "sip[listen_port], sip[listen_port_tls] and sip[listen_port_tls_tunnel] ask for it")
  end

  it "can leave the ports of a server that runs out of it" do
    occupied(:udp) { expect(message(ports: false)).to be_nil }
    configuration[:sip][:listen_ipv4] = "192.0.2.1"
    expect(message(ports: false)).to include("address not available")
  end
end
