# frozen_string_literal: true

module OverSIP
  module Testing
    # A request of a persona and the responses to it.
    class Exchange
      # @return [Persona] who has sent the request
      attr_reader :party
      # @return [Symbol]
      attr_reader :sip_method
      # @return [CallRecord::Message] the request
      attr_reader :request
      # @return [Array<CallRecord::Message>] in the order of their arrival; a final response that is sent again counts once
      attr_reader :responses
      # @return [Float] seconds of the world's clock
      attr_reader :started_at
      # @return [Transactions::Client]
      # @api private
      attr_accessor :transaction

      # @api private
      def initialize(party, request)
        @party = party
        @request = request
        @sip_method = request.sip_method
        @started_at = request.at
        @responses = []
      end

      # @return [String]
      def call_id
        request.call_id
      end

      # @return [CallRecord::Message, nil] the final response
      def final
        responses.find { |response| response.status_code >= 200 }
      end

      # @return [Array<CallRecord::Message>] the provisional responses
      def provisional
        responses.select { |response| response.status_code < 200 }
      end

      # @return [Integer, nil] of the final response
      def status
        final&.status_code
      end

      # @return [String, nil] of the final response
      def reason
        final&.reason_phrase
      end

      # @return [Boolean] whether there is a final response, whatever its status
      def final?
        !final.nil?
      end

      # @return [Boolean] whether the final response is a 2xx
      def answered?
        final? && status < 300
      end

      # @return [Float, nil] seconds of the world's clock when the final response came
      def answered_at
        final&.at
      end

      # @return [String, nil] name of the persona that has made the final response, "oversip" for the element itself
      def answered_by
        answer = final or return
        party.network.owner_of(MessageText.tag(answer.header("to")))
      end

      # @return [Boolean] whether no final response came for 32 s: the persona gave up (RFC 3261 17.1)
      def timed_out?
        transaction.timed_out?
      end

      # A response has come.
      #
      # @param response [CallRecord::Message]
      # @api private
      def take(response)
        @responses << response
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{request.first_line} of #{party.name}: #{responses.map(&:status_code).join(", ")}>"
      end
    end
  end
end
