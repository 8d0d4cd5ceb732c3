# frozen_string_literal: true

module OverSIP
  module WebSocket
    # A connection of a WebSocket client. Its class says which listener it belongs to: {IPv4WsServer}, {IPv6WssServer} and
    # so on.
    class Connection
      # @return [Symbol] `:ws` or `:wss`
      def transport; end

      # @return [String]
      def remote_ip; end

      # @return [Integer]
      def remote_port; end

      # @return [Symbol] `:ipv4` or `:ipv6`
      def remote_ip_type; end

      # @return [String] for logs
      def remote_desc(*); end

      # @return [Hash] the script's own values: they live as long as the connection
      def cvars; end

      # @return [Boolean] true also for a moment after {#close}, while what is queued is written
      def open?; end

      # @return [Boolean] whether it is up, with TLS the handshake done
      def connected; end

      # Closes it once what is due on it has been sent.
      # @return [true]
      def close; end

      # @return [String] names the flow (RFC 5626)
      def outbound_flow_token; end

      # @return [nil] for the sake of connections that this server opens
      def record_route; end

      # @param message [#to_s]
      # @return [Boolean] false when the connection is gone
      def send_sip_msg(message, ip = nil, port = nil); end
    end
  end
end
