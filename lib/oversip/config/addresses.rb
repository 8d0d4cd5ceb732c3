# frozen_string_literal: true

require "socket"

module OverSIP
  module Config
    # The listening address of a server without a configured one.
    #
    # @api private
    module Addresses
      LOOPBACK = { ipv4: "127.0.0.1", ipv6: "::1" }.freeze

      # Addresses in no private range: asking the kernel for a route towards them names the address that faces the
      # network. No packet is sent.
      PROBES = { ipv4: ["1.2.3.4", Socket::AF_INET], ipv6: ["2001::1", Socket::AF_INET6] }.freeze

      class << self
        # @param family [Symbol] :ipv4 or :ipv6
        # @param scope [Symbol] :loopback for a script without a configuration folder, :network for a server
        # @return [String, nil] nil when the family is not usable here
        def default(family, scope)
          address = scope == :loopback ? LOOPBACK.fetch(family) : discover(family)
          address if address && bindable?(family, address)
        end

        private

        def discover(family)
          ip, domain = PROBES.fetch(family)
          socket = UDPSocket.new(domain)
          socket.connect(ip, 1)
          socket.local_address.ip_address
        rescue SystemCallError
          nil
        ensure
          socket&.close
        end

        def bindable?(family, address)
          socket = UDPSocket.new(PROBES.fetch(family).last)
          socket.bind(address, 0)
          true
        rescue SystemCallError, SocketError
          false
        ensure
          socket&.close
        end
      end
    end
  end
end
