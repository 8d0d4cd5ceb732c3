# frozen_string_literal: true

require "oversip/brief_mutex"
require "oversip/deadline"
require "oversip/log/record"
require "oversip/log/repetitions"

module OverSIP
  module Log
    # A bounded queue of records and the thread that writes them, so that logging never blocks. When the queue is full,
    # records are lost, and one record tells their number. The thread starts with the first record, and again after a script
    # has killed it and in a forked process.
    #
    # @api private
    class Writer
      # Records and bytes that may wait.
      MAX_RECORDS = 10_000
      MAX_BYTES = 4 * 1024 * 1024

      # Like records that are written within a second, see {Repetitions}.
      MAX_LIKE = 100

      # Seconds without a written record after which a target counts as stuck.
      STUCK_AFTER = 1

      # Seconds after which a target that has asked for it is tried again.
      RETRY_INTERVAL = 0.2

      # Raised by a target that will accept the record later.
      class NotNow < StandardError; end

      # @return [#deliver] where records go
      attr_reader :target

      # @return [Integer] records that were lost so far
      attr_reader :lost

      # @return [Integer] bytes of memory of the records that wait, about
      attr_reader :bytes

      # @return [Thread, nil] the one that writes
      attr_reader :thread

      def initialize(target, max_records: MAX_RECORDS, max_bytes: MAX_BYTES,
                     clock: Deadline.method(:now))
        @target = target
        @max_records = max_records
        @max_bytes = max_bytes
        @clock = clock
        @lost = 0
        @max_like = MAX_LIKE
        begin_in_this_process
      end

      # @return [Integer] records that wait
      def size
        @records.size
      end

      # @return [Integer] kinds of record that are counted
      def kinds
        @repetitions.size
      end

      # @param limit [Integer] records of a kind that are written within a second; 0: all
      def max_like=(limit)
        @max_like = @repetitions.limit = limit
      end

      # Queues a record.
      def push(record)
        own_process
        return write_now(record) if @target.immediate?

        @lock.synchronize { receive(record) }
        # Endless logging must not starve the writing thread.
        Thread.pass if size > @max_records / 2
      rescue ThreadError
        # A trap handler must not wait for a lock: another thread takes the record from here.
        @aside << record
        Thread.new { pick_up }
      end

      # Waits until the records queued so far are written.
      #
      # @param limit [Numeric] seconds after which it no longer waits
      # @return [Boolean] whether it is
      def flush(limit)
        own_process
        return false if Thread.current == @thread

        pick_up
        deadline = @clock.call + limit
        @lock.synchronize do
          @repetitions.sum_up_all { |record| append(record) }
          @wake.signal
          mark = @appended
          patient = limit >= STUCK_AFTER && @done
          until @done >= mark && @dropped.zero?
            next if await_progress(deadline)

            @stuck_at = @done if patient == @done
            return false
          end
        end
        true
      rescue ThreadError
        # In a trap handler.
        false
      end

      # Changes the target. Queued records go to the old target, or to the new one if the old one is blocked; later records
      # go to the new one.
      #
      # @param limit [Numeric] seconds
      def change_target(target, limit)
        abandon_thread unless flush(limit)
        @target = target
        @failed = 0
        @lock.synchronize { start } if size.positive?
      rescue ThreadError
        # In a trap handler.
        @target = target
      end

      private

      def own_process
        begin_in_this_process unless @process == Process.pid
      end

      # In a forked process the queued records belong to the parent, which writes them.
      def begin_in_this_process
        @process = Process.pid
        @lock = BriefMutex.new
        @wake = ConditionVariable.new
        @progress = ConditionVariable.new
        @repetitions = Repetitions.new(@max_like)
        @records = []
        @aside = Thread::Queue.new
        @bytes = @appended = @done = @dropped = @failed = 0
        @stuck_at = @thread = nil
      end

      # For a target that never blocks. Records queued for another target come first.
      def write_now(record)
        flush(0) if size.positive?
        write(record)
      end

      def receive(record)
        @repetitions.add(record, @clock.call) { |admitted| append(admitted) }
        start
        @wake.signal
      end

      def pick_up
        @lock.synchronize { receive(@aside.pop(true)) until @aside.empty? } unless @aside.empty?
      end

      def append(record)
        return drop unless room?(record)

        tell_dropped
        enter(record)
      end

      # After a loss the queue accepts records again when half of it is empty: one gap is better than many.
      def room?(record)
        share = @dropped.positive? ? 2 : 1
        @records.size < @max_records / share && @bytes + record.size <= @max_bytes / share
      end

      def drop
        @dropped += 1
        @lost += 1
      end

      def tell_dropped
        return if @dropped.zero?

        enter(loss(@dropped))
        @dropped = 0
      end

      def enter(record)
        @records << record
        @bytes += record.size
        @appended += 1
      end

      def loss(number)
        words = number == 1 ? "1 record was lost" : "#{number} records were lost"
        Record.new(:warn, "Logger", words, system: true, lost: number)
      end

      # The thread inherits the deferral: a kill that comes before it runs would find no `ensure`.
      def start
        return if @thread&.alive?

        Thread.handle_interrupt(Object => :never) do
          @thread = Thread.new { run }
          @thread.name = "oversip log"
          @thread.report_on_exception = false
        end
      rescue ThreadError
        # The process ends.
      end

      def abandon_thread
        thread = @thread
        @thread = @stuck_at = nil
        thread&.kill&.join(RETRY_INTERVAL)
      end

      # A target that was stuck for {STUCK_AFTER} seconds is not waited for again.
      #
      # @return [Boolean] false when it is no use to wait any longer
      def await_progress(deadline)
        start
        left = deadline - @clock.call
        return false unless left.positive? && @stuck_at != @done

        @progress.wait(@lock, left)
        true
      end

      def run
        # A kill reaches it only where it waits, with its record still in the queue.
        Thread.handle_interrupt(Object => :on_blocking) do
          while (record = oldest)
            write(record)
            finish(record)
          end
        end
      ensure
        survive
      end

      # Killed by a script: another thread writes the queued records, unless the process ends.
      def survive
        return unless Thread.current == @thread

        @thread = nil
        @lock.synchronize { start } if size.positive?
      end

      # @return [Record, nil] the oldest one, which stays in the queue until it is written; nil when another thread is the
      #   writer
      def oldest
        @lock.synchronize do
          until Thread.current != @thread
            tell_dropped if @records.empty?
            return @records.first unless @records.empty?

            @progress.broadcast
            due = @repetitions.due
            @wake.wait(@lock, due && [due - @clock.call, 0].max)
            @repetitions.sum_up(@clock.call) { |record| append(record) }
          end
        end
      end

      def write(record)
        @failed = 0 if @failed.positive? && deliver(loss(@failed))
        return if deliver(record)

        @failed += [record.lost, 1].max
        @lost += 1 if record.lost.zero?
      rescue NotNow
        sleep RETRY_INTERVAL
        retry
      end

      # @return [Boolean] whether the target has taken it
      def deliver(record)
        @target.deliver(record)
        true
      rescue NotNow
        raise
      rescue Exception # rubocop:disable Lint/RescueException -- whatever a target raises must not end the log
        false
      end

      def finish(record)
        @lock.synchronize do
          # The target was changed meanwhile, and another thread has done it.
          next unless @records.first.equal?(record)

          @records.shift
          @bytes -= record.size
          @done += 1
          @progress.broadcast
        end
      end
    end
  end
end
