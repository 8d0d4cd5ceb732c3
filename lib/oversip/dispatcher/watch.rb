# frozen_string_literal: true

require "oversip/dispatcher/watch/standstill"

module OverSIP
  module Dispatcher
    # A thread that watches for slow blocks and for Fibers that are not resumed, and logs their place in the script, once for
    # each event. Events that end in time cost nothing: the thread waits without the interpreter's lock until a time is over.
    #
    # @api private
    class Watch
      # Frames of a backtrace that are shown.
      FRAMES = 8

      # Nanoseconds.
      SECOND = 1_000_000_000
      private_constant :SECOND

      # Seconds between two looks that may tell of suspended events.
      PAUSE = 1
      private_constant :PAUSE

      # The backtrace ends at the library's own frames.
      LIBRARY = File.expand_path("../..", __dir__).concat("/oversip/")

      # @param limit [Numeric] seconds that an event may take
      # @param dispatcher [#backtrace, #suspended_events, #awaited_by, #running_stage, #stage_of, #asleep?]
      def initialize(limit, dispatcher: Dispatcher)
        @limit = limit
        @dispatcher = dispatcher
      end

      # Watches the events of a new engine, whose numbers start again.
      def start
        Engine.told_of_running(0)
        Engine.forget_suspended
        spawn
        self
      end

      # Ends the thread.
      def stop
        thread = @thread
        @thread = nil
        thread&.kill
        thread&.join unless thread == Thread.current
      end

      # Checks once.
      def look
        look_at_running
        look_at_suspended
      rescue OverSIP::RuntimeError
        # The engine has ended.
      rescue StandardError => e
        Dispatcher.log_system_error "error while looking for blocks that take too long:"
        Dispatcher.log_system_error e
      end

      private

      # The thread inherits the deferral: a kill that comes before it looks would find no `ensure`.
      def spawn
        Thread.handle_interrupt(Object => :never) do
          @thread = Thread.new { run }
          @thread.name = "oversip watch"
        end
      end

      def run
        Thread.handle_interrupt(Object => :immediate) { look while Engine.wait_overdue(@limit.to_f) }
      ensure
        # Killed by a script: another thread watches as long as the engine runs.
        spawn if @thread == Thread.current && Engine.running?
      end

      def look_at_running
        number, seconds, subject = Engine.running_event
        return unless number && seconds >= @limit && number != @told

        frames = @dispatcher.backtrace
        subject = @dispatcher.running_stage || subject
        context = Engine.running_context
        standstill = Standstill.of(frames, @dispatcher) if @dispatcher.asleep?
        # The event may have ended meanwhile, so that the frames belong to another one.
        return unless Engine.running_event&.first == number

        Engine.told_of_running(@told = number)
        warn_of("#{subject} has been running for #{seconds.floor} s#{standstill}", frames, context)
      end

      def look_at_suspended
        now = Engine.clock
        # The time of a later suspension counts by itself.
        Engine.forget_suspended
        untold = @dispatcher.suspended_events.reject { |_, event| event.told }
        overdue, young = untold.partition { |_, event| now - event.since >= @limit * SECOND }
        tell_of(overdue, now)
        look_again(young.map { |_, event| event.since }.min, overdue.empty? ? nil : now)
      end

      # Of all that wait for the same in the same place there is one record, with the one that has waited for the longest.
      #
      # @param overdue [Array<Array(Fiber, EventFibers::Suspended)>]
      def tell_of(overdue, now)
        overdue = overdue.map { |fiber, event| [(now - event.since) / SECOND, fiber, event] }
        groups = overdue.group_by do |_, fiber, event|
          event.told = true
          # There may be thousands, and the dispatcher goes on meanwhile.
          Thread.pass
          [@dispatcher.stage_of(fiber), @dispatcher.awaited_by(fiber).to_s, script_frames(fiber.backtrace).first]
        end
        groups.each { |(stage, awaited, _), alike| tell(stage, awaited, alike.max_by(&:first), alike.size - 1) }
      end

      # A second later at the earliest when something was told: of what comes until then one record tells.
      #
      # @param oldest [Integer, nil] since when the one is suspended whose time comes next
      # @param told [Integer, nil] the present time when something was told
      def look_again(oldest, told)
        return unless oldest

        Engine.await_suspended(told ? [oldest, told + (PAUSE * SECOND) - (@limit * SECOND).to_i].max : oldest)
      end

      def tell(stage, awaited, (seconds, fiber, event), others)
        waits = " and waits for #{awaited}" unless awaited.empty?
        more = ", and so have #{others} others" if others.positive?
        text = "#{stage || event.subject} has been suspended for #{seconds} s#{waits}#{more}"
        warn_of(text, fiber.backtrace, event.event.context)
      end

      # @param context [Hash, nil] the {Engine.event_context} of the event
      def warn_of(what, frames, context)
        own = script_frames(frames)
        place = own.empty? ? "" : "; it stands at #{own.first(FRAMES).join(", from ")}"
        Logger.record(:warn, Dispatcher.log_id, "#{what}#{place}", [:overdue, own.first], context: context)
      end

      # @param frames [Array<String>, nil] nil: the Fiber has ended meanwhile
      # @return [Array<String>] those of the script, or all when none is
      def script_frames(frames)
        # Those of the wait itself come first.
        script = frames.to_a.drop_while { |frame| frame.start_with?(LIBRARY) }
        own = script.take_while { |frame| !frame.start_with?(LIBRARY) }
        own.empty? ? frames.to_a : own
      end
    end
  end
end
