# frozen_string_literal: true

module OverSIP
  # What scripts and modules read of the SIP side of the server.
  module SIP
    class << self
      # @return [Hash{String => true}] the hosts, with port where it matters, that mean this server; empty without one
      def local_aliases
        Engine.running? ? Engine.local_aliases.to_h { |text| [text, true] } : {}
      end

      # @return [String, nil] the address of the IPv4 listeners
      def local_ipv4
        setting(:listen_ipv4)
      end

      # @return [String, nil] the address of the IPv6 listeners
      def local_ipv6
        setting(:listen_ipv6)
      end

      # @return [Integer, nil] seconds between keep-alive probes of TCP
      def tcp_keepalive_interval
        setting(:tcp_keepalive_interval)
      end

      # @return [Boolean, nil] whether on_client_tls_handshake runs
      def callback_on_client_tls_handshake
        setting(:callback_on_client_tls_handshake)
      end

      private

      def setting(name)
        OverSIP.configuration&.dig(:sip, name)
      end
    end
  end
end
