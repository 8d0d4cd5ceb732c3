# frozen_string_literal: true

require "oversip/brief_mutex"
require "oversip/deadline"
require "oversip/dispatcher/waiters"

module OverSIP
  module Dispatcher
    # What a block waits for: it is settled once, by any thread. Nothing else in this library suspends a Fiber for a wait.
    #
    # @api private
    class Outcome
      def initialize
        @lock = BriefMutex.new
        @settled = Thread::ConditionVariable.new
        @result = nil
        @waiters = []
      end

      # Ends the wait. Only the first call counts.
      #
      # @param kind [:returned, :raised]
      # @param value [Object] what the wait returns, or the exception that it raises
      # @return [nil]
      def settle(kind, value = nil)
        woken = @lock.synchronize do
          next [] if @result

          @result = [kind, value]
          @settled.broadcast
          @waiters
        end
        woken.each(&:wake)
        nil
      end

      # @return [Boolean]
      def settled?
        !@result.nil?
      end

      # @return [Boolean] whether it is settled by an exception
      def raised?
        @result&.first == :raised
      end

      # Waits until the outcome is settled. An event's own Fiber is suspended meanwhile; a Fiber of a scheduler that the
      # thread has waits by it; any other caller waits with its thread.
      #
      # @param timeout [Numeric, nil] seconds; of the engine's clock where the Fiber is suspended
      # @param what [#to_s] says in the log what is waited for
      # @yield at the time-out: its value is returned
      # @return [Object, nil] the value that was settled; nil after the time-out without a block. An exception that was
      #   settled is raised
      # @raise [StoppedError] OverSIP has ended while the Fiber was suspended
      # @raise [OverSIP::RuntimeError] the caller is an event without a Fiber, see {EventFibers::MAX_SUSPENDED}
      def value(timeout = nil, what: "an outcome")
        await(timeout, what) unless @result
        kind, value = @result
        raise value if kind == :raised
        return value if kind

        yield if block_given?
      end

      private

      def await(timeout, what)
        waiter = Waiters.of_caller(what)
        return wait_here(timeout) unless waiter

        begin
          waiter.suspend(timeout) if add(waiter)
        ensure
          @lock.synchronize { @waiters.delete(waiter) }
        end
      end

      # @return [Boolean] false when the outcome is settled
      def add(waiter)
        @lock.synchronize { @waiters << waiter unless @result }
        !settled?
      end

      # The thread waits. A scheduler of the dispatcher must not see it: it would come here again.
      def wait_here(timeout)
        return block_thread(timeout) unless Fiber.current_scheduler

        Fiber.new(blocking: true) { block_thread(timeout) }.resume
      end

      def block_thread(timeout)
        deadline = Deadline.new(timeout)
        @lock.synchronize do
          until @result
            break if deadline.over?

            @settled.wait(@lock, deadline.left)
          end
        end
      end
    end
  end
end
