# frozen_string_literal: true

module OverSIP
  module Dispatcher
    # Looks from a thread of its own for blocks that take too long and for Fibers that nobody resumes, and says in the log
    # where they stand. Each event is told of once. Events that are over in time cost it nothing.
    #
    # @api private
    class Watch
      # Frames of a backtrace that are shown.
      FRAMES = 8

      # The library's own frames end what is of interest.
      LIBRARY = File.expand_path("../..", __dir__).concat("/oversip")
      private_constant :LIBRARY

      # @param limit [Numeric] seconds that an event may take
      # @param dispatcher [#backtrace, #suspended_events]
      def initialize(limit, dispatcher: Dispatcher)
        @limit = limit
        @dispatcher = dispatcher
        @lock = Mutex.new
        @wake = ConditionVariable.new
      end

      # Begins to look, ten times within the limit.
      def start
        @thread = Thread.new { run }
        @thread.name = "oversip watch"
        self
      end

      # Ends the thread.
      def stop
        @lock.synchronize do
          @ended = true
          @wake.broadcast
        end
        @thread&.join unless @thread == Thread.current
      end

      # Looks once.
      def look
        look_at_running
        look_at_suspended
      end

      private

      def run
        until @ended
          @lock.synchronize { @wake.wait(@lock, (@limit / 10.0).clamp(0.05, 1)) unless @ended }
          look unless @ended
        end
      rescue OverSIP::RuntimeError
        # The engine has ended.
      end

      def look_at_running
        number, seconds, subject = Engine.running_event
        return unless number && seconds >= @limit && number != @told

        frames = @dispatcher.backtrace
        # It may have ended meanwhile, and the frames are another one's.
        return unless Engine.running_event&.first == number

        @told = number
        warn_of("#{subject} has been running for #{seconds.floor} s", frames)
      end

      def look_at_suspended
        now = Engine.clock
        @dispatcher.suspended_events.each do |fiber, event|
          next if event.told || now - event.since < @limit

          event.told = true
          warn_of("#{event.subject} has been suspended for #{(now - event.since).floor} s", fiber.backtrace)
        end
      end

      def warn_of(what, frames)
        own = frames.to_a.take_while { |frame| !frame.start_with?(LIBRARY) }
        own = frames.to_a if own.empty?
        place = own.empty? ? "" : "; it stands at #{own.first(FRAMES).join(", from ")}"
        Dispatcher.log_system_warn("#{what}#{place}")
      end
    end
  end
end
