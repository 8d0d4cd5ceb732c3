# frozen_string_literal: true

module OverSIP
  # Work that {OverSIP.async} has begun.
  class Task
    # @api private
    def initialize(work, pool)
      @work = work
      @pool = pool
      work.unattended unless Dispatcher.note_task(self)
    end

    # The value of the block. Waits for its end as {OverSIP.await} does; may be asked again, and from any thread.
    #
    # @param timeout [Numeric, nil] seconds. Work that asks without one for work that has not begun runs it itself, in place
    #   of waiting for a thread
    # @return [Object] what the block has returned; an exception of the block is raised here
    # @raise [AwaitTimeout] the block has not ended within the time; it goes on, and the Task may be asked again
    # @raise [StoppedError] OverSIP has ended meanwhile
    # @raise [ArgumentError] this is no positive number of seconds
    def value(timeout: nil)
      timeout = Waiting.check_timeout(timeout)
      @asked = true
      @work.attended
      @pool.run_here(@work) unless timeout
      @work.outcome.value(timeout, what: @work) { raise AwaitTimeout, "#{@work} has no value after #{timeout} s" }
    end

    # @return [Boolean] whether the block has ended
    def done?
      @work.outcome.settled?
    end

    # The event that has begun it is over.
    #
    # @api private
    def event_over
      @work.unattended unless complete?
    end

    # @api private
    # @return [Boolean] whether it has ended, and no failure of it can be left for the log
    def complete?
      done? && (@asked || !@work.outcome.raised?)
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{@work}#{" done" if done?}>"
    end
  end
end
