# frozen_string_literal: true

module OverSIP
  module SIP
    # A connection to a peer; for UDP the socket that a request came by. `message.connection` is one. Its class says which
    # listener or client it belongs to: {IPv4TcpServer}, {IPv6TlsClient} and so on.
    class Connection
      # @return [Symbol] `:udp`, `:tcp`, `:tls`, `:ws` or `:wss`
      def transport; end

      # @return [String, nil] nil for UDP, as for the three that follow
      def remote_ip; end

      # @return [Integer, nil]
      def remote_port; end

      # @return [Symbol, nil] `:ipv4` or `:ipv6`
      def remote_ip_type; end

      # @return [String, nil] for logs
      def remote_desc(*); end

      # @return [Hash] the script's own values: they live as long as the connection, for UDP as long as the request
      def cvars; end

      # @return [Boolean] true also for a moment after {#close}, while what is queued is written
      def open?; end

      # @return [Boolean] whether it is up, with TLS the handshake done
      def connected; end

      # Closes it once what is due on it has been sent.
      # @return [Boolean] false for UDP, whose socket serves everybody
      def close; end

      # @return [String, nil] names the flow (RFC 5626); nil for UDP and when this server opened the connection
      def outbound_flow_token; end

      # @return [String, nil] our value in Record-Route for requests that came over it; nil unless this server opened it
      def record_route; end

      # @return [true, nil] whether the client has opened it, or it is a UDP socket: only such a flow can be kept (RFC 5626)
      def outbound_listener?; end

      # @return [true, nil] the same, but nil for UDP
      def reliable_transport_listener?; end

      # @param message [#to_s]
      # @param ip [String, nil] where UDP sends to
      # @param port [Integer, nil]
      # @return [Boolean] false when the connection is gone
      def send_sip_msg(message, ip = nil, port = nil); end
    end
  end
end
