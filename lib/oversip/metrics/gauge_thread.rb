# frozen_string_literal: true

require "oversip/deadline"

module OverSIP
  class Metrics
    # The thread on which the block of a gauge runs, each time the same one: what a script keeps for a thread, such as its
    # connection to a database, is made once. It lasts until a run takes too long, the block ends it, or {#close}.
    #
    # @api private
    class GaugeThread
      # What is told of a run that has ended the thread from within.
      ENDED = "has ended its thread"
      # Seconds that a thread which was ended may take for that.
      MOMENT = 0.1
      private_constant :MOMENT

      # @param name [String] of the thread
      # @yieldreturn [Object] what {#run} returns, neither nil nor false
      def initialize(name, &)
        @lock = Mutex.new
        @changed = ConditionVariable.new
        @thread = Thread.new { serve(&) }
        @thread.name = name
      end

      # @return [Boolean] whether a run may come
      def alive?
        @thread.alive? && !@over
      end

      # One that was ended may still run, such as in an `ensure`.
      #
      # @return [Boolean] whether a run has not come to its end
      def busy?
        @wanted && alive? && !@thread.join(MOMENT)
      end

      # Has the block run once. The thread is ended where it does not come back in time, and where who waits for it is ended.
      #
      # @param limit [Float] seconds
      # @return [Object, nil] what the block has returned, or {ENDED}; nil: it has not come back
      def run(limit)
        returned = nil
        deadline = Deadline.new(limit)
        @lock.synchronize do
          want
          @changed.wait(@lock, deadline.left) until @returned || deadline.over?
          returned = @returned
        end
      ensure
        @thread.kill unless returned
      end

      # Lets the thread end, after a run that is under way.
      def close
        @lock.synchronize do
          @closed = true
          @changed.broadcast
        end
      end

      private

      # Who is ended by others, such as by a script that kills all threads, has no run to come.
      def want
        @returned = alive? ? nil : ENDED
        @wanted = true
        @changed.broadcast
      end

      def serve
        settle(yield) while wanted?
      ensure
        @over = true
        settle(ENDED)
      end

      def wanted?
        @lock.synchronize do
          @changed.wait(@lock) until @wanted || @closed
          @wanted
        end
      end

      def settle(value)
        @lock.synchronize do
          @wanted = false
          @returned = value
          @changed.broadcast
        end
      end
    end
  end
end
