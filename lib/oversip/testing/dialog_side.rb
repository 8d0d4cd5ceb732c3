# frozen_string_literal: true

require "oversip/testing/exchange"

module OverSIP
  module Testing
    # What either party of a call can do within its dialog (RFC 3261 12.2). Each request follows the route set and has a CSeq
    # of its own. Its {Exchange} is returned when nothing more is due at this instant.
    module DialogSide
      # Ends the call. After a refusal that leaves the dialog as it was, such as 407, it can be done again.
      #
      # @param headers [Hash{String, Symbol => Object}] over the usual ones; nil leaves one out
      # @return [Exchange]
      # @raise [OverSIP::RuntimeError] the call has ended already; `request(:BYE)` sends a BYE nevertheless
      def hang_up(headers: {}, **more)
        raise OverSIP::RuntimeError, "#{party.name} cannot hang up: #{ending}" if ending

        request(:BYE, headers: headers, **more)
      end
      alias bye hang_up

      # A request in the dialog. Headers may be named by Symbols: `request(:INFO, content_type: "text/plain")`. An ACK is
      # sent once, with the number of the INVITE.
      #
      # @param sip_method [Symbol]
      # @param headers [Hash{String, Symbol => Object}] over the usual ones; nil leaves one out
      # @param body [String, nil]
      # @return [Exchange]
      # @raise [OverSIP::RuntimeError] there is no dialog: nobody has answered
      # @raise [ArgumentError] this is no method, no name of a header, or no body
      def request(sip_method = nil, headers: {}, body: nil, **more)
        return @request unless sip_method

        sip_method = Arguments.sip_method(sip_method)
        headers = Arguments.headers(headers, more)
        exchange = party.request_in_dialog(dialog!, sip_method, headers, Arguments.body(body))
        @bye = exchange if sip_method == :BYE
        exchange
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
      def refer(to:, headers: {}, **more)
        usual = { "Refer-To" => "<#{Arguments.uri("to:", to)}>" }
        request(:REFER, headers: MessageText.merge(usual, Arguments.headers(headers)), **more)
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

      # A BYE has come.
      #
      # @api private
      def bye_received
        @bye_received = true
      end

      # @return [Dialog]
      # @raise [OverSIP::RuntimeError] there is none
      # @api private
      def dialog!
        dialog or raise OverSIP::RuntimeError, "#{party.name} has no dialog yet: nobody has answered with a To tag"
      end

      private

      # @return [String, nil] how the call has ended; nil while it goes on
      def ending
        return "the other side has ended the call" if @bye_received
        return "the call was answered with #{status}" if final? && status >= 300

        "the call has ended: its BYE was sent at #{@bye.started_at.round(3)} s" if @bye && !bye_refused?
      end

      # RFC 3261 12.2.1.2 and 15.1.1: after these answers there is no dialog any more, nor after none.
      def bye_refused?
        @bye.final? && @bye.status >= 300 && ![408, 481].include?(@bye.status)
      end
    end
  end
end
