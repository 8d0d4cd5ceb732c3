# frozen_string_literal: true

# Documentation of the classes that are written in Rust, for YARD. Never loaded.
module OverSIP
  module SIP
    # The server transaction of a {Request} (RFC 3261 17.2): made by {Request#create_transaction} or {Proxy#route}, moved on by
    # what is replied. It ends by its timers; whoever still has the object sees it `:terminated`.
    class ServerTransaction
      # @return [Request]
      def request; end

      # @return [Proxy, nil] what routed the request last
      def core; end

      # @return [Symbol] of an INVITE :proceeding, :accepted, :completed, :confirmed or :terminated; of another request
      #   :trying, :proceeding, :completed or :terminated
      def state; end

      # What is sent again when the request is repeated. {Request#reply} and {Request#reply_full} set it.
      # @return [String, nil] the whole response; nil before one was sent
      attr_accessor :last_response

      # Sends {#last_response} again.
      # @return [Boolean] false when there is none
      def retransmit_last_response; end

      # @param status_code [Integer]
      # @return [Boolean] whether it would take a response with this status now
      def valid_response?(status_code); end

      # Moves on as for a response with this status, which the caller sends with {Request#send_response}. {Request#reply}
      # does both.
      #
      # @param status_code [Integer]
      # @return [Boolean] false, with a log record, when it does not take the status
      def receive_response(status_code); end

      # Ends it at once.
      # @return [nil]
      def terminate_transaction; end
    end

    # The server transaction of an INVITE (RFC 3261 17.2.1, RFC 6026).
    class InviteServerTransaction < ServerTransaction
    end

    # The server transaction of any other request (RFC 3261 17.2.2, RFC 4320).
    class NonInviteServerTransaction < ServerTransaction
    end

    # The marks by which this process recognises what it wrote itself. They stay as long as the process lives.
    module Tags
      # @return [String] a new To tag for a reply without a transaction (RFC 3261 8.2.7): eight hexadecimal digits that are this
      #   process's, a dot, and eight random ones
      def self.totag_for_sl_reply; end

      # @param tag [String, nil]
      # @return [Integer, nil] 0 when {totag_for_sl_reply} of this process has made the tag
      def self.check_totag_for_sl_reply(tag); end

      # @return [String] eight hexadecimal digits, the `ovid` parameter of our Record-Route and Path values
      def self.value_for_route_ovid; end

      # @param value [String, nil]
      # @return [Boolean, nil] whether the value is {value_for_route_ovid}; nil for nil
      def self.check_value_for_route_ovid(value); end

      # Marks our branches of a request, so that it is recognised when it comes back (RFC 3261 16.3).
      # @param request [Request, UacRequest]
      # @return [String] 32 hexadecimal digits made of Request-URI, Call-ID and first Route
      def self.create_antiloop_id(request); end
    end
  end
end
