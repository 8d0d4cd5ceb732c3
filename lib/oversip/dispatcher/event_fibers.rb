# frozen_string_literal: true

require "oversip/dispatcher/event_tasks"
require "oversip/dispatcher/fiber_waits"
require "oversip/fiber_state"

module OverSIP
  module Dispatcher
    # Fibers that run one event after the other: making one costs ten times as much as waking an idle one. A Fiber that a
    # script suspended in the midst of an event is not used again until that event ends, and then has no data of it.
    #
    # @api private
    class EventFibers
      include FiberWaits

      # The kernel allows about 31 000 stacks with guard pages in a process (vm.max_map_count).
      MAX_SUSPENDED = 20_000

      # An event whose Fiber is suspended: what the engine knows of it, and whether this suspension has been logged.
      Suspended = Struct.new(:event, :told) do
        # @return [Integer] the engine's time at which it was suspended, in nanoseconds
        def since
          event.since
        end

        # @return [String] what it is about
        def subject
          event.to_s
        end
      end

      # The argument that runs an event in an idle Fiber. A script that resumes a Fiber once too often does not have it.
      WORK = Object.new.freeze
      private_constant :WORK

      # @param scheduled [Boolean] whether the Fiber scheduler of the thread looks after them
      # @yieldparam exception [Exception] SystemExit, a signal or NoMemoryError from an event
      def initialize(max_suspended: MAX_SUSPENDED, scheduled: false, &on_fatal)
        @max_suspended = max_suspended
        @blocking = !scheduled
        @on_fatal = on_fatal
        @idle = []
        @suspended = {}.compare_by_identity
        @fibers = {}.compare_by_identity
        begin_waits
        @tasks = {}.compare_by_identity
      end

      # Runs the event that the engine has ready.
      def run_event
        fiber = @idle.pop || create
        # At the bound events still run, only they cannot suspend: a Fiber.yield in them raises FiberError.
        return run_in(fiber) if fiber

        FiberState.within { run_guarded }
      end

      # Resumes the Fiber of a suspended event, which is the running one until it is suspended again or ends; or another
      # Fiber that waits.
      #
      # @param exception [Exception, nil] what it meets where it waits
      # @return [Boolean] whether it was suspended
      def go_on(fiber, exception = nil)
        suspended = @suspended.delete(fiber)
        return admitted?(fiber) && wake_admitted(fiber, exception) unless suspended

        begin
          suspended.told = false
          Engine.resume_event(suspended.event) { wake(fiber, exception) }
        ensure
          @suspended[fiber] = suspended unless ended?(fiber)
        end
      end

      # @return [Boolean] whether this Fiber runs events
      def include?(fiber)
        @fibers.key?(fiber)
      end

      # Any thread may ask.
      #
      # @return [Boolean] whether the event of this Fiber is one that is not suspended
      def runs?(fiber)
        include?(fiber) && !@suspended.key?(fiber) && wait_of(fiber).nil?
      end

      # @return [Integer] how many events are suspended
      def suspended
        @suspended.size
      end

      # @return [Array<Array(Fiber, Suspended)>] the events that are suspended, as they are at this moment
      def suspended_events
        @suspended.to_a
      end

      # Notes a Task of the event that runs in a Fiber: it is told of the end of the event.
      #
      # @param task [Task]
      # @return [Boolean] false: the Fiber runs no events
      def note_task(fiber, task)
        return false unless include?(fiber)

        (@tasks[fiber] ||= EventTasks.new).add(task)
        true
      end

      # Work has failed that nobody waits for.
      #
      # @param exception [Exception]
      # @return [Boolean] whether that ends the process
      def end_by(exception)
        fatal = FATAL.any? { |kind| exception.is_a?(kind) }
        Dispatcher.end_process(exception) if fatal
        fatal
      end

      # What an event without a Fiber waits by.
      #
      # @param what [#to_s]
      # @raise [OverSIP::RuntimeError]
      def outside(what)
        raise OverSIP::RuntimeError, "#{what} cannot wait here: #{@fibers.size} callbacks are suspended, " \
                                     "#{@max_suspended} at most, so this one runs without a Fiber"
      end

      # Ends the events that are suspended, also those that the script has suspended, since the thread ends: they meet an
      # exception where they wait.
      #
      # @param exception [Exception]
      def give_up(exception)
        end_waits(exception)
        suspended_events.each do |fiber, _|
          fiber.raise(exception) if fiber.alive?
        rescue FiberError
          # It was handed to a scheduler.
        end
      end

      private

      def run_in(fiber)
        fiber.resume(WORK)
        return if @idle.last.equal?(fiber) || ended?(fiber)

        @suspended[fiber] = Suspended.new(Engine.suspend_event, false)
      end

      # @return [true]
      def wake(fiber, exception)
        exception ? fiber.raise(exception) : fiber.resume
        true
      end

      # The event for which it goes on is the running one meanwhile.
      #
      # @return [true]
      def wake_admitted(fiber, exception)
        event = @admitted[fiber]
        event ? Engine.resume_event(event) { wake(fiber, exception) } : wake(fiber, exception)
      end

      # @return [Boolean] whether the event has ended that ran in this Fiber until just now: then it is the last idle one
      def ended?(fiber)
        @idle.last.equal?(fiber) || !fiber.alive?
      end

      def create
        return full("#{@fibers.size} callbacks are suspended") if @fibers.size >= @max_suspended

        fiber = FiberState.create(blocking: @blocking) { |work| serve(work) }
        @fibers[fiber] = true
        fiber
      rescue FiberError => e
        full(e.message)
      end

      def serve(work)
        loop do
          if work.equal?(WORK)
            run_guarded
            @suspended.delete(Fiber.current) unless @suspended.empty?
            @tasks.delete(Fiber.current)&.event_over unless @tasks.empty?
            # A Fiber that cannot be cleared ends here.
            break unless FiberState.clear

            @idle.push(Fiber.current)
          end
          work = Fiber.yield
        end
      ensure
        @suspended.delete(Fiber.current)
        @fibers.delete(Fiber.current)
      end

      def run_guarded
        Engine.run_event
      rescue *FATAL => e
        @on_fatal.call(e)
      end

      def full(reason)
        unless @said
          Dispatcher.log_system_error "no further Fiber for callbacks (#{reason}): they run without one and cannot " \
                                      "wait; scripts must resume the Fibers that they suspend, and waits need a time-out"
        end
        @said = true
        nil
      end
    end
  end
end
