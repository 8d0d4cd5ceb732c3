# frozen_string_literal: true

module OverSIP
  # Work on the dispatcher that a signal starts. One further signal during the work is remembered, later ones are refused,
  # each with a record.
  #
  # @api private
  class Reload
    include Logger

    # Seconds after which suspended work is given up.
    LIMIT = 60

    # @param name [String] for the log
    # @param limit [Numeric, nil] seconds after which a suspended Fiber of the work meets an exception where it waits, and
    #   once more after each further ones; nil: never
    # @param work [Proc]
    def initialize(name, limit: nil, &work)
      @name = name
      @limit = limit
      @work = work
      @lock = Mutex.new
      @running = false
      @again = false
    end

    # Starts the work, or remembers it.
    def request
      @lock.synchronize do
        return log_system_warn "#{@name} refused: one is running and another is waiting" if @again
        return wait if @running

        @running = true
      end
      run_soon
    end

    private

    def wait
      @again = true
      log_system_notice "#{@name} waits until the one before it is over"
    end

    def run_soon
      Dispatcher.later(@name) do
        run = @run = Object.new
        expect_end(run, Fiber.current) if @limit
        Dispatcher.stage(@name, &@work)
      ensure
        over(run)
      end
    end

    def over(run)
      return unless @run.equal?(run)

      @run = nil
      run_soon if @lock.synchronize { @running = @again.tap { @again = false } }
    end

    def expect_end(run, fiber)
      Dispatcher.later(@name, after: @limit) { give_up(run, fiber) if @run.equal?(run) }
    end

    # While this runs on the dispatcher, the work does not run: it is suspended.
    def give_up(run, fiber)
      stage = Dispatcher.stage_of(fiber) || @name
      log_system_error "#{@name} is not over after #{@limit} s: #{stage} waits for something and is given up"
      expect_end(run, fiber)
      fiber.raise(OverSIP::RuntimeError, "given up by #{@name} after #{@limit} s")
    rescue FiberError
      # A scheduler has it: it may go on by itself.
      over(run)
    end
  end
end
