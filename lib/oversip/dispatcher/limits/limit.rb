# frozen_string_literal: true

require "oversip/deadline"

module OverSIP
  module Dispatcher
    class Limits
      # One limit of time, of the Fiber of an event.
      #
      # @api private
      class Limit
        # Passes each `rescue` of the block, as Ruby's own Timeout has it: so no inner block takes the limit of an outer one
        # for its own.
        class Expired < Exception # rubocop:disable Lint/InheritException -- no script is to rescue it
          # @param limit [Limit]
          def initialize(limit, message)
            @limit = limit
            super(message)
          end

          # Ruby calls it where the exception is about to be raised.
          def exception(*)
            @limit.leave(caller)
            self
          end
        end
        private_constant :Expired

        # @return [Float] when it is over, see {Deadline.now}
        attr_accessor :due

        # @param seconds [Numeric]
        # @param klass [Class, Exception, nil] what the block meets; without it Timeout::Error is raised behind the block
        # @param message [String]
        def initialize(limits, seconds, klass, message)
          @limits = limits
          @seconds = [seconds.to_f, Seconds::MOST].min
          @due = Deadline.now + @seconds
          @fiber = Fiber.current
          @thread = Thread.current
          @klass = klass
          @message = message
        end

        # Runs the block that has this limit, in its Fiber.
        #
        # @return [Object] what the block returns
        # @raise [Timeout::Error] it takes too long
        def run
          backtrace = catch(self) { return yield }
          raise ::Timeout::Error, @message, backtrace
        end

        # The block is about to meet {Expired}. Another Fiber, in which it may be, cannot leave the block.
        def leave(backtrace)
          throw self, backtrace if Fiber.current.equal?(@fiber)
        end

        # The waits of a simulated world follow its clock, and not the real one.
        def follow_clock
          return unless Engine.world_open?

          @timer = Engine.schedule(@seconds, -> { deliver })
        end

        # The block has ended.
        def over
          @over = true
          Waiters.cancel(@timer) if @timer
        end

        # @return [Boolean] whether the block meets an exception, or is about to
        def sent?
          @sent == true
        end

        # The time is over, says another thread. The thread of the event is interrupted if the event runs there.
        def expire
          return if @over || @sent
          return send_to_wait unless Dispatcher.runs?(@fiber)

          @sent = true
          @thread.raise(exception)
        end

        private

        # The dispatcher comes to it when the Fiber does not run; it may be in another wait by then, and still in the block.
        def send_to_wait
          return if Engine.world_open?

          Engine.schedule(0.0, -> { deliver })
        rescue OverSIP::RuntimeError
          # The engine has ended, and so does the wait.
        end

        def deliver
          return if @over || @sent || Dispatcher.runs?(@fiber)

          @sent = true
          @sent = false if Dispatcher.guard("Timeout.timeout") { Dispatcher.go_on(@fiber, exception) } == false
        end

        def exception
          @klass ? @klass.exception(@message) : Expired.new(self, @message)
        rescue StandardError => e
          # The class is none of an exception. Who gave it is told so.
          e
        end
      end
    end
  end
end
