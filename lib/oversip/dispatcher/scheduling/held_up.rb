# frozen_string_literal: true

require "oversip/fiber_state"

module OverSIP
  module Dispatcher
    module Scheduling
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

        # @param timeout [Numeric, nil] seconds
        # @param what [#to_s] for the log
        # @return [Boolean] false at the time-out
        def wait(timeout, what)
          Dispatcher.warn_of_held_up(what)
          fiber = Fiber.current
          deadline = timeout && (now + timeout)
          FiberState.blocking { rest(deadline) until @woken[fiber] || over?(deadline) }
          @woken[fiber] == true
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
        def wake(fiber)
          @woken[fiber] = true
          # It is the second one in the queue of the Mutex, behind the Fiber that has called the scheduler.
          @locking&.wakeup
        end

        private

        def rest(deadline)
          left = deadline ? [deadline - now, INTERVAL].min : INTERVAL
          sleep(left) if left.positive?
        end

        def over?(deadline)
          deadline && now >= deadline
        end

        def now
          Process.clock_gettime(Process::CLOCK_MONOTONIC)
        end
      end
    end
  end
end
