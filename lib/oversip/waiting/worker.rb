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
      end

      # @return [Thread] which inherits the deferral: a kill that comes before it works would find no `ensure` to run
      def start
        Thread.handle_interrupt(Object => :never) do
          Thread.new { run }.tap { |thread| thread.name = "oversip worker" }
        end
      end

      private

      def run
        # Its work runs in Fibers.
        Engine.keep_native_thread
        while @pool.take { |work| @work = work }
          Thread.handle_interrupt(Object => :immediate) { @work.run }
          @pool.finished(@work)
          @work = nil
        end
      ensure
        @work&.give_up(OverSIP::RuntimeError.new("the thread of #{@work} was killed"))
        @pool.left(Thread.current, @work)
      end
    end
  end
end
