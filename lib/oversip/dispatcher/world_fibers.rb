# frozen_string_literal: true

require "oversip/dispatcher/event_fibers"

module OverSIP
  module Dispatcher
    # The Fibers in which the events of a script run while a simulated world is open, in the thread of that world.
    #
    # @api private
    class WorldFibers < EventFibers
      # Whether an exception ends the process with status 0, as `exit` does. Ruby raises the same where the main thread is
      # killed.
      def self.success?(exception)
        exception.is_a?(SystemExit) && exception.success?
      end

      # @param world [Engine::World]
      # @param scheduled [Boolean] see {EventFibers}
      def initialize(world, scheduled: false)
        super(scheduled:) { |exception| @fatal = exception }
        @world = world
      end

      # Runs the event that the world has ready.
      #
      # @raise [SystemExit, SignalException, NoMemoryError] what would end the process of a server
      def run_event
        super
        fatal = @fatal or return
        @fatal = nil
        # Its observer knows of it.
        raise fatal unless WorldFibers.success?(fatal)
      end

      # @param driver [#call] lets the world go on while its thread waits; it answers false when nothing more is due
      # @param on_failure [#call] gets exceptions of work that nobody waits for
      def attend(driver:, on_failure:)
        @driver = driver
        @on_failure = on_failure
      end

      # See {EventFibers#end_by}. It fails the example.
      def end_by(exception)
        @on_failure&.call(exception)
        false
      end

      # What the thread of the world waits by, outside of events.
      #
      # @param what [#to_s]
      def outside(what)
        @driver ? Waiters::Driving.new(@driver, what) : super
      end

      # Ends the idle Fibers: their stacks do not wait for the garbage collector.
      def close
        @idle.dup.each { |fiber| fiber.raise(StopIteration) }
      rescue FiberError
        # Another thread closes the world: the Fibers are not its own.
      end

      private

      def run_guarded
        @world.run_event
      rescue *FATAL => e
        @on_fatal.call(e)
      end
    end
  end
end
