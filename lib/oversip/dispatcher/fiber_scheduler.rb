# frozen_string_literal: true

require "oversip/brief_mutex"
require "oversip/dispatcher/scheduling/addresses"
require "oversip/dispatcher/scheduling/closing"
require "oversip/dispatcher/scheduling/descriptors"
require "oversip/dispatcher/scheduling/held_up"
require "oversip/dispatcher/scheduling/hidden"
require "oversip/dispatcher/scheduling/timeouts"
require "oversip/dispatcher/scheduling/unasked"

module OverSIP
  module Dispatcher
    # The Fiber scheduler of the dispatcher thread (`core: fiber_scheduler`). Ruby calls its methods where a Fiber is about
    # to wait. The Fiber of an event, and one of `Fiber.schedule`, is suspended until the wait is over; others run meanwhile.
    # In a Fiber that a script or a library has made, the thread itself waits: who resumed that Fiber expects a value of it,
    # not a wait.
    #
    # There is no loop of its own: the engine's one is that of the dispatcher.
    #
    # @see https://docs.ruby-lang.org/en/3.4/Fiber/Scheduler.html
    # @api private
    class FiberScheduler
      include Scheduling::Addresses
      include Scheduling::Descriptors
      include Scheduling::Timeouts

      def initialize
        @process = Process.pid
        @waits = {}.compare_by_identity
        @descriptors = {}
        @held_up = Scheduling::HeldUp.new
        Scheduling::Unasked.install
        Scheduling::Closing.install
      end

      # `sleep`, and the wait of a ConditionVariable.
      #
      # @param duration [Numeric] seconds of the engine's clock; without it: for ever
      # @return [Boolean] whether something ended the wait before its time
      def kernel_sleep(*duration)
        wait(nil, duration.empty? || duration == [nil] ? nil : Scheduling::Timeouts.seconds(*duration), "sleep")
      end

      # A wait for another Fiber or thread: `Queue#pop`, `Mutex#lock`, `Thread#join` and their like.
      #
      # @param blocker [Object] what is waited for, see {Scheduling::Hidden}
      # @param timeout [Numeric, nil] seconds of the engine's clock; Ruby hands on any number that a script gives
      # @return [Boolean] false at the time-out
      def block(blocker, timeout = nil)
        blocker = Scheduling::Hidden.stand_in(blocker)
        return give_way if blocker.is_a?(BriefMutex)
        return @held_up.lock(blocker) if blocker.is_a?(Thread::Mutex) && !suspendable?

        wait(blocker, timeout&.clamp(0, Seconds::MOST), Scheduling::Hidden::LOAD.equal?(blocker) ? blocker : blocker.class)
      end

      # That wait is over. Called by any thread, even in a trap handler.
      #
      # @param fiber [Fiber] who waits
      def unblock(blocker, fiber)
        blocker = Scheduling::Hidden.stand_in(blocker)
        return @held_up.wake(blocker, fiber) unless Dispatcher.suspends?(fiber)

        # The Fiber may be on its way to its wait: on the dispatcher it is there.
        Engine.schedule(0.0, -> { wake(blocker, fiber) })
      rescue OverSIP::RuntimeError
        # The engine has ended, and the wait with it.
      end

      # A wait is to meet an exception (Ruby 4.0): its descriptor was closed, for example.
      def fiber_interrupt(fiber, exception)
        Engine.schedule(0.0, -> { @waits[fiber]&.last&.settle(:raised, exception) })
      end

      # `Process.wait`, `system` and their like.
      #
      # @return [Process::Status]
      def process_wait(pid, flags)
        Waiting.run("a process") { Process::Status.wait(pid, flags) }
      end

      # `Fiber.schedule`: the block begins at once, and may wait as the event's own Fiber does. It does not hold up the
      # Client of the event: that waits for the event itself.
      #
      # @return [Fiber]
      def fiber(*, &block)
        # A request is named beside it.
        event = Engine.running_event unless Engine.event_context
        name = "Fiber.schedule#{" in #{event.last}" if event}"
        fiber = Fiber.new(blocking: false) do
          Dispatcher.guard(name) do
            block.call
          rescue Exception => e # rubocop:disable Lint/RescueException -- raised again: a world has to know of it
            AroundCallback.keep(e)
            raise
          end
        ensure
          Dispatcher.dismiss(fiber)
        end
        Dispatcher.admit(fiber, Engine.share_event)
        fiber.tap(&:resume)
      end

      # The async gem, from its version 2 on, takes the scheduler of a thread for one of its own.
      #
      # @raise [OverSIP::RuntimeError]
      def add_child(*)
        raise OverSIP::RuntimeError, SchedulerGuard::REFUSED
      end

      # The thread ends. Who still waits has been told by then.
      def close; end

      private

      # @return [Boolean] whether the calling Fiber is one that a wait suspends. A forked child has no engine to wake it
      def suspendable?
        @process == Process.pid && Dispatcher.suspendable?
      end

      # To other threads alone. Ruby tries again then.
      def give_way
        Thread.pass
        true
      end

      # @param what [#to_s] for the log
      # @return [Boolean] false at the time-out
      def wait(blocker, timeout, what)
        return @held_up.wait(blocker, timeout, what) unless suspendable?

        await(blocker, timeout, what) == true
      end

      # @yieldparam outcome [Outcome] settled by who ends the wait
      # @return [Object, nil] nil at the time-out
      def await(blocker, timeout, what)
        outcome = Outcome.new
        @waits[Fiber.current] = [blocker, outcome]
        yield outcome if block_given?
        outcome.value(timeout, what: what)
      ensure
        @waits.delete(Fiber.current)
      end

      def wake(blocker, fiber)
        awaited, outcome = @waits[fiber]
        outcome.settle(:returned, true) if outcome && Scheduling.ends?(awaited, blocker)
      end
    end
  end
end
