# frozen_string_literal: true

require "oversip/metrics/metric"

module OverSIP
  class Metrics
    # A number that only grows.
    class Counter < Metric
      # @param by [Numeric] 0 or more
      # @param labels [Hash{Symbol => #to_s}] the values of all labels
      # @return [nil]
      # @raise [ArgumentError] it would fall, or the labels are others
      # @raise [TypeError] this is no number
      def increment(by = 1, **labels)
        by = number(by)
        raise ArgumentError, "a counter does not fall: #{by}" if by.negative?

        told(@metric.add(values(labels), by))
      end

      # @return [Float] what was counted with these labels
      # @raise [ArgumentError] the labels are others
      def value(**labels)
        @metric.value(values(labels))
      end
    end
  end
end
