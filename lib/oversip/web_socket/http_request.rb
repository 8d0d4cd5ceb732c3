# frozen_string_literal: true

module OverSIP
  module WebSocket
    # The HTTP request by which a client asks for a WebSocket. As a Hash it has the raw values of every header: the name has
    # a capital at its beginning and behind each `-` and `_` (`"Cookie"`, `"Sec-Websocket-Key"`, `"X_Foo"`), the value is an
    # Array of Strings in their order.
    class HttpRequest < Hash
      include Logger

      KNOWN_METHODS = %w[GET POST OPTIONS].to_h { |name| [name, name.to_sym] }.freeze
      private_constant :KNOWN_METHODS

      # @return [Connection] the connection that the request came over
      attr_accessor :connection

      # @return [Symbol, String] :GET, :POST or :OPTIONS, any other method as it was sent
      attr_reader :http_method

      # @return [String] as it was sent: `HTTP/1.1`
      attr_reader :http_version

      # @return [String] the whole target
      attr_reader :uri

      # @return [String] the target up to its query, with the slash at its beginning
      attr_reader :uri_path

      # @return [String, nil]
      attr_reader :uri_query, :uri_fragment

      # @return [nil] a target has none
      attr_reader :uri_scheme

      # @return [String, nil] the host of the Host header in lower case, IPv6 in brackets
      attr_reader :host

      # @return [Integer, nil] the port of the Host header
      attr_reader :port

      # @return [Integer, nil]
      attr_reader :content_length

      # @return [Array<String>, nil] in lower case
      attr_reader :hdr_connection

      # @return [String, nil] in lower case
      attr_reader :hdr_upgrade, :hdr_origin

      # @return [Integer, nil]
      attr_reader :hdr_sec_websocket_version

      # @return [String, nil]
      attr_reader :hdr_sec_websocket_key

      # @return [Array<String>, nil]
      attr_reader :hdr_sec_websocket_protocol

      # What the engine has read.
      #
      # @api private
      # @param attributes [Hash{Symbol => Object}]
      # @param headers [Array<Array<String>>] names and values
      def self.receive(connection, attributes, headers)
        new.tap { |request| request.send(:fill, connection, attributes, headers) }
      end

      # @return [Boolean] whether the method is none of those that are Symbols
      def unknown_method?
        !http_method.is_a?(Symbol)
      end

      # Sends an HTTP response; the connection stays open. {Connection#http_reject} closes it.
      #
      # @param status [Integer]
      # @param reason [String, nil] the usual phrase if nil
      # @param extra_headers [Array<String>, Hash{String => String}] whole header lines, or names and values
      # @return [Boolean] false when the connection is gone, or a WebSocket already
      def reply(status, reason = nil, extra_headers = {})
        connection.http_reply(status, reason, extra_headers)
      end

      # @return [String] what the logger calls it
      def log_id
        "HTTP WS Request #{connection.remote_desc}"
      end

      private

      def fill(connection, attributes, headers)
        @connection = connection
        attributes.each { |name, value| instance_variable_set(:"@#{name}", value) }
        @http_method = KNOWN_METHODS.fetch(@http_method, @http_method)
        headers.each { |name, value| (self[name] ||= []) << value }
      end
    end
  end
end
