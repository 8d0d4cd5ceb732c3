# frozen_string_literal: true

module OverSIP
  # The sockets that the configuration requires, and their state.
  #
  # @api private
  module Listeners
    # Transport, section, the parameter that wants it, the parameter of its port.
    ALL = [
      %i[udp sip sip_udp listen_port],
      %i[tcp sip sip_tcp listen_port],
      %i[tls sip sip_tls listen_port_tls],
      %i[ws websocket sip_ws listen_port],
      %i[wss websocket sip_wss listen_port_tls]
    ].freeze

    # For proxies on this host that decrypt: transport, section, the parameter that wants the transport.
    TUNNELS = [%i[tls sip sip_tls], %i[wss websocket sip_wss]].freeze

    LOOPBACK = { listen_ipv4: "127.0.0.1", listen_ipv6: "::1" }.freeze

    class << self
      # @return [Array<Array>] transport, address and port of each
      def wanted(configuration)
        named(configuration).map { |listener, _| listener }
      end

      # @return [Array<Array>] the same for {TUNNELS}
      def tunnels(configuration)
        named_tunnels(configuration).map { |listener, _| listener }
      end

      # @return [Array<Array>] each of {wanted} with the parameter that gives its port, as `sip[listen_port]`
      def named(configuration)
        ALL.flat_map do |transport, section, parameter, port|
          values = configuration.fetch(section)
          next [] unless values[parameter]

          addresses = values.values_at(:listen_ipv4, :listen_ipv6).compact
          addresses.map { |address| [[transport, address, values[port]], "#{section}[#{port}]"] }
        end
      end

      # @return [Array<Array>] the same for {tunnels}
      def named_tunnels(configuration)
        TUNNELS.flat_map do |transport, section, parameter|
          values = configuration.fetch(section)
          port = values[:listen_port_tls_tunnel]
          next [] unless values[parameter] && port

          addresses = LOOPBACK.filter_map { |family, address| address if values[family] }
          addresses.map { |address| [[transport, address, port], "#{section}[listen_port_tls_tunnel]"] }
        end
      end

      # @return [Array<Array>] address and port of each place where metrics are shown
      def metrics(configuration)
        Array(configuration.dig(:metrics, :listen)).map { |entry| Config::HttpAddress.parse(entry) }
      end

      # @return [Array<Symbol>] the transports that take any port, which only {note} knows
      def unnamed(configuration)
        wanted(configuration).filter_map { |transport, _, port| transport if port.zero? }
      end

      # @param listener [Hash] what the engine says of it
      # @return [String]
      def text(listener)
        address = listener[:ip].include?(":") ? "[#{listener[:ip]}]" : listener[:ip]
        "listening on #{listener[:transport]} #{address}:#{listener[:port]}"
      end

      # Enters the ports that the system chose, and tells the classes of connections.
      #
      # @param bound [Array<Hash>] what the engine says of its listeners
      def note(configuration, bound)
        ALL.each do |transport, section, _, port|
          listener = bound.find { |entry| entry[:transport] == transport }
          configuration.fetch(section)[port] = listener[:port] if listener
        end
        sip, websocket = configuration.values_at(:sip, :websocket)
        ConnectionClasses.note(bound, tls: sip[:use_tls_tunnel], wss: websocket[:use_tls_tunnel])
      end
    end
  end
end
