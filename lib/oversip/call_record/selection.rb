# frozen_string_literal: true

require "oversip/seconds"
require_relative "message"

module OverSIP
  class CallRecord
    # Which calls somebody wants to see.
    #
    # @api private
    class Selection
      def initialize(call_id:, failed:, to:, slow:, last:)
        check("call_id", call_id, String)
        check("failed", failed, TrueClass, FalseClass)
        check("to", to, String)
        check("last", last, Integer)
        raise ArgumentError, "last has to be a number of calls, not #{last}" if last&.negative?

        @call_id = call_id && Message.text(call_id)
        @failed = failed
        @to = to
        @slow = slow && Seconds.check("slow", slow)
        @last = last
      end

      # @param calls [Array<Call>]
      # @yieldparam call [Call] what else is asked of it, if anything is
      # @return [Array<Call>]
      def of(calls)
        chosen = calls.select { |call| include?(call) && (!block_given? || yield(call)) }
        @last ? chosen.last(@last) : chosen
      end

      private

      def check(name, value, *types)
        return if value.nil? || types.any? { |type| value.is_a?(type) }

        raise TypeError, "#{name} has to be #{types.join(" or ")}, not #{value.inspect}"
      end

      def include?(call)
        (@call_id.nil? || call.call_id == @call_id) && (@failed.nil? || call.failed? == @failed) &&
          (@to.nil? || call.to?(@to)) && (@slow.nil? || call.slow?(@slow))
      end
    end
  end
end
