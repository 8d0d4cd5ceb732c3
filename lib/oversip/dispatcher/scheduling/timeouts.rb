# frozen_string_literal: true

require "timeout"
require "oversip/fiber_state"

module OverSIP
  module Dispatcher
    module Scheduling
      # Limits of time for blocks (`Timeout.timeout`), as part of {FiberScheduler}.
      #
      # @api private
      module Timeouts
        # Passes each `rescue` of the block, as Ruby's own Timeout has it: so the limit of an inner block, or a script that
        # tries once more, does not take the one of an outer block for its own.
        class Expired < Exception; end # rubocop:disable Lint/InheritException -- no script is to rescue it
        private_constant :Expired

        class << self
          # @return [Float] seconds
          # @raise [TypeError, ArgumentError] what `sleep` raises
          def seconds(value)
            raise TypeError, "can't convert #{value.class} into time interval" unless value.respond_to?(:divmod)

            seconds = Float(value)
            raise ArgumentError, "time interval must not be negative" if seconds.negative?

            [seconds, Seconds::MOST].min
          end
        end

        # Raises the exception in a block that waits for too long. One that computes is not interrupted: it has the thread.
        #
        # @param duration [Numeric] seconds of the engine's clock
        # @param exception_class [Class, Exception] an exception from Ruby 3.2 on. Timeout::Error, as without a class, is
        #   raised by this method; another one where the block waits
        # @param arguments [Array] of the exception
        # @return [Object] what the block returns
        def timeout_after(duration, exception_class = Timeout::Error, *arguments, &)
          arguments = ["execution expired"] if arguments.empty?
          duration = Timeouts.seconds(duration)
          return in_real_time(duration, exception_class, arguments, &) unless suspendable?

          on_the_clock(duration, exception_class.exception(*arguments), &)
        end

        private

        def on_the_clock(duration, exception)
          raised = exception.instance_of?(Timeout::Error) ? Expired.new(exception.message) : exception
          limited(duration, raised) { yield duration }
        rescue Expired, ThreadError => e
          # Where an exception ends the wait of a ConditionVariable, Ruby 3.1 does not lock its Mutex again, and then
          # complains that it is not locked.
          raise e unless e.equal?(raised) || e.cause.equal?(raised)

          exception.set_backtrace(e.backtrace) unless exception.backtrace
          raise exception, cause: nil
        end

        # @param exception [Exception] what the calling Fiber meets when the time is over
        def limited(duration, exception)
          fiber = Fiber.current
          ended = false
          expired = lambda do
            Dispatcher.guard("Timeout.timeout") { Dispatcher.go_on(fiber, exception) } unless ended
          end
          timer = Engine.schedule(duration, expired)
          yield
        ensure
          ended = true
          Engine.unschedule(timer) if timer && Engine.running?
        end

        # As Ruby does it without a scheduler.
        def in_real_time(duration, exception_class, arguments)
          thread = Thread.current
          timer = Thread.new do
            sleep duration
            thread.raise(exception_class, *arguments)
          end
          yield duration
        ensure
          timer&.kill
          FiberState.blocking { timer&.join }
        end
      end
    end
  end
end
