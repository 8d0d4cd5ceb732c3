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

      # A wait may suspend this Fiber too.
      def admit(fiber)
        @fibers.admit(fiber)
      end

      # It has ended.
      def dismiss(fiber)
        @fibers&.dismiss(fiber)
      end

      # @return [Array<Waiters::Suspension>] what waits just now
      def waits
        @fibers ? @fibers.waits : []
      end

      # See {WorldFibers#driver=}.
      def driver=(driver)
        @fibers.driver = driver
      end

      # @return [Boolean] whether the caller is work that runs in the thread of a world
      def working?
        current? && Waiting.working?
      end

      # The engine is about to end: see {EventFibers#end_waits}.
      def end_waits
        @fibers&.end_waits
      end

      # @return [Hash{Symbol => Numeric}] for {OverSIP.stats}
      def wait_stats
        present = waits
        oldest = present.map(&:since).min
        { waiting_blocks: present.size, longest_wait: oldest ? (Engine.clock - oldest) / 1e9 : 0.0 }
      end

      # @param fiber [Fiber]
      # @return [#to_s, nil] what it waits for
      def awaited_by(fiber)
        waits.find { |wait| wait.fiber.equal?(fiber) }&.what
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
