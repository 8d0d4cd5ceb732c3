# frozen_string_literal: true

require "oversip/log/record"

module OverSIP
  module Log
    # Counts like records, so that a thousand repetitions of one fault do not hide other records. Records of the library are
    # alike if they come from the same line of its source, since their text may come from a peer. Records of scripts are
    # alike if severity, speaker and text are the same, apart from numbers in the text. In a period, {#limit} records of one
    # kind pass, and {SITE_SHARE} times as many of one line of a script. The others are summed up in one record at the end of
    # the period.
    #
    # It has no lock: its owner synchronises threads.
    #
    # @api private
    class Repetitions
      # Seconds.
      PERIOD = 1.0

      # The largest number of kinds that are counted at a time. Records of further kinds pass.
      MAX_KINDS = 1_000

      # The same for lines of the library and of scripts, whose number no peer can raise.
      MAX_PLACES = 2_000

      # How many times the limit one line of a script may write.
      SITE_SHARE = 20

      # How much of the last record its summary shows, in characters.
      SHOWN = 200

      Kind = Struct.new(:since, :written, :left_out, :last)

      # @return [Integer] records of a kind that are let through within a period; 0: all
      attr_accessor :limit

      def initialize(limit)
        @limit = limit
        @kinds = {}
        @cleared = 0.0
      end

      # @return [Integer] kinds that are counted
      def size
        @kinds.size
      end

      # Passes a record on, or counts it.
      #
      # @param now [Float] seconds
      # @yieldparam record [Record] what is to be written: a summary of those before it, the record, both or nothing
      def add(record, now, &)
        return yield(record) unless @limit.positive?

        site = record.site && find(record.site, now, MAX_PLACES, &)
        return leave_out(site, record) if site && site.written >= @limit * SITE_SHARE

        kind = find(key_of(record), now, record.kind ? MAX_PLACES : MAX_KINDS, &)
        return leave_out(kind, record) if kind && kind.written >= @limit

        site.written += 1 if site
        kind.written += 1 if kind
        yield record
      end

      # Ends the periods whose time is over.
      #
      # @yieldparam record [Record] a summary
      def sum_up(now)
        ended = @kinds.select { |_, kind| over?(kind, now) }
        ended.each do |key, kind|
          @kinds.delete(key)
          yield summary(kind) if kind.left_out.positive?
        end
      end

      # Sums up the records left out so far, without ending the periods.
      #
      # @yieldparam record [Record] a summary
      def sum_up_all
        @kinds.each_value do |kind|
          next unless kind.left_out.positive?

          record = summary(kind)
          kind.left_out = 0
          yield record
        end
      end

      # @return [Float, nil] when the next summary is due
      def due
        @kinds.each_value.filter_map { |kind| kind.since + PERIOD if kind.left_out.positive? }.min
      end

      private

      # @return [Kind, nil] nil when there are too many
      def find(key, now, room)
        kind = @kinds[key]
        return kind if kind && !over?(kind, now)

        yield summary(kind) if kind&.left_out&.positive?
        enter(key, now, room)
      end

      def key_of(record)
        return [record.severity, record.kind] if record.kind

        [record.severity, record.log_id, record.system, record.body.tr_s("0-9", "0")].hash
      end

      def over?(kind, now)
        now - kind.since >= PERIOD
      end

      # @return [Kind, nil] nil when there are too many
      def enter(key, now, room)
        clear(now) if @kinds.size >= room && !@kinds.key?(key)
        return if @kinds.size >= room && !@kinds.key?(key)

        @kinds[key] = Kind.new(now, 0, 0, nil)
      end

      # At most once a period, because it checks all kinds.
      def clear(now)
        return if now - @cleared < PERIOD

        @cleared = now
        @kinds.delete_if { |_, kind| over?(kind, now) && kind.left_out.zero? }
      end

      def leave_out(kind, record)
        kind.left_out += 1
        kind.last = record
      end

      def summary(kind)
        last = kind.last
        text = last.body.lines.first.to_s.chomp
        text = "#{text[0, SHOWN]}..." if text.size > SHOWN
        number = kind.left_out.to_s.reverse.scan(/\d{1,3}/).join(" ").reverse
        Record.new(last.severity, last.log_id, "and #{number} more like it: #{text}", system: last.system)
      end
    end
  end
end
