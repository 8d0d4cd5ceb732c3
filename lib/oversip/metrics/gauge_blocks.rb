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
      # With less than this left none is begun: it would be ended for the time that others have taken.
      LEAST = 0.05
      private_constant :LEAST

      # @return [Integer] how often one of them has not set its gauge
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
        @lock.synchronize { @blocks = @blocks.merge(gauge.name => GaugeBlock.new(gauge, block)) }
      end

      # Asks one after the other. Those that no time was left for come first the next time, and who has taken it comes last.
      def ask
        deadline = Deadline.new(PATIENCE)
        asked = []
        waiting = @blocks.values
        until waiting.empty? || deadline.left < LEAST
          asked << waiting.shift
          @failures += 1 unless asked.last.ask(deadline.left)
        end
        put_first(waiting.map(&:name), asked.map(&:name)) unless waiting.empty?
      end

      private

      def put_first(waiting, asked)
        @lock.synchronize { @blocks = @blocks.slice(*waiting, *asked).merge(@blocks) }
      end
    end
  end
end
