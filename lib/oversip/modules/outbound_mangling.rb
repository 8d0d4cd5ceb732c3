# frozen_string_literal: true

module OverSIP
  module Modules
    # Outbound (RFC 5626) for registrars that do not know it: the flow of the client travels in a parameter of the Contact
    # that it registers, and comes back in the Request-URI of requests to it.
    #
    # @example A REGISTER on its way to the registrar, and a request on its way back
    #   OverSIP::M::OutboundMangling.add_outbound_to_contact(proxy)
    #   OverSIP::M::OutboundMangling.extract_outbound_from_ruri(request)
    #
    # Flow tokens are signed: `route` sends no request with a forged token.
    module OutboundMangling
      extend Logger

      # The parameter that carries the flow token.
      PARAM = "ov-ob"

      # The parameter in the Contact of a response.
      IN_CONTACT = /;ov-ob=[-_0-9A-Za-z]+/n
      private_constant :IN_CONTACT

      class << self
        # Puts the flow token of the request's connection into its Contact when the Proxy sends it, and takes it out of the
        # Contacts of a 2xx again. A request without Contact, or by a connection that this server opened, stays as it is.
        #
        # @param proxy [SIP::Proxy] to be called before {SIP::Proxy#route}
        # @raise [OverSIP::RuntimeError] it is no Proxy
        # @return [void]
        def add_outbound_to_contact(proxy)
          raise OverSIP::RuntimeError, "proxy must be a OverSIP::SIP::Proxy instance" unless proxy.is_a?(SIP::Proxy)

          proxy.on_target do
            contact = proxy.request.contact
            token = proxy.request.connection_outbound_flow_token
            # A second target finds the parameter there.
            next unless contact && token && !contact.has_param?(PARAM)

            contact.set_param(PARAM, token)
            proxy.on_success_response { |response| remove_from_contacts(response) }
          end
          nil
        end

        # Takes the flow token out of the Request-URI and makes the Proxy send the request over that flow.
        #
        # @param request [SIP::Request]
        # @return [Boolean] whether the request goes over a flow now
        # @raise [OverSIP::RuntimeError] it is no Request
        def extract_outbound_from_ruri(request)
          raise OverSIP::RuntimeError, "request must be a OverSIP::SIP::Request" unless request.is_a?(SIP::Request)
          return false unless request.ruri.sip? && request.ruri.has_param?(PARAM)

          token = request.ruri.del_param(PARAM)
          return false if request.incoming_outbound_requested? || !token
          # In a dialog an invalid token is ignored: the Request-URI is the destination.
          return false if request.in_dialog? && !Engine.flow?(token)

          request.route_outbound_flow_token = token
          request.incoming_outbound_requested = true
          true
        end

        private

        def remove_from_contacts(response)
          response.header_all("Contact").each do |value|
            value.replace(value.b.gsub(IN_CONTACT, "").force_encoding(value.encoding))
          end
        end
      end
    end
  end
end
