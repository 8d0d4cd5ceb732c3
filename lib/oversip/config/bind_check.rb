# frozen_string_literal: true

require "socket"
require "oversip/listeners"

module OverSIP
  module Config
    # Tries each address and port of the configuration before the start, so that the error names the parameters.
    #
    # @api private
    class BindCheck
      # One socket to be opened.
      Listener = Struct.new(:protocol, :ip, :port) do
        def to_s
          "#{protocol.to_s.upcase} IP '#{ip}' and port #{port}"
        end
      end

      # @param configuration [Hash] as {Derivation} leaves it
      def initialize(configuration)
        @origins = Hash.new { |origins, listener| origins[listener] = [] }
        (Listeners.named(configuration) + Listeners.named_tunnels(configuration)).each do |(transport, ip, port), origin|
          @origins[Listener.new(transport == :udp ? :udp : :tcp, ip, port)] << origin
        end
        Listeners.metrics(configuration).each { |ip, port| @origins[Listener.new(:tcp, ip, port)] << "metrics[listen]" }
      end

      # @param ports [Boolean] false: only whether the addresses are there, for a configuration whose server may be running
      # @raise [ConfigurationError] the first listener that cannot be opened
      def run(ports: true)
        refuse_clashes
        @origins.each_key { |listener| try(listener, ports ? listener.port : 0) }
      end

      # @raise [ConfigurationError] two parameters ask for one port
      def refuse_clashes
        clash, origins = @origins.find { |listener, asking| asking.size > 1 && listener.port != 0 }
        return unless clash

        asking = [origins[..-2].join(", "), origins.last].join(" and ")
        raise ConfigurationError, "configuration error: #{clash} already in use: #{asking} ask for it"
      end

      private

      def try(listener, port)
        address = Addrinfo.public_send(listener.protocol, listener.ip, port)
        socket = Socket.new(address.pfamily, address.socktype)
        socket.setsockopt(:IPV6, :V6ONLY, true) if address.ipv6?
        # A port whose last connections have just ended is free for a listener.
        socket.setsockopt(:SOCKET, :REUSEADDR, true) if listener.protocol == :tcp
        socket.bind(address)
        socket.listen(1) if listener.protocol == :tcp
      rescue SystemCallError => e
        raise ConfigurationError, reason(e, listener)
      ensure
        socket&.close
      end

      def reason(error, listener)
        case error
        when Errno::EADDRNOTAVAIL
          "configuration error: cannot bind in #{listener.protocol.to_s.upcase} IP '#{listener.ip}', address not available"
        when Errno::EADDRINUSE then "configuration error: #{listener} already in use"
        when Errno::EACCES then "configuration error: no permission to bind in #{listener}"
        else "error binding in #{listener} (#{error.class}: #{error.message})"
        end
      end
    end
  end
end
