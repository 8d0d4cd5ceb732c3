# frozen_string_literal: true

require "oversip/call_record"
require "oversip/seconds"
require "oversip/testing/answers"
require "oversip/testing/call"
require "oversip/testing/message_text"
require "oversip/testing/persona/receiving"
require "oversip/testing/persona/requests"
require "oversip/testing/persona/sending"
require "oversip/testing/transactions"

module OverSIP
  module Testing
    # A peer of the element in a {World}: a user agent that does what the spec says. Clients and targets differ only in where
    # they are and how requests reach them.
    #
    # A persona sends requests and responses again as RFC 3261 17 wants, so calls get through a network that loses something.
    class Persona
      include Receiving
      include Requests
      include Sending

      # @return [String]
      attr_reader :name
      # @return [Symbol] :udp, :tcp, :tls, :ws or :wss
      attr_reader :transport
      # @return [String] where it is on the network: "192.0.2.1:5060"
      attr_reader :address
      # @return [String] its address of record: what stands in From
      attr_reader :uri
      # @return [Array<CallRecord::Message>] all requests that have come, ACK and CANCEL too; one that is sent again counts
      #   once
      attr_reader :received
      # @return [Array<ReceivedCall>] calls that have come
      attr_reader :calls
      # @return [Array<CallRecord::Message>] all responses that have come, also those to nothing that was asked
      attr_reader :responses
      # @return [World::Network]
      # @api private
      attr_reader :network

      # @param stated [String] the address that Via and Contact name: a private one behind a NAT
      # @api private
      def initialize(network, name, transport:, address:, uri:, stated: address)
        @network = network
        @name = name.to_s.freeze
        @transport = transport
        @address = address
        @stated = stated
        @uri = uri
        @received = []
        @responses = []
        @calls = []
        @plans = []
        @dialog_plans = []
        @client_transactions = {}
        @server_transactions = {}
        @invitations = {}
        @tags = {}.compare_by_identity
        @registrations = {}
      end

      # What it answers to requests outside of dialogs, from now on. Without a word it answers 200. Several statuses follow
      # each other at once; requests that are no INVITE get the final one alone. Headers and body go with the last response.
      #
      # @example
      #   target.answers 180, 200
      #   target.answers 503, retry_after: 30
      #   target.answers(486).after(3)
      #   target.answers(500).once
      #   target.answers { |request| request.header("Subject") ? 200 : [403, { warning: "399 gw \"no subject\"" }] }
      # @param statuses [Array<Integer>]
      # @param body [String, nil] of the last response
      # @param headers [Hash{Symbol, String => Object}] over the usual ones; nil leaves one out
      # @yieldparam request [CallRecord::Message]
      # @yieldreturn [Integer, Array, String, nil] a status; several, with a Hash of headers behind them (`:body` too); a
      #   whole response as text; nothing
      # @return [Answers]
      # @raise [ArgumentError] there is no such status
      def answers(*statuses, body: nil, **headers, &block)
        plan(@plans, statuses, headers, body, block)
      end

      # The same for requests in dialogs, which get 200 without it.
      #
      # @return [Answers]
      def answers_in_dialog(*statuses, body: nil, **headers, &block)
        plan(@dialog_plans, statuses, headers, body, block)
      end

      # From now on it answers nothing.
      #
      # @return [nil]
      def never_answers
        plan(@plans, [], {}, nil, ->(_) {})
        plan(@dialog_plans, [], {}, nil, ->(_) {})
        nil
      end

      # @return [Boolean] whether its transport loses nothing
      # @api private
      def reliable?(transport = @transport)
        transport != :udp
      end

      # @return [Boolean] whether it has to open a connection before it sends
      # @api private
      def opens_first?
        false
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{name} (#{transport}:#{address})>"
      end

      private

      def plan(plans, statuses, headers, body, block)
        raise ArgumentError, "give statuses or a block, not both" if block && !statuses.empty?
        raise ArgumentError, "give a status, or say never_answers" if block.nil? && statuses.empty?

        Arguments.body(body)
        Arguments.headers(headers)
        plans << Answers.new(statuses, headers, body, block)
        plans.last
      end
    end
  end
end
