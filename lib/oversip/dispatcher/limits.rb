# frozen_string_literal: true

require "timeout"
require "oversip/brief_mutex"
require "oversip/dispatcher/limits/limit"

module OverSIP
  module Dispatcher
    # The limits of time (`Timeout.timeout`) of events on a dispatcher without a Fiber scheduler. Ruby's own Timeout raises
    # in the thread, so it would meet whichever event runs there while the one with the limit waits.
    #
    # @api private
    class Limits
      # Seconds until another look at a limit that is over and could not be delivered.
      AGAIN = 0.02
      private_constant :AGAIN

      # Takes the place of Ruby's `timeout`, for events alone.
      module Timeout
        # @return [Object] what the block returns
        def timeout(seconds, klass = nil, message = nil, &block)
          return super unless block && seconds.is_a?(Numeric) && seconds.positive? && Dispatcher.limits_events?

          Dispatcher.limits.limited(seconds, klass, message || "execution expired", &block)
        end
      end

      # The same where a script includes Ruby's Timeout.
      module PrivateTimeout
        include Timeout

        private :timeout
      end

      def self.install
        ::Timeout.singleton_class.prepend(Timeout)
        ::Timeout.prepend(PrivateTimeout)
      end

      def initialize
        @process = Process.pid
        @lock = BriefMutex.new
        @changed = Thread::ConditionVariable.new
        # In the order of their times.
        @limits = []
      end

      # @return [Boolean] false in a forked child, which has no thread of it
      def own_process?
        @process == Process.pid
      end

      # @param seconds [Numeric]
      # @param klass [Class, nil] see {Limit}
      def limited(seconds, klass, message, &)
        limit = Limit.new(self, seconds, klass, message)
        limit.run { yield_limited(limit, seconds, &) }
      end

      # Ends the thread.
      def close
        @thread&.kill
      end

      private

      def yield_limited(limit, seconds)
        add(limit)
        yield seconds
      ensure
        remove(limit)
      end

      def add(limit)
        @lock.synchronize do
          watch unless @thread&.alive?
          place(limit)
          @changed.signal if @limits.first.equal?(limit)
        end
        limit.follow_clock
      end

      def place(limit)
        @limits.insert(@limits.bsearch_index { |other| other.due > limit.due } || -1, limit)
      end

      def remove(limit)
        @lock.synchronize do
          limit.over
          index = @limits.bsearch_index { |other| other.due >= limit.due }
          index += 1 until index.nil? || @limits[index].nil? || @limits[index].equal?(limit)
          @limits.delete_at(index) if index
        end
        # What was raised meanwhile is met here, not behind the block.
        Thread.pass if limit.sent?
      end

      def watch
        @thread = Thread.new { @lock.synchronize { loop { look } } }
        @thread.name = "oversip limits"
      end

      def look
        limit = @limits.first
        return @changed.wait(@lock) unless limit

        left = limit.due - Deadline.now
        return @changed.wait(@lock, left) if left.positive?

        @limits.shift
        limit.expire
        return if limit.sent?

        limit.due = Deadline.now + AGAIN
        place(limit)
      end
    end
  end
end
