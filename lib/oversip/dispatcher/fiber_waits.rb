# frozen_string_literal: true

module OverSIP
  module Dispatcher
    # The waits of {EventFibers}: which Fibers one may suspend, and which are suspended by one.
    #
    # @api private
    module FiberWaits
      # Ends a block that wants to wait again and again after the end of OverSIP. A script that rescues each StandardError,
      # to try once more, does not rescue it.
      class BlockOver < Exception # rubocop:disable Lint/InheritException -- it is no error that a script can mend
        def initialize(message = "OverSIP has ended, and the block has not")
          super
        end
      end

      # @return [Boolean] whether a wait may suspend this Fiber
      # @raise [StoppedError] the engine has ended: nobody would resume it
      # @raise [BlockOver] the block was told so before
      def suspendable?(fiber)
        return false unless include?(fiber) || admitted?(fiber)
        return true if !@ended && Engine.running?

        refuse(fiber) if @ended || LifeCycle.own_process?

        # A forked child has the Fiber, but nothing that resumes it.
        false
      end

      # A wait may suspend this Fiber too, which runs no events.
      #
      # @param event [Engine::SuspendedEvent, nil] the one for which it goes on
      # @raise [OverSIP::RuntimeError] there are too many Fibers
      def admit(fiber, event = nil)
        if @admitted.size + @fibers.size >= @max_suspended
          raise OverSIP::RuntimeError, "no further Fiber can be begun: #{@fibers.size} Fibers of callbacks and " \
                                       "#{@admitted.size} others wait or run, #{@max_suspended} at most"
        end

        @admitted[fiber] = event
      end

      # It has ended.
      def dismiss(fiber)
        @admitted.delete(fiber)
      end

      # Runs a block that suspends the calling Fiber for a wait.
      #
      # @param wait [Waiters::Suspension]
      def waiting(wait, &)
        @waits[wait.fiber] = wait
        hooks = include?(wait.fiber) ? Dispatcher.suspending : []
        return yield if hooks.empty?

        leaving(hooks, &)
      ensure
        @waits.delete(wait.fiber)
        tell_end_of_waiting if @waits.empty?
      end

      # @return [Outcome] the caller's own, settled as soon as nothing waits any more
      def end_of_waiting
        outcome = Outcome.new
        @ends << outcome
        tell_end_of_waiting if @waits.empty?
        outcome
      end

      # @return [Waiters::Suspension, nil] the one by which a Fiber is suspended
      def wait_of(fiber)
        @waits[fiber]
      end

      # @return [Array<Waiters::Suspension>] those of the present moment
      def waits
        @waits.values
      end

      # Nobody resumes a Fiber any more: whatever waits meets an exception where it waits, and so does what wants to wait
      # later.
      #
      # @param exception [Exception]
      def end_waits(exception = StoppedError.new)
        @ended = exception
        waits.each do |wait|
          go_on(wait.fiber, exception) if @waits[wait.fiber].equal?(wait)
        rescue FiberError
          # The Fiber was handed to a scheduler.
        end
      end

      private

      def begin_waits
        @admitted = {}.compare_by_identity
        @waits = {}.compare_by_identity
        @refused = {}.compare_by_identity
        @ends = []
      end

      # Another thread may do the same.
      def tell_end_of_waiting
        @ends.shift&.settle(:returned) until @ends.empty?
      end

      # An `ensure` may try to wait, and is told why it cannot.
      def refuse(fiber)
        raise BlockOver if @refused[fiber]

        raise @ended || StoppedError
      ensure
        @refused[fiber] = true
      end

      def admitted?(fiber)
        @admitted.key?(fiber)
      end

      # A hook that refuses to leave keeps the others as they were.
      def leaving(hooks)
        left = []
        hooks.reverse_each do |hook|
          hook.leave
          left.unshift(hook)
        end
        yield
      ensure
        left.each(&:enter)
      end
    end
  end
end
