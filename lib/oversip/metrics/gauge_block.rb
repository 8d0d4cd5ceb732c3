# frozen_string_literal: true

require "oversip/deadline"
require "oversip/source_place"

module OverSIP
  class Metrics
    # The block that knows the value of a gauge, and how it is doing. It is a script's: it may raise whatever it likes, end
    # its thread, or not come back. So it runs on a thread of its own each time.
    #
    # @api private
    class GaugeBlock
      # Seconds after a record of a failure in which another failure is not told of.
      QUIET = 60
      # What {#run} leaves undone when its thread is ended from within.
      THREAD_ENDED = ["has ended its thread"].freeze
      private_constant :QUIET, :THREAD_ENDED

      # @param gauge [Gauge]
      # @param block [Proc]
      def initialize(gauge, block)
        @gauge = gauge
        @block = block
        @told = false
      end

      # @return [String] of the gauge
      def name
        @gauge.name
      end

      # Sets the gauge to what the block returns. The log says when that begins to fail, and when it works again.
      #
      # @param limit [Float] seconds; the block is ended then
      # @return [Boolean] whether the gauge was set
      def ask(limit)
        # One that was ended and still runs, such as in an `ensure`, is not begun a second time.
        @failure = failure_within(limit) unless @thread&.alive?
        @failure ? failed : works
        @failure.nil?
      end

      private

      def failure_within(limit)
        @thread = Thread.new { run }
        @thread.name = "oversip gauge #{name}"
        return (@thread.value || THREAD_ENDED).first if @thread.join(limit)

        @thread.kill
        "was ended: the blocks of all gauges have #{GaugeBlocks::PATIENCE} s together"
      end

      # Events do not wait until it has computed its value.
      #
      # @return [Array(String), Array(nil)] why it has failed
      def run
        Engine.worker_begins
        @gauge.set(@block.call)
        [nil]
      rescue Exception => e # rubocop:disable Lint/RescueException -- what leaves a thread here, such as that of `exit`, ends the process
        [failure(e)]
      ensure
        Engine.worker_ends
      end

      # The words of an exception are the script's code, too.
      def failure(error)
        "has failed: #{error.message} (#{error.class})"
      rescue Exception # rubocop:disable Lint/RescueException -- as above
        "has failed (#{error.class})"
      end

      def failed
        return if @told || @quiet&.over? == false

        @told = true
        @quiet = Deadline.new(QUIET)
        say(:error, "#{@failure}; this is said once until it works again")
      end

      def works
        return unless @told

        @told = false
        say(:info, "works again")
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
