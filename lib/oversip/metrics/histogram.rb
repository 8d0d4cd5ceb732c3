# frozen_string_literal: true

require "oversip/deadline"
require "oversip/metrics/metric"

module OverSIP
  class Metrics
    # Values that are sorted into buckets.
    class Histogram < Metric
      # @param value [Numeric]
      # @param labels [Hash{Symbol => #to_s}] the values of all labels
      # @return [nil]
      # @raise [ArgumentError] the labels are others
      # @raise [TypeError] this is no number
      def observe(value, **labels)
        told(@metric.observe(values(labels), number(value)))
      end

      # Observes how many seconds a block takes, also when an exception ends it. By the real clock, also in worlds.
      #
      # @return [Object] what the block returned
      # @raise [ArgumentError] the labels are others
      def time(**labels)
        values(labels)
        began = Deadline.now
        begin
          yield
        ensure
          observe(Deadline.now - began, **labels)
        end
      end

      # @return [Integer] how many values there were with these labels
      # @raise [ArgumentError] the labels are others
      def count(**labels)
        @metric.count(values(labels))
      end

      # @return [Float] what they are together
      # @raise [ArgumentError] the labels are others
      def sum(**labels)
        @metric.value(values(labels))
      end
    end
  end
end
