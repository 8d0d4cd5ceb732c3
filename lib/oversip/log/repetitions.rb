# frozen_string_literal: true

require "oversip/log/record"

module OverSIP
  module Log
    # Counts like records, so that one fault that comes a thousand times does not bury the others. Records of the library are
    # like each other when they come from the same place of it: their text has what peers send. Those of scripts are when
    # severity, speaker and text are the same, numbers in the text aside. Of one kind {#limit} are let through within a
    # period, and of one line of a script {SITE_SHARE} times as many, whatever they say; the rest is summed up in one record
    # at its end.
    #
    # It has no lock: its owner keeps threads apart.
    #
    # @api private
    class Repetitions
      # Seconds.
      PERIOD = 1.0

      # Kinds that are counted at a time; records of further ones are let through.
      MAX_KINDS = 1_000

      # The same with places of the library and lines of scripts, of which no peer can make more.
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

      # Lets a record through or counts it.
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

      # Ends the periods that are over.
      #
      # @yieldparam record [Record] a summary
      def sum_up(now)
        ended = @kinds.select { |_, kind| over?(kind, now) }
        ended.each do |key, kind|
          @kinds.delete(key)
          yield summary(kind) if kind.left_out.positive?
        end
      end

      # Sums up what was left out until now, without an end of the periods.
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

      # Once a period at most: it looks at all of them.
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
