# frozen_string_literal: true

require "oversip/metrics/metric"

module OverSIP
  class Metrics
    # A number that grows and falls.
    class Gauge < Metric
      # @param value [Numeric]
      # @param labels [Hash{Symbol => #to_s}] the values of all labels
      # @return [nil]
      # @raise [ArgumentError] the labels are others
      # @raise [TypeError] this is no number
      def set(value, **labels)
        told(@metric.set(values(labels), number(value)))
      end

      # @param by [Numeric]
      # @return [nil]
      # @raise (see #set)
      def increment(by = 1, **labels)
        told(@metric.add(values(labels), number(by)))
      end

      # @param by [Numeric]
      # @return [nil]
      # @raise (see #set)
      def decrement(by = 1, **labels)
        told(@metric.add(values(labels), -number(by)))
      end

      # @return [Float]
      # @raise [ArgumentError] the labels are others
      def value(**labels)
        @metric.value(values(labels))
      end
    end
  end
end
