# frozen_string_literal: true

module OverSIP
  class CallRecord
    # How a ladder writes times.
    #
    # @api private
    class Clock
      # Factor, format of a time, name.
      UNITS = { seconds: [1, "%.3f", "s"], milliseconds: [1000, "%.1f", "ms"] }.freeze
      private_constant :UNITS

      # @return [String] "s" or "ms"
      attr_reader :unit

      # @param unit [Symbol] :seconds or :milliseconds
      def initialize(unit)
        @factor, @format, @unit = UNITS.fetch(unit) do
          raise ArgumentError, "unit has to be one of #{UNITS.keys.map(&:inspect).join(", ")}, not #{unit.inspect}"
        end
      end

      # @param at [Float] seconds
      # @return [String] "3.500"
      def time(at)
        format(@format, at * @factor)
      end

      # @param at [Float] seconds
      # @return [String] for a sentence: "3.5 s"
      def words(at)
        "#{(at * @factor).round(3).to_s.delete_suffix(".0")} #{@unit}"
      end
    end
  end
end
