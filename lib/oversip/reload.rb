# frozen_string_literal: true

module OverSIP
  # Work that a signal asks for, done on the dispatcher, one after the other: a request during the work is remembered, any
  # further one is refused with a log line.
  #
  # @api private
  class Reload
    include Logger

    # @param name [String] for the log
    # @param work [Proc]
    def initialize(name, &work)
      @name = name
      @work = work
      @lock = Mutex.new
      @running = false
      @again = false
    end

    # Asks for the work.
    def request
      @lock.synchronize do
        return log_system_warn "#{@name} refused: one is running and another is waiting" if @again
        return @again = true if @running

        @running = true
      end
      run_soon
    end

    private

    def run_soon
      OverSIP.schedule do
        @work.call
      ensure
        run_soon if @lock.synchronize { @running = @again.tap { @again = false } }
      end
    end
  end
end
