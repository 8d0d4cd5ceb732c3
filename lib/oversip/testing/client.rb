# frozen_string_literal: true

require "oversip/testing/persona"
require "oversip/testing/upgrade"

module OverSIP
  module Testing
    # A user agent that uses the element as its proxy: see {World#client}.
    class Client < Persona
      # @return [Upgrade, nil] what the last request for a WebSocket was answered; nil before the answer
      attr_accessor :upgrade

      # @return [Array<String>] the certificates that it shows, its own first (PEM)
      # @api private
      attr_reader :pems

      # @param pems [Array<String>] the certificates that it shows, its own first
      # @api private
      def initialize(network, name, pems: [], **options)
        super(network, name, **options)
        @pems = pems
      end

      # @return [Boolean] whether its messages name a private address
      def behind_nat?
        @stated != address && !web_socket?
      end

      # @return [Boolean] whether it sends over WebSocket
      def web_socket?
        %i[ws wss].include?(transport)
      end

      # Opens its connection with the element. The first request does it otherwise. Path and headers are those of the HTTP
      # request for a WebSocket.
      #
      # @example
      #   page = world.client(:page, transport: :ws)
      #   page.connect(origin: "https://app.example").status # => 101
      # @param path [String]
      # @param headers [Hash{String, Symbol => Object}] over the usual ones; nil leaves one out
      # @return [Upgrade, nil] what a request for a WebSocket was answered
      def connect(path: "/", headers: {}, **more)
        @upgrade = nil
        head = Upgrade.request(network.element_address(transport), path, Arguments.headers(headers, more)) if web_socket?
        network.connect(self, head)
        network.settle
        upgrade
      end

      # Its connection with the element ends. It breaks, so that both sides find it reset, unless the client closes it.
      #
      # @param reset [Boolean] whether it breaks
      # @return [nil]
      # @raise [OverSIP::RuntimeError] there is none
      def disconnect(reset: true)
        network.change_connection(self, reset ? :disconnect : :finish)
      end

      # Its connection with the element stands still: nothing that either side sends over it arrives, and neither learns of
      # that.
      #
      # @return [nil]
      # @raise [OverSIP::RuntimeError] there is none
      def stalls
        network.change_connection(self, :stall)
      end

      # Its connection carries messages again, with those that have waited.
      #
      # @return [nil]
      # @raise [OverSIP::RuntimeError] there is none
      def recovers
        network.change_connection(self, :unstall)
      end

      # @return [String] what a Contact of this client says
      def contact
        web_socket? ? super.sub(";transport=wss", ";transport=ws") : super
      end

      # @return [Boolean] whether it has to open a connection before it sends
      # @api private
      def opens_first?
        web_socket? || !pems.empty?
      end

      private

      # A connection carries everything; a client by UDP sends where the route says.
      def next_hop(dialog)
        way = network.locate(dialog.next_hop) unless reliable?
        way&.first == :udp ? way : [transport, network.element_address(transport)]
      end
    end
  end
end
