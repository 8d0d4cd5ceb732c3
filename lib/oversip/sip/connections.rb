# frozen_string_literal: true

module OverSIP
  # The methods in Ruby that SIP and WebSocket connections share.
  #
  # @api private
  module ConnectionMethods
    include Logger

    # @return [String] who speaks in the log
    def log_id
      self.class.log_id
    end

    # Names that scripts know from EventMachine.

    # @return [Boolean]
    def send_data(data)
      send_sip_msg(data)
    end

    # @return [Boolean] false for UDP
    def close_connection(_after_writing = false) # rubocop:disable Style/OptionalBooleanParameter -- EventMachine's
      close
    end

    # @return [Boolean] false for UDP
    def close_connection_after_writing
      close
    end

    # @return [Boolean]
    def error?
      !open?
    end

    # @return [String, nil] a packed socket address
    def get_peername # rubocop:disable Naming/AccessorMethodName -- EventMachine's
      remote_ip && Addrinfo.tcp(remote_ip, remote_port).to_sockaddr
    end
  end

  # The data of the classes of connections about their listeners.
  #
  # @api private
  module ConnectionClass
    # @return [Symbol] `:ipv4` or `:ipv6`
    attr_accessor :ip_type

    # @return [Symbol] `:udp`, `:tcp`, `:tls`, `:ws` or `:wss`
    attr_accessor :transport

    # @return [String, Integer, nil] where the listener listens; nil without one
    attr_accessor :ip, :port

    # @return [String, nil] `SIP/2.0/UDP host:port`, with which our Via values begin
    attr_accessor :via_core

    # @return [String, nil] our value in Record-Route and Path
    attr_accessor :record_route

    # @return [String, nil] what follows a flow token in our values in Record-Route and Path
    attr_accessor :outbound_record_route_fragment, :outbound_path_fragment

    attr_writer :connections

    # @return [Class] for a class of clients, that of the accepted connections
    attr_reader :server_class

    # @return [String] who speaks in the log
    attr_reader :log_id

    # @return [Hash{String => Object}, Object, nil] the live connections by `ip_port`; for UDP that of the socket, if any
    def connections
      return @connections if @connections
      return Engine.running? ? Engine.udp_connection(ip_type) : nil if transport == :udp
      return {} unless Engine.running?

      Engine.connections(transport, ip_type).to_h { |live| ["#{live.remote_ip}_#{live.remote_port}", live] }
    end

    # @return [true, nil] whether it is a listener of a reliable transport
    def reliable_transport_listener?
      true if @listener && transport != :udp
    end

    # @return [true, nil] whether peers can be reached over the flows that they open (RFC 5626)
    def outbound_listener?
      true if @listener
    end

    # @api private
    def describe(transport, ip_type, name, server_class: nil)
      @transport = transport
      @ip_type = ip_type
      @listener = server_class.nil?
      @server_class = server_class
      @log_id = "SIP #{name} #{ip_type == :ipv4 ? "IPv4" : "IPv6"} #{@listener ? "server" : "client"}"
    end

    # @api private
    # @param listener [Hash, nil] what the engine says of an open listener
    def listener=(listener)
      %i[ip port via_core record_route outbound_record_route_fragment outbound_path_fragment].each do |name|
        instance_variable_set(:"@#{name}", listener && listener[name])
      end
    end
  end

  # The connections of the SIP listeners, and those opened by this server. `request.connection` is one.
  module SIP
    class Connection
      include ConnectionMethods
      extend ConnectionClass
    end

    # The socket of a UDP listener.
    class UdpConnection < Connection; end

    # A connection over TCP or TLS.
    class TcpConnection < Connection; end

    # A connection over TCP or TLS that a peer has opened.
    class TcpServer < TcpConnection; end

    # A connection over TLS that a peer has opened.
    class TlsServer < TcpServer; end

    # A connection over TCP or TLS that this server has opened.
    class TcpClient < TcpConnection; end

    # A connection over TLS that this server has opened.
    class TlsClient < TcpClient; end

    # A connection through a TLS proxy on this machine.
    class TlsTunnelConnection < TcpConnection; end

    # Such a connection that a peer has opened.
    class TlsTunnelServer < TlsTunnelConnection; end

    # The UDP socket of the IPv4 listener.
    class IPv4UdpServer < UdpConnection; end

    # The UDP socket of the IPv6 listener.
    class IPv6UdpServer < UdpConnection; end

    # A TCP connection over IPv4 that a peer has opened.
    class IPv4TcpServer < TcpServer; end

    # A TCP connection over IPv6 that a peer has opened.
    class IPv6TcpServer < TcpServer; end

    # A TLS connection over IPv4 that a peer has opened.
    class IPv4TlsServer < TlsServer; end

    # A TLS connection over IPv6 that a peer has opened.
    class IPv6TlsServer < TlsServer; end

    # A connection over IPv4 that a peer has opened through a TLS proxy.
    class IPv4TlsTunnelServer < TlsTunnelServer; end

    # A connection over IPv6 that a peer has opened through a TLS proxy.
    class IPv6TlsTunnelServer < TlsTunnelServer; end

    # A TCP connection over IPv4 that this server has opened.
    class IPv4TcpClient < TcpClient; end

    # A TCP connection over IPv6 that this server has opened.
    class IPv6TcpClient < TcpClient; end

    # A TLS connection over IPv4 that this server has opened.
    class IPv4TlsClient < TlsClient; end

    # A TLS connection over IPv6 that this server has opened.
    class IPv6TlsClient < TlsClient; end
  end

  # The connections of the WebSocket listeners.
  module WebSocket
    class Connection
      include ConnectionMethods
      extend ConnectionClass
    end

    # A WebSocket connection that a peer has opened, with TLS or without.
    class WsServer < Connection; end

    # A WebSocket connection over TLS that a peer has opened.
    class WssServer < WsServer; end

    # A WebSocket connection through a TLS proxy.
    class WssTunnelServer < WsServer; end

    # A WebSocket connection over IPv4 that a peer has opened.
    class IPv4WsServer < WsServer; end

    # A WebSocket connection over IPv6 that a peer has opened.
    class IPv6WsServer < WsServer; end

    # A WebSocket connection over TLS and IPv4 that a peer has opened.
    class IPv4WssServer < WssServer; end

    # A WebSocket connection over TLS and IPv6 that a peer has opened.
    class IPv6WssServer < WssServer; end

    # A WebSocket connection over IPv4 that a peer has opened through a TLS proxy.
    class IPv4WssTunnelServer < WssTunnelServer; end

    # A WebSocket connection over IPv6 that a peer has opened through a TLS proxy.
    class IPv6WssTunnelServer < WssTunnelServer; end
  end

  # Gives the classes of connections their listeners.
  #
  # @api private
  module ConnectionClasses
    # Transport, its name in logs, and whether there are clients of it.
    SIP_CLASSES = { "Udp" => [:udp, "UDP"], "Tcp" => [:tcp, "TCP"], "Tls" => [:tls, "TLS"],
                    "TlsTunnel" => [:tls, "TLS-Tunnel"] }.freeze
    WEBSOCKET_CLASSES = { "Ws" => [:ws, "WS"], "Wss" => [:wss, "WSS"], "WssTunnel" => [:wss, "WSS-Tunnel"] }.freeze
    CLIENTS = %w[Tcp Tls].freeze
    FAMILIES = { "IPv4" => :ipv4, "IPv6" => :ipv6 }.freeze

    class << self
      # @return [Array<Class>] the classes of listeners
      attr_reader :listeners

      def describe
        @listeners = FAMILIES.flat_map do |prefix, ip_type|
          servers(SIP, SIP_CLASSES, prefix, ip_type) + servers(WebSocket, WEBSOCKET_CLASSES, prefix, ip_type)
        end
        FAMILIES.to_a.product(CLIENTS) do |(prefix, ip_type), name|
          transport, label = SIP_CLASSES.fetch(name)
          server = SIP.const_get("#{prefix}#{name}Server")
          SIP.const_get("#{prefix}#{name}Client").describe(transport, ip_type, label, server_class: server)
        end
      end

      # @param bound [Array<Hash>] the open listeners; none when the engine has ended
      # @param tunnels [Hash{Symbol => Boolean}] whether `:tls` and `:wss` are configured as tunnels
      def note(bound, tunnels = {})
        listeners.each do |server|
          listener = bound.find { |entry| entry[:transport] == server.transport && entry[:family] == server.ip_type }
          server.listener = (listener unless server.name.include?("Tunnel") && !tunnels[server.transport])
        end
      end

      private

      def servers(namespace, classes, prefix, ip_type)
        classes.map do |name, (transport, label)|
          namespace.const_get("#{prefix}#{name}Server").tap { |server| server.describe(transport, ip_type, label) }
        end
      end
    end

    describe
  end
end
