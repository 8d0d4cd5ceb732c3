# frozen_string_literal: true

module OverSIP
  module Testing
    class Persona
      # The requests that a spec lets a persona send, outside of dialogs. Each returns when nothing more is due at this
      # instant. They go to the element, unless `via:` names another way: "udp:192.0.2.1:5060" or a persona. Headers are
      # given as `headers: { "Name" => value }` or by Symbols (`supported: "path"`); they go over the usual ones, nil leaves
      # one out, an Array makes several.
      module Requests
        # Transport, and address with port.
        WAY = /\A(udp|tcp|tls|wss?):((?:\[[\h:.]+\]|\d+(?:\.\d+){3}):\d+)\z/
        private_constant :WAY

        # Calls somebody (RFC 3261 13).
        #
        # @param uri [String] the Request-URI, and the URI of To
        # @param headers [Hash{String, Symbol => Object, Array, nil}] over the usual ones
        # @param body [String, nil]
        # @param via [String, Persona, nil] another way than to the element
        # @param auto_ack [Boolean] whether the ACK of a 2xx is sent at once
        # @return [Call]
        # @raise [ArgumentError] this is no URI, no name of a header, no body, or no way
        def invite(uri, headers: {}, body: nil, via: nil, auto_ack: true, **more)
          send_and_settle(:INVITE, uri, Arguments.headers(headers, more), body, via) do |request|
            Call.new(self, request, auto_ack: auto_ack)
          end
        end

        # Asks what somebody can do (RFC 3261 11).
        #
        # @param uri [String, nil] the Request-URI, and the URI of To; nil: of the element itself
        # @param headers [Hash{String, Symbol => Object, Array, nil}] over the usual ones
        # @param body [String, nil]
        # @param via [String, Persona, nil] another way than to the element
        # @return [Exchange]
        # @raise [ArgumentError] this is no URI, no name of a header, no body, or no way
        def options(uri = nil, headers: {}, body: nil, via: nil, **more)
          request(:OPTIONS, uri || "sip:#{network.element_address(transport)}", headers: headers, body: body, via: via,
                                                                                **more)
        end

        # Sends a text (RFC 3428).
        #
        # @param uri [String] the Request-URI, and the URI of To
        # @param body [String]
        # @param headers [Hash{String, Symbol => Object, Array, nil}] over the usual ones
        # @param via [String, Persona, nil] another way than to the element
        # @return [Exchange]
        # @raise [ArgumentError] this is no URI, no name of a header, no body, or no way
        def message(uri, body = "Hello", headers: {}, via: nil, **more)
          request(:MESSAGE, uri, headers: headers, body: body, via: via, **more)
        end

        # Registers its Contact (RFC 3261 10). Registrations at the same registrar have the same Call-ID, and each has the
        # next CSeq number (RFC 3261 10.2).
        #
        # @param registrar [String] URI; the domain of {#uri} unless it is given
        # @param expires [Integer, nil] seconds
        # @param outbound [Boolean] whether it asks for a flow (RFC 5626): with `reg-id` and `+sip.instance` in its Contact
        # @param headers [Hash{String, Symbol => Object, Array, nil}] over the usual ones
        # @param via [String, Persona, nil] another way than to the element
        # @return [Exchange]
        # @raise [ArgumentError] this is no URI, no name of a header, or no way
        def register(registrar = nil, expires: 3600, outbound: false, headers: {}, via: nil, **more)
          registrar ||= "sip:#{uri[/@(.+)\z/, 1] || uri.delete_prefix("sip:")}"
          usual = { "To" => "<#{uri}>", "Expires" => expires, **registration(registrar) }
          usual.update("Supported" => "path, outbound", "Contact" => outbound_contact) if outbound
          headers = MessageText.merge(usual, Arguments.headers(headers, more))
          request(:REGISTER, registrar, headers: headers, via: via)
        end

        # Asks somebody to call another one (RFC 3515).
        #
        # @param uri [String] the Request-URI, and the URI of To
        # @param to [String] the URI of Refer-To
        # @param headers [Hash{String, Symbol => Object, Array, nil}] over the usual ones
        # @param via [String, Persona, nil] another way than to the element
        # @return [Exchange]
        # @raise [ArgumentError] this is no URI, no name of a header, or no way
        def refer(uri, to:, headers: {}, via: nil, **more)
          usual = { "Refer-To" => "<#{Arguments.uri("to:", to)}>" }
          request(:REFER, uri, headers: MessageText.merge(usual, Arguments.headers(headers)), via: via, **more)
        end

        # Sends an INFO outside of a dialog, which RFC 6086 does not have. {DialogSide#info} is for those in a dialog.
        #
        # @param uri [String] the Request-URI, and the URI of To
        # @param headers [Hash{String, Symbol => Object, Array, nil}] over the usual ones
        # @param body [String, nil]
        # @param via [String, Persona, nil] another way than to the element
        # @return [Exchange]
        # @raise [ArgumentError] this is no URI, no name of a header, no body, or no way
        def info(uri, headers: {}, body: nil, via: nil, **more)
          request(:INFO, uri, headers: headers, body: body, via: via, **more)
        end

        # Subscribes to the state of somebody (RFC 6665).
        #
        # @param uri [String] the Request-URI, and the URI of To
        # @param event [String] the event package
        # @param expires [Integer, nil] seconds
        # @param headers [Hash{String, Symbol => Object, Array, nil}] over the usual ones
        # @param via [String, Persona, nil] another way than to the element
        # @return [Exchange]
        # @raise [ArgumentError] this is no URI, no name of a header, or no way
        def subscribe(uri, event: "presence", expires: 3600, headers: {}, via: nil, **more)
          usual = { "Event" => event, "Expires" => expires }
          request(:SUBSCRIBE, uri, headers: MessageText.merge(usual, Arguments.headers(headers)), via: via, **more)
        end

        # Sends a request with any method (RFC 3261 8.1): an INVITE as {#invite} does, an ACK once, since nobody answers it.
        # The ACK and the CANCEL of a call are sent by {Call#ack} and {Call#cancel}.
        #
        # @param sip_method [Symbol, String]
        # @param uri [String] the Request-URI, and the URI of To
        # @param headers [Hash{String, Symbol => Object, Array, nil}] over the usual ones
        # @param body [String, nil]
        # @param via [String, Persona, nil] another way than to the element
        # @return [Exchange]
        # @raise [ArgumentError] this is no method, no URI, no name of a header, no body, or no way
        def request(sip_method, uri, headers: {}, body: nil, via: nil, **more)
          sip_method = Arguments.sip_method(sip_method)
          return invite(uri, headers: headers, body: body, via: via, **more) if sip_method == :INVITE

          send_and_settle(sip_method, uri, Arguments.headers(headers, more), body, via) do |request|
            Exchange.new(self, request)
          end
        end

        # Sends a text as it is, once. What comes back is in {Persona#responses}.
        #
        # @param text [String]
        # @param via [String, Persona, nil] another way than to the element
        # @return [nil]
        # @raise [ArgumentError] this is no text, or no way
        def send_raw(text, via: nil)
          raise ArgumentError, "send_raw sends a String, not #{Arguments.shown(text)}" unless text.is_a?(String)

          transmit(text.b, *destination(via))
          network.settle
        end

        private

        def registration(registrar)
          call_id, cseq = @registrations[registrar] || [network.draw("call-#{token}"), 0]
          @registrations[registrar] = [call_id, cseq + 1]
          { "Call-ID" => call_id, "CSeq" => "#{cseq + 1} REGISTER" }
        end

        def outbound_contact
          number = name.sum.to_s.rjust(12, "0")
          "#{contact};reg-id=1;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-#{number}>\""
        end

        def send_and_settle(sip_method, uri, headers, body, via, &)
          uri = Arguments.uri("the Request-URI", uri)
          way = destination(via)
          headers = MessageText.merge(initial_headers(sip_method, uri), headers)
          exchange = transact(sip_method, uri, headers, Arguments.body(body), way, &)
          network.settle
          exchange
        end

        def initial_headers(sip_method, uri)
          {
            "Max-Forwards" => "70", "From" => "<#{self.uri}>;tag=#{draw_tag}", "To" => "<#{uri}>",
            "Call-ID" => network.draw("call-#{token}"), "CSeq" => "1 #{sip_method}", **contact_headers(sip_method)
          }
        end

        # @return [Array(Symbol, String)] transport and address
        def destination(via)
          case via
          when nil then [transport, network.element_address(transport)]
          when Persona then [via.transport, via.address]
          else
            way, address = WAY.match(via)&.captures if via.is_a?(String)
            raise ArgumentError, "via: is like \"udp:192.0.2.1:5060\", not #{Arguments.shown(via)}" unless way

            [way.to_sym, address]
          end
        end
      end
    end
  end
end
