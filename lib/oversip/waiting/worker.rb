# frozen_string_literal: true

module OverSIP
  module Waiting
    # A thread that runs one work after the other.
    #
    # @api private
    class Worker
      # @param pool [Pool]
      def initialize(pool)
        @pool = pool
        @called = Thread::ConditionVariable.new
      end

      # @return [Thread] which inherits the deferral: a kill that comes before it works would find no `ensure` to run
      def start
        Thread.handle_interrupt(Object => :never) do
          Thread.new { run }.tap { |thread| thread.name = "oversip worker" }
        end
      end

      # Waits until it is called.
      #
      # @param lock [BriefMutex] that of the pool, which the caller has
      def rest(lock)
        @called.wait(lock) until @pool.called?(self)
      end

      # The caller has the lock of the pool.
      def call
        @called.signal
      end

      private

      def run
        # Its work runs in Fibers.
        Engine.keep_native_thread
        @ready = true
        while @pool.take(self) { |work| @work = work }
          Thread.handle_interrupt(Object => :immediate) { @work.run }
          @pool.finished(@work)
          @work = nil
        end
      rescue Exception => e # rubocop:disable Lint/RescueException -- raised again: the pool has to know of it
        failure = e unless @ready
        raise
      ensure
        @work&.give_up(OverSIP::RuntimeError.new("the thread of #{@work} was killed"))
        @pool.left(self, @work, failure)
      end
    end
  end
end
