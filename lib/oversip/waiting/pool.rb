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

      # How many threads are on their way to their work at a time. Each waits for the interpreter, and an event would wait
      # behind a thousand of them. The next one is called by who has come.
      COMING = 2
      private_constant :COMING

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
        @queue = {}.compare_by_identity
        @workers = {}.compare_by_identity
        @running = {}.compare_by_identity
        @idle = {}.compare_by_identity
        @coming = {}.compare_by_identity
        @ends = []
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
          next call_worker unless full?

          @queue.delete(work)
          raise AwaitQueueFull, "#{work} finds #{@max_queued} others before it (core: await_queue), for #{@max_threads} " \
                                "threads (core: await_threads): raise them, or let each work end sooner (await's timeout: " \
                                "does not end it)"
        rescue ThreadError
          # What the system refuses is no failure as long as somebody can run it.
          raise if @workers.empty? && @queue.delete(work)
        end
      end

      # Runs work here that no worker has begun: the caller, a worker itself, need not wait for another one.
      def run_here(work)
        return unless worker? && @lock.synchronize { @queue.delete(work) && begun(work) }

        begin
          work.run
        ensure
          finished(work)
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
        @lock.synchronize { tell_quiet }
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
        ended = Dispatcher::Outcome.new
        @lock.synchronize do
          @ends << ended
          tell_quiet
        end
        ended.value(limit)
      end

      # No work begins any more. What runs is killed.
      #
      # @param limit [Numeric] seconds that killed threads are waited for
      def close(limit)
        threads = @lock.synchronize do
          @closed = true
          @queue.each_key { |work| work.give_up(StoppedError.new) }
          @queue.clear
          @workers.each_value(&:call)
          warn_of(@running.keys) unless @running.empty?
          @workers.keys - [Thread.current]
        end
        threads.each(&:kill)
        deadline = Deadline.new(limit)
        threads.each { |thread| thread.join(deadline.left) }
      end

      # The next work, for a worker, which waits for it. An interruption of the worker is served while it waits alone.
      #
      # @param worker [Worker] the caller's
      # @yieldparam work [Work] while the pool still counts it as waiting
      # @return [Work, nil] nil: the pool is closed, or it is the one of the parent process
      def take(worker)
        @lock.synchronize do
          return unless own_process?

          @coming.delete(worker)
          rest(worker) while @queue.empty? && !@closed
          work, = @queue.shift
          return unless work

          yield work
          begun(work)
          call_next
          work
        end
      end

      # @param worker [Worker]
      # @return [Boolean] whether it is to look for work
      def called?(worker)
        @closed || @coming.key?(worker)
      end

      # A worker has come to the end of its work.
      def finished(work)
        @lock.synchronize { ended(work) }
      end

      # A worker is gone, since it was killed or the pool is closed. Another one takes its place when it is needed.
      #
      # @param worker [Worker] the caller's
      # @param work [Work, nil] what it has not ended
      # @param failure [Exception, nil] why it could not begin, and another one could not either
      def left(worker, work, failure = nil)
        @lock.synchronize do
          @workers.delete(Thread.current)
          @coming.delete(worker)
          ended(work) if work
          next if @closed || !own_process?

          failure ? give_up_without_workers(failure) : call_next
        end
      end

      private

      def warn_of(works)
        works.each(&:forsake)
        others = works.size > 1 ? " and #{works.size - 1} more" : ""
        Dispatcher.log_system_warn "OverSIP ends, and this work does not: #{works.first.subject}#{others}; its threads " \
                                   "are killed"
      end

      # @return [Boolean] whether more work waits than may, beside the threads that come for it
      def full?
        coming = @idle.size + @coming.size + (@max_threads - @workers.size)
        @queue.size > coming + @max_queued
      end

      # Work waits: has a further thread come, unless enough of them do.
      #
      # @raise [ThreadError] the system refuses one
      def call_worker
        return if @coming.size >= [COMING, @queue.size].min

        worker, = @idle.shift
        return hire unless worker

        @coming[worker] = true
        worker.call
      end

      # The same where the caller does not know the work that a refusal concerns.
      def call_next
        call_worker
      rescue ThreadError => e
        give_up_without_workers(e)
      end

      def hire
        return if @workers.size >= @max_threads

        worker = Worker.new(self)
        @workers[worker.start] = worker
        @coming[worker] = true
      end

      # The work that waits would wait for ever.
      def give_up_without_workers(reason)
        return unless @workers.empty?

        @queue.each_key do |work|
          work.give_up(OverSIP::RuntimeError.new("no thread can begin #{work}: #{reason.message} (#{reason.class})"))
        end
        @queue.clear
        tell_quiet
      end

      def rest(worker)
        @idle[worker] = true
        Thread.handle_interrupt(Object => :on_blocking) { worker.rest(@lock) }
      ensure
        @idle.delete(worker)
        @coming.delete(worker)
      end

      def begun(work)
        @running[work] = true
        Engine.worker_begins
        work
      end

      def ended(work)
        return unless @running.delete(work) && own_process?

        Engine.worker_ends
        tell_quiet
      end

      # To those who wait in {let_work_end}.
      def tell_quiet
        return unless quiet?

        @ends.each { |ended| ended.settle(:returned) }
        @ends.clear
      end
    end
  end
end
