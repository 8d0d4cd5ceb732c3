# frozen_string_literal: true

require "oversip/deadline"
require "oversip/metrics/gauge_thread"
require "oversip/source_place"

module OverSIP
  class Metrics
    # The block that knows the value of a gauge, and how it is doing. It is a script's: it may raise whatever it likes, end
    # its thread, or not come back. So it runs on a thread of its own.
    #
    # @api private
    class GaugeBlock
      # Seconds after a record of a failure in which another failure is not told of.
      QUIET = 60
      private_constant :QUIET

      # @return [Float] seconds that it has taken the last time
      attr_reader :took

      # @param gauge [Gauge]
      # @param block [Proc]
      def initialize(gauge, block)
        @gauge = gauge
        @block = block
        @told = false
        @took = 0.0
      end

      # @return [String] of the gauge
      def name
        @gauge.name
      end

      # Sets the gauge to what the block returns. The log says when that begins to fail, and when it works again.
      #
      # @param limit [Float] seconds; the block is ended then
      # @param whole [Boolean] whether that is all the time that blocks have, so that one that takes longer has failed
      # @return [Symbol] `:set`; `:failed`; `:late`: it needs time that others have taken
      def ask(limit, whole:)
        return :late if @closed
        # One that was ended and still runs is not begun a second time.
        return failed(ended) if @thread&.busy?

        outcome = run(limit)
        return works if outcome == :set

        outcome || whole ? failed(outcome || ended) : :late
      end

      # There is another block for the gauge.
      def close
        @closed = true
        @thread&.close
      end

      private

      def ended
        "was ended: the blocks of all gauges have #{GaugeBlocks::PATIENCE} s together"
      end

      # @return [Symbol, String, nil] `:set`, or why it has failed; nil: it has not come back
      def run(limit)
        began = Deadline.now
        @thread = GaugeThread.new("oversip gauge #{name}") { set } unless @thread&.alive?
        @thread.run(limit)
      rescue ThreadError => e
        "has no thread: #{e.message}"
      ensure
        @took = Deadline.now - began
      end

      def set
        @gauge.set(@block.call)
        :set
      rescue Exception => e # rubocop:disable Lint/RescueException -- what leaves a thread here, such as that of `exit`, ends the process
        failure(e)
      end

      # The words of an exception are the script's code, too.
      def failure(error)
        "has failed: #{error.message} (#{error.class})"
      rescue Exception # rubocop:disable Lint/RescueException -- as above
        "has failed (#{error.class})"
      end

      def failed(how)
        unless @told || @quiet&.over? == false
          @told = true
          @quiet = Deadline.new(QUIET)
          say(:error, "#{how}; this is said once until it works again")
        end
        :failed
      end

      def works
        if @told
          @told = false
          say(:info, "works again")
        end
        :set
      end

      def say(severity, what)
        Logger.record(severity, "metrics", "the block of the gauge #{name} at #{place} #{what}", [:gauge, severity, name])
      end

      def place
        SourcePlace.of(@block)&.join(":") || "an unknown place"
      end
    end
  end
end
