# frozen_string_literal: true

module OverSIP
  module Testing
    # What a client was answered when it asked for a WebSocket (RFC 6455 4).
    #
    # @!attribute status
    #   @return [Integer] of the HTTP response: 101 is a WebSocket
    # @!attribute headers
    #   @return [Hash{String => String}] of the HTTP response
    Upgrade = Struct.new(:status, :headers) do
      # The request for a WebSocket.
      #
      # @param host [String] the element's address
      # @param headers [Hash{String, Symbol => Object}] over the usual ones; nil leaves one out
      # @return [String]
      # @api private
      def self.request(host, path, headers)
        usual = { "Host" => host, "Upgrade" => "websocket", "Connection" => "Upgrade", "Sec-WebSocket-Version" => "13",
                  "Sec-WebSocket-Key" => "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol" => "sip" }
        MessageText.compose("GET #{path} HTTP/1.1", MessageText.merge(usual, headers))
      end

      # @return [Boolean] whether it has a WebSocket
      def accepted?
        status == 101
      end
    end
  end
end
