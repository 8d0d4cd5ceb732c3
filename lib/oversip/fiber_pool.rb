# frozen_string_literal: true

require "oversip/fiber_state"

module OverSIP
  # Runs blocks of a script in reused Fibers, a bounded number of them at a time. (Events have Fibers of their own.) All
  # calls have to come from one thread. A block finds no Fiber-local data and no Fiber storage of another one.
  class FiberPool
    # @param count [Integer] how many blocks may be suspended at a time
    def initialize(count = 100)
      unless count.is_a?(Integer) && count.positive?
        raise ArgumentError,
              "count must be a positive Integer, not #{count.inspect}"
      end

      @count = count
      @idle = []
      @waiting = []
      @made = 0
    end

    # Runs the block until it ends or suspends its Fiber. When all Fibers are in use, the block waits until one has ended.
    # An exception of the block is logged.
    #
    # @return [Fiber, nil] the Fiber that runs it; nil while it waits
    def spawn(&block)
      raise ArgumentError, "no block given" unless block

      fiber = @idle.pop || make
      return @waiting.push(block) && nil unless fiber

      fiber.resume(block)
      fiber
    end

    private

    def make
      return if @made >= @count

      @made += 1
      FiberState.create { |block| serve(block) }
    end

    def serve(block)
      loop do
        Dispatcher.guard("OverSIP::FiberPool#spawn", &block)
        FiberState.clear
        block = @waiting.shift || rest
      end
    ensure
      @made -= 1
    end

    def rest
      @idle.push(Fiber.current)
      Fiber.yield
    end
  end
end
