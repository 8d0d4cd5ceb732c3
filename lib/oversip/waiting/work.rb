# frozen_string_literal: true

require "oversip/source_place"

module OverSIP
  module Waiting
    # A block that runs on a worker, and its outcome.
    #
    # @api private
    class Work
      # The Fiber-local datum that has the {Engine.event_context} of the event that has begun the work.
      EVENT = :oversip_event

      # Is in the backtrace of what work raises.
      FILE = __FILE__

      # Fiber storage came with Ruby 3.2.
      STORAGE = Fiber.method_defined?(:storage)
      private_constant :STORAGE

      # @return [Dispatcher::Outcome]
      attr_reader :outcome

      # @param name [String] what has begun it
      # @param block [Proc]
      # @param wrapper [#call, nil] see {Waiting.wrapper}
      def initialize(name, block, wrapper = nil)
        @name = name
        @block = block
        @wrapper = wrapper
        @outcome = Dispatcher::Outcome.new
        @lock = BriefMutex.new
        @storage = Fiber.current.storage if STORAGE
        @event = Engine.event_context
      end

      # Runs it in the calling thread, in a Fiber of its own: so it has a copy of the Fiber storage of its beginner, and what
      # it leaves behind goes with the Fiber.
      def run
        fiber = self.fiber(->(result) { settle(result) })
        fiber.resume
        end_suspended(fiber) if fiber.alive?
      end

      # @param ended [Proc] called with its result, as {Dispatcher::Outcome#settle} takes it
      # @return [Fiber] that runs it
      def fiber(ended)
        # It blocks, as the first Fiber of a thread does: a scheduler that the work sets sees its own Fibers only.
        options = STORAGE ? { storage: @storage } : {}
        Fiber.new(blocking: true, **options) { perform(ended) }
      end

      # Its Fiber was suspended by something else than a wait of this library.
      #
      # @param fiber [Fiber]
      def end_suspended(fiber)
        give_up(FiberError.new("#{self} has suspended its Fiber, and nothing resumes it"))
        fiber.raise(FiberError, "nothing resumes this Fiber")
      rescue FiberError
        # It was handed to a scheduler.
      end

      # It has ended. A failure is logged if nobody waits for it.
      #
      # @param result [Array(Symbol, Object)] see {fiber}
      def settle(result)
        @outcome.settle(*result)
        kind, exception = result
        return unless kind == :raised

        noticed = @lock.synchronize do
          @failure = exception
          @on_failure
        end
        tell
        noticed&.call
      end

      # @yield once, when it has failed
      def on_failure(&block)
        failed = @lock.synchronize do
          @on_failure = block
          @failure
        end
        yield if failed
      end

      # Nobody waits for it now, and perhaps nobody will.
      #
      # @param late [Boolean] its time is over
      def unattended(late: false)
        @late = late
        @lock.synchronize { @unattended = true }
        tell
      end

      # Somebody does.
      def attended
        @lock.synchronize { @unattended = false }
      end

      # Its thread is about to be killed: that is told of all such work at once.
      def forsake
        @lock.synchronize { @forsaken = true }
      end

      # @return [Boolean] whether its failure is logged
      def told?
        @told == true
      end

      # @return [Boolean] whether it runs though its time is over
      def late?
        @late == true && !@outcome.settled?
      end

      # It ends without a value, unless it has one.
      def give_up(exception)
        @outcome.settle(:raised, exception)
      end

      # @return [Boolean] whether the caller is this work itself
      def caller?
        Fiber.current.equal?(@fiber)
      end

      # @return [String] with its place in the script, which a method of Ruby's own and the block of a Symbol do not have
      def to_s
        place = SourcePlace.of(@block)
        place ? "#{@name} (#{place.join(":")})" : @name
      end

      # @return [String] the same with the request of the event that has begun it
      def subject
        "#{self}#{Dispatcher.of_event(@event)}"
      end

      private

      # Logs its failure, if that has to be done.
      def tell
        due = @lock.synchronize { @failure && @unattended && !@forsaken && !@told && (@told = true) }
        Dispatcher.work_failed(@failure, to_s, @event) if due
      end

      def perform(ended)
        @fiber = Fiber.current
        Thread.current[EVENT] = @event
        result = [:raised, OverSIP::RuntimeError.new("the thread of #{self} was killed")]
        result = [:returned, @wrapper ? @wrapper.call(@block) : @block.call]
      rescue Exception => e # rubocop:disable Lint/RescueException -- handed to the block that waits
        result = [:raised, e]
      ensure
        # A kill in the midst of it would leave some who wait asleep.
        Thread.handle_interrupt(Object => :never) { ended.call(result) }
      end
    end
  end
end
