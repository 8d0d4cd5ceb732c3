# frozen_string_literal: true

module OverSIP
  # Life cycle events. A script redefines the methods that it wants: `def (OverSIP::SystemEvents).on_started; …; end`.
  module SystemEvents
    extend Logger

    class << self
      # Runs once, when the listeners are open and before any request is served.
      def on_initialize; end

      # Runs once, after on_initialize and after the callbacks of {SystemCallbacks.on_started}.
      def on_started; end

      # Runs at each USR1 signal.
      def on_user_reload; end

      # Runs when the server ends.
      # @param error [Boolean] whether it ends because of an error
      def on_terminated(error); end
    end
  end

  # SIP events. A script redefines the methods that it wants.
  module SipEvents
    extend Logger

    class << self
      # Runs for each new request: not for retransmissions, CANCELs, loops, nor ACKs that belong to a transaction.
      # @param request [SIP::Request]
      def on_request(request); end

      # Runs when a client has connected by TLS, before any of its messages.
      # @param connection [Object]
      # @param pems [Array<String>] the certificates that the client has shown
      def on_client_tls_handshake(connection, pems); end

      # Runs after a TLS handshake with a server, before a request is sent to it.
      # @param connection [Object]
      # @param pems [Array<String>] the certificates that the server has shown
      def on_server_tls_handshake(connection, pems); end
    end
  end

  # WebSocket events. A script redefines the methods that it wants.
  module WebSocketEvents
    extend Logger

    class << self
      # Runs for each request for a WebSocket that is in order, before the client gets it. Whoever is let in by cookies or
      # address has to look at `http_request.hdr_origin`: see docs/events.md.
      # @param connection [WebSocket::Connection]
      # @param http_request [WebSocket::HttpRequest]
      def on_connection(connection, http_request); end

      # Runs once after the end of a WebSocket connection, but not at the end of the server.
      # @param connection [WebSocket::Connection]
      # @param client_closed [Boolean] whether the client closed it
      def on_disconnection(connection, client_closed); end

      # Runs when a client has connected by TLS, before its upgrade request.
      # @param connection [WebSocket::Connection]
      # @param pems [Array<String>] the certificates that the client has shown, its own last; none unless
      #   `websocket[:ask_client_certificate]` is set
      def on_client_tls_handshake(connection, pems); end
    end
  end
end

# Scripts redefine these methods, as they are told to. A method that has an alias is redefined without a warning.
[OverSIP::SystemEvents, OverSIP::SipEvents, OverSIP::WebSocketEvents].each do |events|
  events.singleton_class.class_eval { instance_methods(false).each { |name| alias_method name, name } }
end
