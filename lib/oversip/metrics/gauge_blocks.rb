# frozen_string_literal: true

require "oversip/deadline"
require "oversip/metrics/gauge_block"

module OverSIP
  class Metrics
    # The blocks of all gauges, which are asked together.
    #
    # @api private
    class GaugeBlocks
      # Seconds that all of them may take together. The monitor waits for a second.
      PATIENCE = 0.5
      # With less than this left none is begun. As much as this may others have taken of the time of one that is said to have
      # had all of it.
      LEAST = 0.05
      private_constant :LEAST

      # @return [Integer] how often one of them has failed to set its gauge
      attr_reader :failures

      def initialize
        @blocks = {}
        @lock = Mutex.new
        @failures = 0
      end

      # A script that is loaded again hands over another block for a gauge.
      #
      # @param gauge [Gauge]
      # @param block [Proc]
      def add(gauge, block)
        @lock.synchronize do
          @blocks[gauge.name]&.close
          @blocks = @blocks.merge(gauge.name => GaugeBlock.new(gauge, block))
        end
      end

      # Asks one after the other. Those that others have left too little time come first the next time, and of the others the
      # one that has taken the longest time comes last.
      def ask
        deadline = Deadline.new(PATIENCE)
        late, asked = @blocks.values.partition { |block| late?(block, deadline.left) }
        put_in_order((late + asked.sort_by(&:took)).map(&:name))
      end

      private

      # Asks a block, unless it is known to need more time than is left: to be ended costs it what it keeps for its thread.
      #
      # @return [Boolean] whether it needs time that others have taken
      def late?(block, left)
        whole = left > PATIENCE - LEAST
        return true if !whole && left < [block.took, LEAST].max

        outcome = block.ask(left, whole: whole)
        @failures += 1 if outcome == :failed
        outcome == :late
      end

      def put_in_order(names)
        @lock.synchronize { @blocks = @blocks.slice(*names).merge(@blocks) }
      end
    end
  end
end
