# frozen_string_literal: true

require "oversip/testing/dialog"
require "oversip/testing/dialog_side"

module OverSIP
  module Testing
    # A call as its caller sees it: the INVITE, its responses, the dialog. A 2xx is acknowledged at once, unless the call was
    # made with `auto_ack: false`. A 2xx of somebody else, after the first one, is acknowledged as well, and its dialog is
    # ended by a BYE (RFC 3261 13.2.2.4).
    class Call < Exchange
      include DialogSide

      # @return [Dialog, nil] of the first 2xx; before that, of the last response with a To tag
      attr_reader :dialog

      # @api private
      def initialize(party, request, auto_ack: true)
        super(party, request)
        @auto_ack = auto_ack
        @dialogs = {}
        @acks = {}
      end

      # @return [Array<Dialog>] one for each To tag of the responses: several when the request was forked
      def dialogs
        @dialogs.values
      end

      # Cancels the INVITE. Before the first provisional response a CANCEL waits for it (RFC 3261 9.1): the element sends 100
      # when the script routes the request, and for one that waits after 0.2 s.
      #
      # @param headers [Hash{String, Symbol => Object}] over the usual ones; nil leaves one out
      # @param at_once [Boolean] send it without waiting, as no user agent should
      # @return [Exchange, nil] of the CANCEL; nil when it waits
      def cancel(headers: {}, at_once: false, **more)
        headers = Arguments.headers(headers, more)
        return if final?

        unless at_once || responses.any?
          @cancel_headers = headers
          return
        end
        @cancellation = party.cancel_request(self, headers)
      end

      # @return [Exchange, nil] of the CANCEL that was sent
      attr_reader :cancellation

      # Sends the ACK of the 2xx, as `auto_ack` does: again when the 2xx comes again.
      #
      # @param headers [Hash{String, Symbol => Object}] over the usual ones; nil leaves one out
      # @param body [String, nil]
      # @return [nil]
      # @raise [OverSIP::RuntimeError] there is no dialog: nobody has answered
      # @raise [ArgumentError] this is no name of a header, or no body
      def ack(headers: {}, body: nil, **more)
        send_ack(dialog!, Arguments.headers(headers, more), Arguments.body(body))
        party.network.settle
      end

      # @return [ReceivedCall, nil] the call as the one who has answered sees it; before the answer, as the last one who was
      #   called does
      def peer
        calls = party.network.sides(call_id).grep(ReceivedCall)
        calls.find { |call| dialog && call.dialog&.local_tag == dialog.remote_tag } || calls.last
      end

      # A response has come.
      #
      # @api private
      def take(response)
        # The 2xx came again, so its ACK was lost.
        return @acks[tag_of(response)]&.call if known?(response)

        super
        note_dialog(response)
        if response.status_code.between?(200, 299)
          acknowledge(@dialogs[tag_of(response)]) if @auto_ack
        elsif response.status_code < 200 && @cancel_headers
          headers = @cancel_headers
          @cancel_headers = nil
          cancel(headers: headers)
        end
      end

      private

      def known?(response)
        response.status_code >= 200 && responses.any? do |other|
          other.status_code == response.status_code && other.header("to") == response.header("to")
        end
      end

      def tag_of(response)
        MessageText.tag(response.header("to"))
      end

      def note_dialog(response)
        success = response.status_code.between?(200, 299)
        return unless success || (tag_of(response) && response.status_code.between?(101, 199))

        known = @dialogs[tag_of(response)]
        known.confirm(response) if known && success
        made = known || (@dialogs[tag_of(response)] = Dialog.of_response(request, response))
        return if @confirmed

        @dialog = made
        @confirmed = success
      end

      def acknowledge(dialog)
        send_ack(dialog, {}, nil)
        party.request_in_dialog(dialog, :BYE, {}, nil) unless dialog.equal?(self.dialog)
      end

      def send_ack(dialog, headers, body)
        @acks[dialog.remote_tag] = party.acknowledge_success(dialog, headers, body)
      end
    end

    # A call as the one who is called sees it.
    class ReceivedCall
      include DialogSide

      # @return [Persona] who is called
      attr_reader :party
      # @return [Dialog] early until a 2xx is sent
      attr_reader :dialog
      # @return [Float] seconds of the world's clock when the INVITE came
      attr_reader :started_at

      # @param transaction [Transactions::Server]
      # @api private
      def initialize(party, transaction, tag)
        @party = party
        @transaction = transaction
        @request = transaction.request
        @started_at = @request.at
        @dialog = Dialog.of_request(@request, tag)
        @cancelled = false
      end

      # @return [CallRecord::Message] the INVITE
      def invite
        @request
      end

      # @return [String]
      def call_id
        @request.call_id
      end

      # @return [Symbol]
      def sip_method
        :INVITE
      end

      # @return [Integer, nil] the status that was sent last
      def status
        @transaction.status
      end

      # @return [Boolean] whether a final response was sent
      def final?
        @transaction.final?
      end

      # @return [Boolean] whether a 2xx was sent
      def answered?
        final? && status < 300
      end

      # @return [Boolean] whether the ACK of the final response has come
      def acknowledged?
        @transaction.acknowledged?
      end

      # @return [Boolean] whether a CANCEL has come
      def cancelled?
        @cancelled
      end

      # Sends a response, for what {Persona#answers} has left open: `target.calls.last.answer(200)`.
      #
      # @param status [Integer]
      # @param headers [Hash{String, Symbol => Object}] over the usual ones; nil leaves one out
      # @param body [String, nil]
      # @return [nil]
      # @raise [ArgumentError] there is no such status, name of a header or body
      # @raise [OverSIP::RuntimeError] the call has its final response
      def answer(status, headers: {}, body: nil, **more)
        Arguments.status(status)
        raise OverSIP::RuntimeError, "the call at #{party.name} was answered with #{self.status} already" if final?

        party.respond(@transaction, status, Arguments.headers(headers, more), Arguments.body(body))
        party.network.settle
      end

      # @return [Call, nil] the call as its caller sees it
      def peer
        party.network.sides(call_id).grep(Call).first
      end

      # @api private
      def cancel_received
        @cancelled = true
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{invite.first_line} at #{party.name}: #{status.inspect}>"
      end
    end
  end
end
