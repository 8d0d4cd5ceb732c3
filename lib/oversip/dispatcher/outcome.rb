# frozen_string_literal: true

module OverSIP
  module Dispatcher
    # The outcome of a block on the dispatcher, for the thread that waits for it.
    #
    # @api private
    class Outcome
      def initialize
        @lock = Thread::Mutex.new
        @settled = Thread::ConditionVariable.new
        @result = nil
      end

      # Ends the wait. Only the first call counts.
      #
      # @param kind [:returned, :raised]
      # @param value [Object] the value of the block, or its exception
      def settle(kind, value = nil)
        @lock.synchronize do
          @result ||= [kind, value]
          @settled.broadcast
        end
      end

      # Waits until the outcome is settled.
      #
      # @param timeout [Numeric, nil] seconds
      # @return [Object, nil] the value of the block; nil after the time-out. The exception of the block is raised here
      def value(timeout = nil)
        kind, value = await(timeout && (now + timeout))
        raise value if kind == :raised

        value
      end

      private

      def await(deadline)
        @lock.synchronize do
          until @result
            left = deadline && (deadline - now)
            break if left && !left.positive?

            @settled.wait(@lock, left)
          end
          @result
        end
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
