# frozen_string_literal: true

require_relative "clock"
require_relative "rows"
require_relative "visible"

module OverSIP
  class CallRecord
    # A record as a sequence diagram of Mermaid (https://mermaid.js.org), which many trackers and wikis draw: what
    # {TextLadder} shows. Requests have a whole line, responses a dotted one, and what does not arrive ends with a cross.
    #
    # Only ASCII is left in it, and nothing that means something to Mermaid: other characters are written by their numbers.
    #
    # @example
    #   puts "```mermaid", OverSIP::CallRecord::MermaidLadder.new(record), "```"
    class MermaidLadder
      # Mermaid draws no longer text (its `maxTextSize`).
      LONGEST = 50_000
      # Columns of a label, and of a name.
      ROOM = 64
      NAME = 40
      # What is written as it is.
      PLAIN = %r{[A-Za-z0-9 .,:/@_()+=?!*'-]}
      # Words from which on Mermaid would take a `#` for a colour.
      COLOR_WORDS = /(?<=styl)e|(?<=classDe)f/
      # Line, and head for what arrives and for what does not.
      ARROWS = { request: ["-", ">>", "x"], response: ["--", ">>", "x"] }.freeze
      private_constant :LONGEST, :ROOM, :NAME, :PLAIN, :COLOR_WORDS, :ARROWS

      # @param record [CallRecord] or the part of one that belongs to a call, see {CallRecord#for}
      # @param unit [Symbol] of the times: `:seconds` or `:milliseconds`
      # @raise [ArgumentError] there is no such unit
      def initialize(record, unit: :seconds)
        @record = record
        @clock = Clock.new(unit)
      end

      # @return [String] ASCII; lines that end with a newline, and no more of them than Mermaid draws
      def to_s
        rows = Rows.new(@record, @clock)
        parties = rows.parties.each_with_index.map { |party, index| participant(party, index) }
        parties = ["participant p0 as #{plain(@record.element)}"] if parties.empty?
        "#{["sequenceDiagram", *bounded(parties, rows.rows)].join("\n  ")}\n"
      end

      private

      # @param text [String] any bytes
      # @return [String]
      def plain(text)
        text = Visible.of(text).each_char.map { |char| char.match?(PLAIN) ? char : "##{char.ord};" }.join
        text.gsub(COLOR_WORDS) { |char| "##{char.ord};" }
      end

      # The first lines always, then as many rows as there is room for.
      def bounded(parties, rows)
        left = LONGEST - parties.sum { |line| line.size + 3 } - 120
        drawn = rows.map { |row| row_line(row) }.take_while { |line| (left -= line.size + 3).positive? }
        return parties + drawn if drawn.size == rows.size

        [*parties, *drawn, "Note over p0: #{rows.size - drawn.size} more rows are too much for Mermaid"]
      end

      def participant(party, index)
        lines = [party.name, party.address].compact.map { |text| plain(Visible.cut(Visible.of(text), NAME)) }
        "participant p#{index} as #{lines.join("<br/>")}"
      end

      def row_line(row)
        text = "#{@clock.time(row.at)} #{plain(row.label.line(ROOM))}"
        return message(row, text) if row.message?

        text = [text, *(Visible.wrap(row.exception, ROOM) if row.exception).to_a.map { |line| plain(line) }].join("<br/>")
        "Note over p#{row.from}: #{text}"
      end

      def message(row, text)
        line, head, cross = ARROWS.fetch(row.event.response? ? :response : :request)
        "p#{row.from}#{line}#{row.arrives ? head : cross}p#{row.to}: #{text}"
      end
    end
  end
end
