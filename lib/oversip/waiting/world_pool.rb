# frozen_string_literal: true

module OverSIP
  module Waiting
    # Runs work while a simulated world is open: in the world's thread, at once, each in a Fiber of its own, so that it waits
    # by the clock of the world.
    #
    # @api private
    class WorldPool
      # @return [Float] seconds of the world's clock that each work takes
      attr_accessor :takes

      def initialize
        @takes = 0.0
        @fibers = {}.compare_by_identity
        @timeouts = 0
      end

      # @return [true] it has no threads, which a child of its process would lack
      def own_process?
        true
      end

      # Runs it until it ends, or waits. Its outcome comes when its time is over.
      #
      # @param work [Work]
      def submit(work)
        due = Engine.clock + (@takes * 1e9)
        fiber = work.fiber(->(result) { ended(work, fiber, result, due) })
        @fibers[fiber] = work
        Dispatcher.admit(fiber)
        fiber.resume
        work.end_suspended(fiber) if fiber.alive? && !Dispatcher.awaited_by(fiber)
      end

      # All work has begun.
      def run_here(_work); end

      # @return [Boolean] whether the caller is work
      def worker?
        @fibers.key?(Fiber.current)
      end

      # See {Pool#abandon}.
      def abandon(work, timed_out: false)
        @timeouts += 1 if timed_out
        work.unattended(late: true)
      end

      # @return [Hash{Symbol => Integer}] for {OverSIP.stats}
      def stats
        late = @fibers.values.count(&:late?)
        { await_running: @fibers.size, await_queued: 0, await_late: late, await_timeouts: @timeouts }
      end

      private

      def ended(work, fiber, result, due)
        @fibers.delete(fiber)
        Dispatcher.dismiss(fiber)
        left = (due - Engine.clock) / 1e9
        settle = -> { work.settle(result) }
        left.positive? && Engine.running? ? Engine.schedule(left, settle) : settle.call
      end
    end
  end
end
