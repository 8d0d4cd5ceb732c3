# frozen_string_literal: true

require "oversip/testing/exchange"

module OverSIP
  module Testing
    # What either party of a call can do within its dialog (RFC 3261 12.2). Each request follows the route set and has a CSeq
    # of its own. Its {Exchange} is returned when nothing more is due at this instant.
    module DialogSide
      # Ends the call.
      #
      # @param headers [Hash{String, Symbol => Object}] over the usual ones; nil leaves one out
      # @return [Exchange]
      def hang_up(headers: {}, **more)
        request(:BYE, headers: headers, **more)
      end
      alias bye hang_up

      # A request in the dialog. Headers may be named by Symbols: `request(:INFO, content_type: "text/plain")`.
      #
      # @param sip_method [Symbol]
      # @param headers [Hash{String, Symbol => Object}] over the usual ones; nil leaves one out
      # @param body [String, nil]
      # @return [Exchange]
      # @raise [OverSIP::RuntimeError] there is no dialog: nobody has answered
      def request(sip_method = nil, headers: {}, body: nil, **more)
        return @request unless sip_method

        party.request_in_dialog(self, sip_method.to_sym, headers.merge(more), body)
      end

      # An INVITE in the dialog; a 2xx is acknowledged.
      #
      # @return [Exchange]
      def reinvite(headers: {}, body: nil, **more)
        request(:INVITE, headers: headers, body: body, **more)
      end

      # A REFER in the dialog (RFC 3515).
      #
      # @param to [String] URI
      # @return [Exchange]
      def refer(to, headers: {}, **more)
        request(:REFER, headers: { "Refer-To" => "<#{to}>" }.merge(headers), **more)
      end

      # An INFO in the dialog (RFC 6086).
      #
      # @return [Exchange]
      def info(headers: {}, body: nil, **more)
        request(:INFO, headers: headers, body: body, **more)
      end

      # A MESSAGE in the dialog (RFC 3428).
      #
      # @return [Exchange]
      def message(body, headers: {}, **more)
        request(:MESSAGE, headers: headers, body: body, **more)
      end

      # @return [Dialog]
      # @raise [OverSIP::RuntimeError] there is none
      # @api private
      def dialog!
        dialog or raise OverSIP::RuntimeError, "#{party.name} has no dialog yet: nobody has answered with a To tag"
      end
    end
  end
end
