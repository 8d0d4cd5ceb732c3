# frozen_string_literal: true

module OverSIP
  module Testing
    # The values of an example's `let` and `subject`. Blocks of a script run in Fibers of the thread that reads the value,
    # and RSpec's own memory is locked by Fiber: a block that reads a second `let` while the first one makes a call would
    # end in a ThreadError. This one is locked by thread.
    #
    # @api private
    class LetMemory
      def initialize
        @values = {}
        @makers = {}
        @mutex = Thread::Mutex.new
        @free = Thread::ConditionVariable.new
        @owner = nil
        @depth = 0
      end

      # @param key [Symbol] the name of the `let`
      # @yieldreturn the value, when it is not there yet
      # @raise [OverSIP::RuntimeError] another Fiber is making this value and waits for the present one
      def fetch_or_store(key, &)
        @values.fetch(key) { alone { @values.fetch(key) { make(key, &) } } }
      end

      private

      # A `let` may read the one of the same name in an outer group: the same Fiber makes both.
      def make(key)
        maker = @makers[key]
        raise OverSIP::RuntimeError, circle(key) if maker && !maker.equal?(Fiber.current)

        @makers[key] = Fiber.current
        @values[key] = yield
      ensure
        maker ? @makers[key] = maker : @makers.delete(key)
      end

      def circle(key)
        "a block reads `#{key}` while the value of `#{key}` is being made, and that waits for the block: " \
          "let the block read something else, or make the value before"
      end

      def alone
        enter
        begin
          yield
        ensure
          leave
        end
      end

      def enter
        @mutex.synchronize do
          @free.wait(@mutex) until @owner.nil? || @owner.equal?(Thread.current)
          @owner = Thread.current
          @depth += 1
        end
      end

      def leave
        @mutex.synchronize do
          @depth -= 1
          next unless @depth.zero?

          @owner = nil
          @free.signal
        end
      end
    end
  end
end
