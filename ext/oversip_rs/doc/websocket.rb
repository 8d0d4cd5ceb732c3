# frozen_string_literal: true

# Documentation of the classes that are written in Rust, for YARD. Never loaded.
module OverSIP
  module WebSocket
    # The connection of a WebSocket client. It has one object as long as it lives; its class tells transport and family:
    # IPv4WsServer, IPv6WsServer, IPv4WssServer, IPv6WssServer.
    class Connection
      # @return [Symbol] :ws or :wss
      def transport; end

      # @return [Hash] for the script; the `cvars` of every request of the connection
      def cvars; end

      # @return [Boolean] whether it has not been closed
      def open?; end

      # @return [Boolean] whether it is up, with TLS the handshake done
      def connected; end

      # @return [nil] only connections that this server opens have a Record-Route value of their own
      def record_route; end

      # @param message [#to_s]
      # @return [Boolean] false when the connection is gone, or no WebSocket yet
      def send_sip_msg(message, ip = nil, port = nil); end

      # @return [String] the client's address
      def remote_ip; end

      # @return [Integer] the client's port
      def remote_port; end

      # @return [Symbol] :ipv4 or :ipv6
      def remote_ip_type; end

      # @return [String] `IP:PORT`, `[IP]:PORT` for IPv6
      def remote_desc(_force = false); end

      # @return [String] names this connection in Record-Route and Path (RFC 5626); of no use before the client has its
      #   WebSocket
      def outbound_flow_token; end

      # @return [true, nil] true
      def outbound_listener?; end

      # @return [true, nil] true
      def reliable_transport_listener?; end

      # Closes after what was sent before. A client without its WebSocket yet hears nothing, whatever the arguments.
      #
      # @param status [Integer, nil] for the close frame: 1000 to 1003, 1007 to 1013, 3000 to 4999
      # @param reason [String, nil] cut to 123 bytes; only with a status
      # @raise [ArgumentError] a status that no close frame may have
      # @return [Boolean]
      def close(status = nil, reason = nil); end

      # Answers the request for a WebSocket with an HTTP response and closes: for {WebSocketEvents.on_connection}.
      #
      # @param status [Integer] 100 to 999
      # @param reason [String, nil] the usual phrase if nil
      # @param extra_headers [Array<String>, Hash{String => String}, nil] whole header lines, or names and values
      # @return [Boolean] false when the connection is gone, or a WebSocket already
      def http_reject(status = 403, reason = nil, extra_headers = nil); end

      # The same without closing: see {HttpRequest#reply}.
      #
      # @api private
      def http_reply(status, reason, extra_headers); end
    end
  end
end
