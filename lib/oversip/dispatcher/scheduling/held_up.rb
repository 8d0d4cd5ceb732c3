# frozen_string_literal: true

require "oversip/deadline"
require "oversip/fiber_state"

module OverSIP
  module Dispatcher
    # The parts of {FiberScheduler}.
    #
    # @api private
    module Scheduling
      LOCKS = [Thread::Mutex, Thread::ConditionVariable].freeze
      private_constant :LOCKS

      # Who wakes a Fiber may come late: it is in another wait by then.
      #
      # @param awaited [Object, nil] what the Fiber waits for; nil for a sleep, which the wait of a ConditionVariable is for
      #   Ruby, with the Mutex in its place
      # @param blocker [Object] what is over. At the end of a thread it is the thread of who waits
      # @return [Boolean] whether that ends the wait
      def self.ends?(awaited, blocker)
        return LOCKS.any? { |kind| blocker.is_a?(kind) } if awaited.nil?

        awaited.equal?(blocker) || (awaited.is_a?(Thread) && blocker.is_a?(Thread))
      end

      # The waits of Fibers that cannot be suspended, and so keep their thread.
      #
      # @api private
      class HeldUp
        # Seconds between two looks: a Fiber that waits here keeps nothing that another thread could wake it by, as it might
        # do so before the wait begins.
        INTERVAL = 0.005
        private_constant :INTERVAL

        def initialize
          @woken = ObjectSpace::WeakMap.new
        end

        # @param blocker [Object, nil] what is waited for, nil for a sleep
        # @param timeout [Numeric, nil] seconds
        # @param what [#to_s] for the log
        # @return [Boolean] false at the time-out
        def wait(blocker, timeout, what)
          Dispatcher.warn_of_held_up(what)
          fiber = Fiber.current
          deadline = Deadline.new(timeout)
          FiberState.blocking { rest(deadline) until woken?(fiber, blocker) || deadline.over? }
          woken?(fiber, blocker)
        ensure
          @woken[fiber] = false
        end

        # A wait for a Mutex.
        #
        # @return [true]
        # @raise [ThreadError] a suspended Fiber of this thread has it and would never unlock it; Ruby 3.1 does not see that
        def lock(mutex)
          Dispatcher.warn_of_held_up(mutex.class)
          @locking = Thread.current
          FiberState.blocking { mutex.synchronize { true } }
        ensure
          @locking = nil
        end

        # Any thread may call it.
        #
        # @param blocker [Object] what is over
        def wake(blocker, fiber)
          @woken[fiber] = blocker
          # It is the second one in the queue of the Mutex, behind the Fiber that has called the scheduler.
          @locking&.wakeup
        end

        private

        def woken?(fiber, blocker)
          Scheduling.ends?(blocker, @woken[fiber])
        end

        def rest(deadline)
          left = [deadline.left, INTERVAL].compact.min
          sleep(left) if left.positive?
        end
      end
    end
  end
end
