# frozen_string_literal: true

module OverSIP
  module Dispatcher
    # Which Fibers a wait suspends, and what waits just now. Part of {Dispatcher}.
    #
    # @api private
    module Waits
      # The scheduler that the library itself has set on the dispatcher thread.
      #
      # @return [Object, nil]
      attr_accessor :scheduler

      # @return [Object, nil] that one, for a caller on its thread
      def own_scheduler
        scheduler if current?
      end

      # A script may not have a Fiber scheduler of its own where events run. A spec may, around them, and work too.
      #
      # @return [Boolean] whether this one is refused
      def refuses?(other)
        return false if other.equal?(scheduler) || !current? || !LifeCycle.own_process? || working?

        scheduler ? true : !(@fibers.is_a?(WorldFibers) && Fiber.current.equal?(OverSIP.root_fiber))
      end

      # What is told when an event's own Fiber is about to be suspended by a wait (`leave`), and when it goes on (`enter`).
      # Both run in that Fiber.
      #
      # @return [Array<#leave, #enter>]
      def suspending
        @suspending ||= []
      end

      # @return [Boolean] whether a wait of the caller suspends its Fiber
      def suspendable?
        current? && @fibers.suspendable?(Fiber.current)
      end

      # @param fiber [Fiber] not the caller's
      # @return [Boolean] whether a wait suspends it
      def suspends?(fiber)
        Engine.running? && @fibers&.suspendable?(fiber) == true
      end

      # A wait may suspend this Fiber too.
      #
      # @param event [Engine::SuspendedEvent, nil] what it goes on for
      def admit(fiber, event = nil)
        @fibers.admit(fiber, event)
      end

      # It has ended.
      def dismiss(fiber)
        @fibers&.dismiss(fiber)
      end

      # Tells a Task of the end of the event that runs in the calling Fiber.
      #
      # @param task [#event_over]
      # @return [Boolean] false: no event of its own does
      def note_task(task)
        current? && @fibers.note_task(Fiber.current, task)
      end

      # Waits until no block waits any more, those included that begin to meanwhile.
      #
      # @param limit [Numeric] seconds
      def let_waits_end(limit)
        deadline = Deadline.new(limit)
        until waits.empty? || deadline.over?
          @fibers.end_of_waiting.value(deadline.left)
          # The block that has waited goes on until it has ended, or waits again.
          call(timeout: deadline.left) { true }
        end
      end

      # @return [Array<Waiters::Suspension>] what waits just now
      def waits
        @fibers ? @fibers.waits : []
      end

      # See {WorldFibers#attend}.
      def attend(driver:, on_failure:)
        @fibers.attend(driver:, on_failure:)
      end

      # @return [Boolean] whether the caller is work that runs in the thread of a world
      def working?
        current? && Waiting.working?
      end

      # A world is about to be closed: see {FiberWaits#end_waits}.
      def end_waits
        @fibers&.end_waits
      end

      # @return [Hash{Symbol => Numeric}] for {OverSIP.stats}
      def wait_stats
        present = waits
        oldest = present.map(&:since).min
        { waiting_blocks: present.size, longest_wait: oldest ? (Engine.clock - oldest) / 1e9 : 0.0 }
      end

      # @return [Boolean] whether {Limits} interrupt the caller: it is an event, and has no Fiber scheduler that would
      def limits_events?
        current? && @fibers&.include?(Fiber.current) == true && Fiber.current_scheduler.nil?
      end

      # @return [Limits]
      def limits
        @limits = Limits.new unless @limits&.own_process?
        @limits
      end

      # @param fiber [Fiber] of an event that has not ended
      # @return [Boolean] whether it runs, rather than waits
      def runs?(fiber)
        @fibers&.runs?(fiber) == true
      end

      # @param fiber [Fiber]
      # @return [#to_s, nil] what it waits for
      def awaited_by(fiber)
        @fibers&.wait_of(fiber)&.what
      end

      # Says once, with the place of the script, that a wait holds up the dispatcher.
      #
      # @param what [#to_s]
      def warn_of_held_up(what)
        return if @held_up_told || !Engine.running?

        @held_up_told = true
        place = caller.find { |frame| !frame.start_with?(Watch::LIBRARY) }
        log_system_warn "#{what} holds up all events, at #{place}: it waits in a Fiber that the script or a library has " \
                        "made, and only the Fiber of the event itself can be suspended"
      end

      # The caller is about to hold up this thread: that is told of, or refused.
      #
      # @param what [#to_s] what it waits for
      # @raise [OverSIP::RuntimeError] it is an event without a Fiber
      def tell_of_wait(what)
        waiter(what)
        nil
      end

      # @param what [#to_s] what the caller, on this thread, is about to wait for
      # @return [#suspend, #wake, nil] nil: the thread has to wait
      def waiter(what)
        return Waiters::Suspension.new(@fibers, what) if suspendable?

        waiter = Waiters.of_scheduler
        return waiter if waiter
        return @fibers.outside(what) if Fiber.current.equal?(OverSIP.root_fiber)

        warn_of_held_up(what)
        nil
      end
    end
  end
end
