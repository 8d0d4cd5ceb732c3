# frozen_string_literal: true

module OverSIP
  # Work that a signal asks for, done on the dispatcher, one after the other: a request during the work is remembered, any
  # further one is refused, each with a log line.
  #
  # @api private
  class Reload
    include Logger

    # Seconds after which work that waits for something is not waited for any more.
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

    # Asks for the work.
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
      OverSIP.schedule do
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
      OverSIP.schedule(after: @limit) { give_up(run, fiber) if @run.equal?(run) }
    end

    # Who runs on the dispatcher knows that the work does not: it is suspended.
    def give_up(run, fiber)
      stage = Dispatcher.stage_of(fiber) || @name
      log_system_error "#{@name} is not over after #{@limit} s: #{stage} waits for something and is given up"
      expect_end(run, fiber)
      fiber.raise(OverSIP::RuntimeError, "given up by #{@name} after #{@limit} s")
    rescue FiberError
      # It was handed to a scheduler: it may go on for itself.
      over(run)
    end
  end
end
