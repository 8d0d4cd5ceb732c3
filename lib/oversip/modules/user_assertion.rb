# frozen_string_literal: true

module OverSIP
  module Modules
    # Remembers the authenticated user of a TCP, TLS or WebSocket connection and asserts this identity to trusted peers (RFC
    # 3325).
    #
    # Call {assert_connection} only after the authentication of the user, in a 2xx to a REGISTER for example: the user in
    # From then counts as authenticated on this connection until it ends or {revoke_assertion} is called. The script has to
    # check that the user name of a digest belongs to this From.
    module UserAssertion
      extend Logger

      class << self
        # Takes the From URI for the user of the connection.
        #
        # @param message [SIP::Request, SIP::Response] of a response its request counts
        # @return [String, false] the URI that is asserted, the first one on this connection; false over UDP, over a
        #   connection that this server opened, for a request of a Uac, and where the client prefers another identity
        # @raise [OverSIP::RuntimeError] it is no message
        def assert_connection(message)
          request = request_of(message)
          return false unless request.is_a?(SIP::Request) && request.connection&.reliable_transport_listener?
          return request.cvars[:asserted_user] if request.cvars[:asserted_user]
          return false if request.has_header?("P-Preferred-Identity")

          request.cvars[:asserted_user] = request.from.uri
        end

        # Forgets the user of the connection.
        #
        # @param message [SIP::Request, SIP::Response]
        # @return [true]
        # @raise [OverSIP::RuntimeError] it is no message
        def revoke_assertion(message)
          request = request_of(message)
          request.cvars.delete(:asserted_user) if request.is_a?(SIP::Request)
          true
        end

        # Adds P-Asserted-Identity when the From of the request is the user of its connection. Always removes the client's
        # own value.
        #
        # @param request [SIP::Request]
        # @return [Boolean, nil] whether it was added; nil where the client prefers another identity
        # @raise [OverSIP::RuntimeError] it is no Request
        def add_pai(request)
          raise OverSIP::RuntimeError, "request must be a OverSIP::SIP::Request" unless request.is_a?(SIP::Request)

          user = request.from.uri
          is_asserted = request.cvars[:asserted_user] == user
          if is_asserted && !request.has_header?("P-Preferred-Identity")
            request.set_header("P-Asserted-Identity", "<#{user}>")
            return true
          end
          request.delete_header("P-Asserted-Identity")
          is_asserted ? nil : false
        end

        private

        def request_of(message)
          case message
          when SIP::Request then message
          when SIP::Response then message.request
          else raise OverSIP::RuntimeError, "message must be a OverSIP::SIP::Request or OverSIP::SIP::Response"
          end
        end
      end
    end
  end
end
