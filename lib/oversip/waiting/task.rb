# frozen_string_literal: true

module OverSIP
  # Work that {OverSIP.async} has begun.
  class Task
    # Seconds of the engine's clock after which a failure that nobody has asked for is logged though the event goes on: an
    # event may last as long as the server. It is nearly what a transaction lasts.
    PATIENCE = 30
    private_constant :PATIENCE

    # @api private
    def initialize(work, pool)
      @work = work
      @pool = pool
      @process = Process.pid
      Dispatcher.note_task(self) ? work.on_failure { watch_failure } : work.unattended
    end

    # The value of the block. Waits for its end as {OverSIP.await} does; may be asked again, and from any thread.
    #
    # @param timeout [Numeric, nil] seconds. Work that asks without one for work that has not begun runs it itself, in place
    #   of waiting for a thread
    # @return [Object] what the block has returned; an exception of the block is raised here
    # @raise [AwaitTimeout] the block has not ended within the time; it goes on, and the Task may be asked again
    # @raise [StoppedError] OverSIP has ended meanwhile
    # @raise [OverSIP::RuntimeError] the work was begun before a fork, which this child has no part of; it asks for its own
    #   value; or the caller is a trap handler
    # @raise [TypeError] the time is no number
    # @raise [ArgumentError] it is not positive, or more than a billion
    def value(timeout: nil)
      timeout = Waiting.check_timeout(timeout)
      refuse_endless_wait unless done?
      @asked = true
      forget_failure
      Waiting.outside_trap("Task#value") { wait(timeout) }
    end

    # @return [Boolean] whether the block has ended
    def done?
      @work.outcome.settled?
    end

    # The event that has begun it is over.
    #
    # @api private
    def event_over
      forget_failure
      @work.unattended unless complete?
    end

    # @api private
    # @return [Boolean] whether it has ended, and no failure of it can be left for the log
    def complete?
      done? && (@asked || !@work.outcome.raised? || @work.told?)
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{@work}#{" done" if done?}>"
    end

    private

    def wait(timeout)
      @work.attended
      @pool.run_here(@work) unless timeout
      @work.outcome.value(timeout, what: @work) { raise AwaitTimeout, "#{@work} has no value after #{timeout} s" }
    end

    # No thread of this process does the work, or it is the work that waits.
    def refuse_endless_wait
      raise OverSIP::RuntimeError, "#{@work} asks for its own value, and would wait for ever" if @work.caller?
      return if Process.pid == @process

      raise OverSIP::RuntimeError, "#{@work} was begun by process #{@process}, and has no value in another one"
    end

    # It has failed while the event goes on. In a world that fails the example, so it has to be certain.
    def watch_failure
      return if @asked || Engine.world_open?

      @timer = Dispatcher.later("a Task", after: PATIENCE) { event_over unless @asked }
    rescue OverSIP::RuntimeError
      # The engine has ended, and so does the event.
    end

    def forget_failure
      timer = @timer or return
      @timer = nil
      Dispatcher::Waiters.cancel(timer)
    end
  end
end
