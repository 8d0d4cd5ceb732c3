# frozen_string_literal: true

module OverSIP
  module Notifications
    # Beginnings that wait for their ends, such as requests that have no answer yet.
    #
    # @api private
    class Pairs
      # Beyond this number the oldest ones are forgotten: the engine does not tell of all where too much happens at a time.
      MOST = 200_000

      def initialize
        @begun = {}
      end

      # Something begins.
      #
      # @param at [Float] seconds
      # @param kind [Symbol]
      # @param details [Hash] `:branch` names it
      def begin(at, kind, details)
        @begun.delete(@begun.first.first) if @begun.size >= MOST
        @begun[[kind, details[:branch], details[:method]]] = [at, details[:call_id]]
      end

      # It ends.
      #
      # @return [Array(Float, String), nil] the seconds that it has taken, and its Call-ID; nil when its beginning is not
      #   known, or it has ended before
      def end(at, kind, details)
        begun, call_id = @begun.delete([kind, details[:branch], details[:method]])
        begun && [at - begun, call_id]
      end

      # Forgets all.
      def clear
        @begun.clear
      end
    end
  end
end
