# frozen_string_literal: true

require "oversip/brief_mutex"
require "oversip/deadline"
require "oversip/waiting/worker"

module OverSIP
  module Waiting
    # A bounded number of threads for work that blocks wait for, and a bounded queue before them.
    #
    # @api private
    class Pool
      NOTHING = { await_running: 0, await_queued: 0, await_late: 0, await_timeouts: 0 }.freeze

      # @return [Hash{Symbol => Integer}] the numbers of a process without a pool
      def self.stats
        NOTHING
      end

      # @param max_threads [Integer] they are made when they are needed
      # @param max_queued [Integer] how much work may wait for one of them
      def initialize(max_threads: 16, max_queued: 1_000)
        @max_threads = max_threads
        @max_queued = max_queued
        @lock = BriefMutex.new
        @ready = Thread::ConditionVariable.new
        @queue = {}.compare_by_identity
        @workers = {}.compare_by_identity
        @running = {}.compare_by_identity
        @starting = {}.compare_by_identity
        @idle = 0
        @timeouts = 0
        @process = Process.pid
      end

      # @return [Boolean] whether its threads are those of this process, rather than of the parent
      def own_process?
        Process.pid == @process
      end

      # Has a worker run it, at once or when one is free.
      #
      # @param work [Work]
      # @raise [AwaitQueueFull]
      # @raise [StoppedError] the engine has ended
      def submit(work)
        @lock.synchronize do
          raise StoppedError if @closed

          @queue[work] = true
          free = @idle + @starting.size
          return @ready.signal if @queue.size <= free
          return hire(work) if @workers.size < @max_threads
          next if @queue.size <= free + @max_queued

          @queue.delete(work)
          raise AwaitQueueFull, "#{work} finds #{@max_queued} others before it (core: await_queue), for #{@max_threads} " \
                                "threads (core: await_threads): raise them, or let each work end sooner (await's timeout: " \
                                "does not end it)"
        end
      end

      # Runs work here that no worker has begun: the caller, a worker itself, need not wait for another one.
      def run_here(work)
        return unless worker? && @lock.synchronize { @queue.delete(work) && begun(work) }

        begin
          work.run
        ensure
          @lock.synchronize { over(work) }
        end
      end

      # @return [Boolean] whether the caller is one of the workers
      def worker?
        @workers.key?(Thread.current)
      end

      # Nobody waits for it any more: it does not begin, or goes on as late work.
      #
      # @param timed_out [Boolean] its time is up
      def abandon(work, timed_out: false)
        withdrawn = @lock.synchronize do
          @timeouts += 1 if timed_out
          @queue.delete(work)
        end
        work.unattended(late: true) unless withdrawn
        tell_quiet
      end

      # @return [Hash{Symbol => Integer}] for {OverSIP.stats}
      def stats
        @lock.synchronize do
          { await_running: @running.size, await_queued: @queue.size, await_late: @running.keys.count(&:late?),
            await_timeouts: @timeouts }
        end
      end

      # @return [Boolean] whether no work is under way, apart from late work
      def quiet?
        @queue.empty? && @running.keys.all?(&:late?)
      end

      # Waits until it is so.
      #
      # @param limit [Numeric] seconds
      def let_work_end(limit)
        over = @over = Dispatcher::Outcome.new
        tell_quiet
        over.value(limit)
      end

      # No work begins any more. What runs is killed.
      #
      # @param limit [Numeric] seconds that killed threads are waited for
      def close(limit)
        threads = @lock.synchronize do
          @closed = true
          @queue.each_key { |work| work.give_up(StoppedError.new) }
          @queue.clear
          @ready.broadcast
          warn_of(@running.keys) unless @running.empty?
          @workers.keys - [Thread.current]
        end
        threads.each(&:kill)
        deadline = Deadline.new(limit)
        threads.each { |thread| thread.join(deadline.left) }
      end

      # The next work, for a worker, which waits for it. An interruption of the worker is served while it waits alone.
      #
      # @yieldparam work [Work] while the pool still counts it as waiting
      # @return [Work, nil] nil: the pool is closed, or it is the one of the parent process
      def take
        @lock.synchronize do
          return unless own_process?

          @starting.delete(Thread.current)
          rest while @queue.empty? && !@closed
          work, = @queue.shift
          return unless work

          yield work
          begun(work)
        end
      end

      # A worker has come to the end of its work.
      def finished(work)
        @lock.synchronize { over(work) }
      end

      # A worker is gone, since it was killed or the pool is closed. Another one takes its place when it is needed.
      def left(thread, work)
        @lock.synchronize do
          @workers.delete(thread)
          @starting.delete(thread)
          over(work) if work
          hire(nil) unless @queue.empty? || @closed || !own_process?
        end
      end

      private

      def warn_of(works)
        works.each(&:forsake)
        others = works.size > 1 ? " and #{works.size - 1} more" : ""
        Dispatcher.log_system_warn "OverSIP ends, and this work does not: #{works.first}#{others}; its threads are killed"
      end

      def hire(work)
        thread = Worker.new(self).start
        @workers[thread] = @starting[thread] = true
      rescue ThreadError
        # What the system refuses is no failure as long as somebody can run it.
        raise if work && @workers.empty? && @queue.delete(work)
      end

      def rest
        @idle += 1
        Thread.handle_interrupt(Object => :on_blocking) { @ready.wait(@lock) }
      ensure
        @idle -= 1
      end

      def begun(work)
        @running[work] = true
        Engine.workers_run(true) if @running.size == 1
        work
      end

      def over(work)
        return unless @running.delete(work)

        Engine.workers_run(false) if @running.empty?
        tell_quiet
      end

      # To who waits in {let_work_end}.
      def tell_quiet
        @over&.settle(:returned) if quiet?
      end
    end
  end
end
