# frozen_string_literal: true

require "timeout"
require "oversip/brief_mutex"
require "oversip/waiting/pool"
require "oversip/waiting/task"
require "oversip/waiting/work"
require "oversip/waiting/world_pool"

# Waiting in blocks, without holding up others.
module OverSIP
  # What blocks wait for: work on the threads of a pool, and time.
  #
  # @api private
  module Waiting
    @lock = BriefMutex.new

    class << self
      # What each work of a script runs in, on its worker: it is called with the work, and calls that. It returns its value.
      #
      # @return [#call, nil]
      attr_accessor :wrapper

      # See {OverSIP.await}.
      def await(timeout, &block)
        raise ArgumentError, "no block given" unless block

        timeout = check_timeout(timeout)
        return in_place("OverSIP.await", timeout, &block) unless Dispatcher.suspendable? || (timeout && untimed?)

        perform(Work.new("OverSIP.await", block, wrapper), timeout)
      end

      # See {OverSIP.async}.
      def async(&block)
        raise ArgumentError, "no block given" unless block

        outside_trap("OverSIP.async") do
          work = Work.new("OverSIP.async", block, wrapper)
          pool = self.pool
          pool.submit(work)
          Task.new(work, pool)
        end
      end

      # @param name [String] what the script has called
      # @raise [OverSIP::RuntimeError] the caller is a trap handler, where Ruby lets nobody take a lock
      def outside_trap(name)
        yield
      rescue ThreadError => e
        raise unless e.message.include?("trap context")

        raise OverSIP::RuntimeError, "#{name} cannot be called in a trap handler: OverSIP.schedule { ... } runs a block " \
                                     "on the dispatcher"
      end

      # See {OverSIP.sleep}.
      def sleep(seconds)
        seconds = Seconds.check("seconds", seconds)
        return Kernel.sleep(seconds) unless Dispatcher.current?

        Dispatcher::Outcome.new.value(seconds, what: "OverSIP.sleep(#{seconds})")
      end

      # Runs something of the library on a worker and waits for its end.
      #
      # @param name [String] says in the log what is waited for
      # @return [Object] the value of the block; what it raised is raised here
      # @raise [AwaitQueueFull]
      def run(name, &block)
        perform(Work.new(name, block), nil)
      end

      # @param seconds [Numeric, nil]
      # @return [Float, nil]
      # @raise [TypeError, ArgumentError]
      def check_timeout(seconds)
        Seconds.check("timeout:", seconds, positive: true) unless seconds.nil?
      end

      # @return [Pool, WorldPool] the one of this process
      # @raise [StoppedError] the engine has ended
      def pool
        present || @lock.synchronize { present || create }
      end

      # The engine begins: work may run.
      def open
        @ended = false
      end

      # A world is open: work runs in its thread.
      def enter_world
        @threads = @pool
        @pool = WorldPool.new
      end

      # It is closed.
      def leave_world
        @pool = @threads
        @threads = nil
      end

      # @return [Boolean] whether the caller is work
      def working?
        @pool ? @pool.worker? : false
      end

      # @return [Hash{Symbol => Integer}] for {OverSIP.stats}
      def stats
        (present || Pool).stats
      end

      # @return [Hash, nil] the {Engine.event_context} of the event that has begun the work which the caller is
      def event_context
        Thread.current[Work::EVENT]
      end

      # @return [Boolean] whether an exception was raised in work
      def from_work?(exception)
        exception.backtrace.to_a.any? { |frame| frame.start_with?(Work::FILE) }
      end

      # @return [Boolean] whether no work is under way, apart from late work
      def quiet?
        @pool.nil? || @pool.quiet?
      end

      # Waits until it is so.
      #
      # @param limit [Numeric] seconds
      def let_work_end(limit)
        @pool&.let_work_end(limit)
      end

      # The engine has ended: no work begins any more, and workers that do not come back are killed.
      #
      # @param limit [Numeric] seconds that they have to end
      def close(limit)
        pool = @lock.synchronize do
          @ended = true
          @pool
        end
        pool&.close(limit)
      ensure
        @pool = nil
      end

      # Forgets the threads without touching them: after fork they do not exist in the child.
      def forget
        @lock = BriefMutex.new
        @pool = present
      end

      private

      # After fork the threads of the parent's pool do not exist.
      def present
        pool = @pool
        pool if pool&.own_process?
      end

      # Nothing would end the threads of a pool that is made after the end.
      def create
        raise StoppedError, "OverSIP has ended: no work begins any more" if @ended

        @pool = Pool.new(**limits)
      end

      def limits
        core = OverSIP.configuration&.fetch(:core, nil) || {}
        { max_threads: core[:await_threads], max_queued: core[:await_queue] }.compact
      end

      def perform(work, timeout)
        pool = self.pool
        pool.submit(work)
        timed_out = false
        work.outcome.value(timeout, what: work) do
          timed_out = true
          raise AwaitTimeout, "#{work} has no value after #{timeout} s"
        end
      ensure
        pool.abandon(work, timed_out: timed_out) unless work.outcome.settled?
      end

      # Ruby's Timeout would interrupt whichever Fiber of the thread runs just then.
      #
      # @return [Boolean] whether the caller's thread has a Fiber scheduler that sets no limits of time
      def untimed?
        scheduler = Fiber.current_scheduler unless Dispatcher.current?
        !scheduler.nil? && !scheduler.respond_to?(:timeout_after)
      end

      # Runs the block where the caller waits anyway. A wait in a block of the script is told of, or refused.
      def in_place(name, timeout, &)
        Dispatcher.tell_of_wait(name) if Dispatcher.current?
        return yield unless timeout

        Timeout.timeout(timeout, AwaitTimeout, "#{name} has no value after #{timeout} s", &)
      end
    end
  end

  class << self
    # Runs a block on a thread of its own and waits for its value. Called in a block of a script, it suspends the Fiber of
    # the event: other events run meanwhile, and the next event of the same Proxy or Uac waits. Such threads are bounded by
    # `core: await_threads`; as much work as `core: await_queue` says waits for one. The work has a copy of the Fiber storage
    # of its caller.
    #
    # On other threads the block just runs there; with a timeout and a Fiber scheduler that sets none itself, such as the one
    # of Async 1, on a thread of the pool all the same.
    #
    # @example
    #   user = OverSIP.await(timeout: 2) { Users.find(request.from.user) }
    # @param timeout [Numeric, nil] seconds; of the engine's clock in a block of a script. Work that runs already goes on
    #   after it, as late work; on other threads it is interrupted, by Ruby's Timeout
    # @return [Object] the value of the block; an exception of the block is raised here
    # @raise [AwaitTimeout] the block has no value in time
    # @raise [AwaitQueueFull] too much work waits already
    # @raise [StoppedError] OverSIP has ended meanwhile
    # @raise [OverSIP::RuntimeError] so many events are suspended that this one has no Fiber; the thread of the work was
    #   killed
    # @raise [TypeError] the time is no number
    # @raise [ArgumentError] it is not positive, or more than a billion; there is no block
    def await(timeout: nil, &block)
      Waiting.await(timeout, &block)
    end

    # Begins a block on a thread of its own, as {await} does, and does not wait: so two things happen at the same time.
    #
    # @example
    #   user = OverSIP.async { Users.find(request.from.user) }
    #   route = OverSIP.async { Routes.find(request.ruri.user) }
    #   forward(user.value, route.value)
    # @return [Task] which has its value
    # @raise [AwaitQueueFull] too much work waits already
    # @raise [StoppedError] OverSIP has ended
    # @raise [OverSIP::RuntimeError] the caller is a trap handler
    # @raise [ArgumentError] there is no block
    def async(&)
      Waiting.async(&)
    end

    # Waits. In a block of a script it suspends the Fiber of the event, by the engine's clock (which
    # {Testing.advance} and a world move); on other threads it is Kernel#sleep.
    #
    # @param seconds [Numeric]
    # @return [nil]
    # @raise [StoppedError] OverSIP has ended meanwhile
    # @raise [OverSIP::RuntimeError] so many events are suspended that this one has no Fiber
    # @raise [TypeError] this is no number
    # @raise [ArgumentError] it is negative, or more than a billion
    def sleep(seconds)
      Waiting.sleep(seconds)
      nil
    end
  end
end
