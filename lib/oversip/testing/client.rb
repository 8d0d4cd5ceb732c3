# frozen_string_literal: true

require "oversip/testing/persona"

module OverSIP
  module Testing
    # A user agent that uses the element as its proxy: see {World#client}.
    class Client < Persona
      # @return [Boolean] whether its messages name a private address
      def behind_nat?
        @stated != address
      end

      # Opens its connection with the element. It is opened by the first request otherwise.
      #
      # @return [nil]
      def connect
        network.connect(self)
        network.settle
      end

      # Its connection with the element breaks: both sides find it reset.
      #
      # @return [nil]
      # @raise [OverSIP::RuntimeError] there is none
      def disconnect
        network.disconnect(self)
        network.settle
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
