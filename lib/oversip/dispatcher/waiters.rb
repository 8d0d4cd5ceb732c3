# frozen_string_literal: true

module OverSIP
  module Dispatcher
    # Who waits for an {Outcome}, by the way in which its Fiber waits.
    #
    # @api private
    module Waiters
      # An event's own Fiber, or another one that the dispatcher may suspend. Others run meanwhile.
      class Suspension
        # @return [Fiber]
        attr_reader :fiber
        # @return [#to_s] what it waits for
        attr_reader :what
        # @return [Integer] the engine's time at the beginning, in nanoseconds
        attr_reader :since

        # @param fibers [EventFibers] those of the dispatcher
        def initialize(fibers, what)
          @fibers = fibers
          @fiber = Fiber.current
          @what = what
          @since = Engine.clock
        end

        # Suspends the calling Fiber until {wake}, or the time-out.
        #
        # @param timeout [Numeric, nil] seconds of the engine's clock
        def suspend(timeout)
          timer = Waiters.after(timeout) { go_on } if timeout
          # A script may resume a Fiber that it knows.
          @fibers.waiting(self) { Fiber.yield until @woken }
        ensure
          @left = true
          Waiters.cancel(timer) if timer
        end

        # Any thread may call it.
        def wake
          Engine.schedule(0.0, -> { go_on })
        rescue OverSIP::RuntimeError
          # The engine has ended, and so has the wait, or it meets StoppedError.
        end

        private

        # The Fiber may be in another wait, or run another event.
        def go_on
          return if @left

          @woken = true
          Dispatcher.guard("a wait") { Dispatcher.go_on(@fiber) }
        end
      end

      # A Fiber of a scheduler that the calling thread has, such as Async's.
      class Scheduled
        def initialize(scheduler)
          @scheduler = scheduler
          @fiber = Fiber.current
          @lock = Thread::Mutex.new
        end

        # @param timeout [Numeric, nil] seconds
        def suspend(timeout)
          deadline = Deadline.new(timeout)
          until @woken
            break if deadline.over?

            @scheduler.block(self, deadline.left)
          end
        ensure
          @lock.synchronize { @left = true }
        end

        # Any thread may call it.
        def wake
          @lock.synchronize do
            @woken = true
            @scheduler.unblock(self, @fiber) unless @left
          end
        rescue StandardError => e
          # Its loop has ended, and so has the wait. Others wait for the same outcome, and are woken after this one.
          Dispatcher.log_system_debug "a Fiber scheduler cannot wake a Fiber that waits: #{e.message} (#{e.class})"
        end
      end

      # The thread of a simulated world, outside of events: it lets the world go on.
      class Driving
        def initialize(driver, what)
          @driver = driver
          @what = what
        end

        # @param timeout [Numeric, nil] seconds of the world's clock
        # @raise [OverSIP::RuntimeError] nothing more is due in the world
        def suspend(timeout)
          timer = Waiters.after(timeout) { @timed_out = true } if timeout
          until @woken || @timed_out
            next if @driver.call || @woken || @timed_out

            raise OverSIP::RuntimeError, "#{@what} does not end, and nothing more is due in the world"
          end
        ensure
          Waiters.cancel(timer) if timer
        end

        # Any thread may call it.
        def wake
          @woken = true
        end
      end

      class << self
        # Runs a block after a time of the engine's clock.
        #
        # @return [Integer] for {cancel}
        # @raise [StoppedError] the engine has ended
        def after(seconds, &block)
          Engine.schedule(seconds, block)
        rescue OverSIP::RuntimeError
          raise StoppedError
        end

        # @param timer [Integer]
        def cancel(timer)
          Engine.unschedule(timer)
        rescue OverSIP::RuntimeError
          # The engine has ended, and with it the timer.
        end

        # @param what [#to_s] what the caller is about to wait for
        # @return [#suspend, #wake, nil] nil: the caller's thread has to wait
        def of_caller(what)
          return Dispatcher.waiter(what) if Dispatcher.current?

          of_scheduler
        end

        # @return [Scheduled, nil] for a scheduler that is not the dispatcher's own
        def of_scheduler
          scheduler = Fiber.current_scheduler
          Scheduled.new(scheduler) if scheduler && !scheduler.equal?(Dispatcher.scheduler)
        end
      end
    end
  end
end
