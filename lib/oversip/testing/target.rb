# frozen_string_literal: true

require "oversip/testing/persona"

module OverSIP
  module Testing
    # A server, gateway or phone that the element sends requests to: see {World#target}.
    class Target < Persona
      # From now on connections to it are refused, and datagrams meet no listener.
      #
      # @return [nil]
      def refuses_connections
        network.cut_off(self, :refused)
      end

      # From now on nothing that is sent to it arrives: no connection comes up, and those that are up stand still.
      #
      # @return [nil]
      def stalls
        network.cut_off(self, :silent)
      end

      # It can be reached again.
      #
      # @return [nil]
      def recovers
        network.restore(self)
      end

      private

      def next_hop(dialog)
        network.locate(dialog.next_hop) || [transport, network.element_address(transport)]
      end
    end
  end
end
