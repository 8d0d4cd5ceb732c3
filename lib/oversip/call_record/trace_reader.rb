# frozen_string_literal: true

require "json"
require "oversip/errors"
require_relative "message"
require_relative "trace_reader/events"
require_relative "trace_reader/parties"
require_relative "trace_reader/followed_call"

module OverSIP
  class CallRecord
    # Makes a record of the rows in which the engine hands out its trace: lines of JSON, a head first.
    #
    # The party at the other end of a connection or address is named after the user of From or of the Request-URI, as far as
    # the requests of the call leave no doubt; else its address is its name.
    #
    # @api private
    class TraceReader
      # The version of rows that this reader knows.
      VERSION = 1
      # Seconds before a call in which its connection may have been opened for it, and after the last message of one that
      # waits for another in which a lost connection explains why none came (64*T1).
      BEFORE = 1
      AFTER = 32
      private_constant :BEFORE, :AFTER

      # @return [Hash, nil] the first row: "began_at", "now", "seq" and others
      attr_reader :head

      def initialize
        @head = nil
        @calls = {}
        @rest = {}
        @own = {}
        @followed = {}
      end

      # @param text [String] lines, each of them whole
      # @return [self]
      def read(text)
        text.each_line { |line| add(line) }
        self
      end

      # @param line [String] empty lines, which keep a connection open, are nothing
      # @return [Hash, nil] the row
      # @raise [OverSIP::RuntimeError] it is no row
      def add(line)
        return if line.strip.empty?

        row = parsed(line)
        look_at(row)
        keep(row)
        row
      end

      # @return [Time] when the clock of the rows stood at 0
      # @raise [OverSIP::RuntimeError] there was no head
      def began_at
        raise OverSIP::RuntimeError, "the rows have no head: was this read from an OverSIP server?" unless head

        Time.at(head.fetch("began_at").rationalize(Rational(1, 1_000_000)))
      end

      # @return [Array<String>] Call-IDs, as the rows have them
      def call_ids
        @calls.keys
      end

      # @param call_ids [Array<String>] as the rows have them
      # @return [CallRecord] of these calls; of what belongs to no call, that which the time and the addresses of one of them
      #   touch
      # @raise [OverSIP::RuntimeError] there was no head
      def record(call_ids = self.call_ids)
        record = CallRecord.new(element: element, began_at: began_at, now: head["now"])
        call_ids.each { |call_id| events(@calls.fetch(call_id)).each { |event| record << event } }
        record
      end

      # @param line [String]
      # @return [Array(Hash, Event), nil] a row that is no head, and its event, if there is one; of what ends an attempt, the
      #   attempt
      def follow(line)
        row = parsed(line) unless line.strip.empty?
        return unless row

        look_at(row)
        [row, followed_call(row["call_id"]).add(row)] unless row["kind"] == "head"
      end

      # @param call_id [String, nil] as the rows have it; nil: what belongs to no call
      # @return [FollowedCall] a call that is followed
      def followed_call(call_id)
        @followed[call_id] = @followed.delete(call_id) || FollowedCall.new(call_id, element, @own, began_at)
      end

      # Forgets the calls that have been followed, but for the last ones: a server may be followed for days.
      #
      # @param calls [Integer] so many are kept
      def keep_last(calls)
        @followed.shift while @followed.size > calls
      end

      # @return [String] the name of the element
      def element
        head&.fetch("element", nil) || ELEMENT
      end

      private

      def parsed(line)
        row = JSON.parse(line)
        return with_bytes(row) if row.is_a?(Hash)

        raise OverSIP::RuntimeError, "a row of the trace is no JSON object: #{Visible.of(line, limit: 80)}"
      rescue JSON::ParserError
        raise OverSIP::RuntimeError, "a row of the trace is no JSON: #{Visible.of(line, limit: 80)}"
      end

      # A Call-ID that is no UTF-8 has its bytes beside its text, which others may have too.
      def with_bytes(row)
        id = row["id"]
        id.is_a?(String) ? row.merge("call_id" => Message.text(id.tr("-_", "+/").unpack1("m"))) : row
      end

      def begin_with(row)
        unless row["rows"] == VERSION
          raise OverSIP::RuntimeError, "the server has rows of version #{row["rows"].inspect}, this program knows " \
                                       "version #{VERSION}: please use the `oversip` of the server's version"
        end
        @head = row
      end

      def look_at(row)
        case row["kind"]
        when "head" then begin_with(row)
        when "flow_opened", "message" then @own[row["local"]] = true if row["local"]
        end
      end

      # The call with the newest row is the last one.
      def keep(row)
        return if row["kind"] == "head"
        return keep_of_no_call(row) unless row["call_id"]

        @calls[row["call_id"]] = (@calls.delete(row["call_id"]) || []) << row
      end

      def keep_of_no_call(row)
        (@rest[(row["peer"] || row["target"]).to_s] ||= []) << row
      end

      def events(rows)
        parties = Parties.new(rows, element, @own)
        ordered = by_time(rows + touching(rows))
        maker = Events.new(call_id(rows), parties)
        ordered.filter_map { |row| maker.of(row) }.uniq(&:object_id)
      end

      # The messages have the bytes of the Call-ID, the rows have it as text.
      def call_id(rows)
        Parties.messages(rows).each do |row|
          call_id = Parties.parsed(row).call_id
          return call_id if call_id
        end
        rows.first["call_id"]
      end

      def by_time(rows)
        rows.each_with_index.sort_by { |row, index| [row.fetch("at", Float::INFINITY), index] }.map(&:first)
      end

      # What happened to connections and targets that the call uses, while it lasted.
      def touching(rows)
        from, to = rows.filter_map { |row| row["at"] }.minmax
        return [] unless from

        times = { "flow_opened" => (from - BEFORE)..to, "flow_closed" => from..(to + (waiting?(rows) ? AFTER : 0)) }
        ways = rows.select { |row| row["remote"] }.map { |row| "#{row["transport"]}:#{row["remote"]}" }
        places = (ways + rows.filter_map { |row| row["target"] }).uniq
        places.flat_map { |place| @rest.fetch(place, []) }.select do |row|
          times.fetch(row["kind"], from..to).cover?(row.fetch("at", 0.0))
        end
      end

      # A connection that is lost may be why nothing more came.
      def waiting?(rows)
        last = Parties.messages(rows).last
        last && (Parties.parsed(last).status_code || 0) < 200
      end
    end
  end
end
