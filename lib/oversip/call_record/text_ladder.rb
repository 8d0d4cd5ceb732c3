# frozen_string_literal: true

require_relative "canvas"
require_relative "clock"
require_relative "rows"
require_relative "terminal"

module OverSIP
  class CallRecord
    # A record as text: a column for each party, an arrow for each message, and on the line of the element the blocks of the
    # script (`*`), what the element did by itself (`:`) and notes (`#`). A message of a party to itself has an `@`.
    #
    # An arrow that ends with `x` did not arrive. Retransmissions are folded into the first one, unless a final response or
    # a CANCEL of these parties stands between. Where the arrow has no room for the time of the last one, the line below has
    # it: `..31.500`. Of the timers, those are shown that end a transaction without its response; of the targets, all of a
    # request that has failed at one, or that waits for one. Bytes that a terminal would not show as text are shown by their
    # numbers.
    #
    # @example
    #   puts OverSIP::CallRecord::TextLadder.new(record, width: $stdout, color: :auto)
    class TextLadder
      # Columns of the time, with the gap behind it.
      TIME = 11
      # Columns from one party to the next. Where the width has no room for the narrowest, messages are listed.
      GAPS = (16..56)
      # Columns that the element's own rows want when it is the last party, and those that they need.
      ELEMENT_ROOM = (24..42)
      # Columns of the last party's name.
      NAME_ROOM = (12..24)
      # What stands for a record without rows.
      NOTHING = "nothing has happened\n"

      # Columns of an arrow that are not its text.
      AROUND = 5

      MARKS = { block: "*", element: ":", note: "#", message: "@" }.freeze
      private_constant :TIME, :GAPS, :ELEMENT_ROOM, :NAME_ROOM, :AROUND, :MARKS

      # @param record [CallRecord] or the part of one that belongs to a call, see {CallRecord#for}
      # @param width [Integer, IO] columns; of an IO, those of its terminal, or 80
      # @param color [Boolean, Symbol] `:auto`: if `width` is a terminal and the environment does not set `NO_COLOR`
      # @param unit [Symbol] of the times: `:seconds` or `:milliseconds`
      # @raise [ArgumentError] there is no such unit
      def initialize(record, width: Terminal::USUAL, color: false, unit: :seconds)
        @clock = Clock.new(unit)
        @record = record
        @color = color == :auto ? Terminal.color?(width) : color
        @width = Terminal.columns(width)
      end

      # @return [String] lines that end with a newline
      def to_s
        rows = Rows.new(@record, @clock)
        return NOTHING if rows.rows.empty?

        @parties = rows.parties
        measure
        lines = @gap ? [*heading, *rows.rows.flat_map { |row| drawn(row) }] : rows.rows.flat_map { |row| listed(row) }
        lines.map { |line| "#{line.to_s(color: @color)}\n" }.join
      end

      private

      # Sets the columns from one party to the next; nil where there is no room for lanes.
      def measure
        gaps = @parties.size - 1
        room = @width - TIME
        return @gap = GAPS.min if gaps.zero?

        gap = [(room - last_room(room, gaps)) / gaps, GAPS.max].min
        @gap = (gap if gap >= GAPS.min)
      end

      def last_room(room, gaps)
        last = @parties.last
        return (room - (gaps * 24)).clamp(ELEMENT_ROOM) if last.name == @record.element

        [last.name, last.address.to_s].map { |text| Visible.width(Visible.of(text)) }.max.clamp(NAME_ROOM)
      end

      def lane(index)
        TIME + (index * @gap)
      end

      # The names, and below them the addresses.
      def heading
        names = caption(@parties.map(&:name), :name).put(0, "time (#{@clock.unit})".rjust(TIME - 2), :time)
        addresses = @parties.map { |party| party.address.to_s }
        addresses.all?(&:empty?) ? [names] : [names, caption(addresses, :time)]
      end

      def caption(texts, style)
        texts.each_with_index.with_object(Canvas.new) do |(text, index), canvas|
          room = index == texts.size - 1 ? @width - lane(index) : @gap - 1
          canvas.put(lane(index), Visible.cut(Visible.of(text), room), style)
        end
      end

      def line(time = "")
        @parties.each_index.with_object(Canvas.new.put(0, time.rjust(TIME - 2), :time)) do |index, canvas|
          canvas.put(lane(index), "|", :lane)
        end
      end

      def drawn(row)
        return own_lines(row) unless row.message? && row.from != row.to

        left, right = [lane(row.from), lane(row.to)].minmax
        length = right - left - 1
        arrow = line(@clock.time(row.at)).put(left + 1, arrow(row, length), row.arrives ? row.tone : :failure)
        row.last_at && row.label.tail_cut?(length - AROUND) ? [arrow, line("..#{@clock.time(row.last_at)}")] : [arrow]
      end

      def arrow(row, length)
        text = row.label.line(length - AROUND)
        spare = length - 3 - Visible.width(text)
        shaft = "#{"-" * (spare / 2)} #{text} #{"-" * (spare - (spare / 2))}"
        return "#{row.arrives ? "<" : "x"}#{shaft}" if row.to < row.from

        "#{shaft}#{row.arrives ? ">" : "x"}"
      end

      # What stands at one party.
      def own_lines(row)
        start = lane(row.from)
        texts(row, @width - start - 2).each_with_index.map do |text, index|
          next line.put(start + 2, text, row.tone) if index.positive?

          line(@clock.time(row.at)).put(start, "#{MARKS.fetch(row.kind)} #{text}", row.tone)
        end
      end

      # @return [Array<String>]
      def texts(row, room)
        lines = row.label.lines(room - 1)
        lines += Visible.wrap(row.exception, room - 1) if row.exception
        lines.each_with_index.map { |text, index| index.zero? ? text : " #{text}" }
      end

      # Without lanes.
      def listed(row)
        words = row.message? ? way(row) : "#{name(row.from)} #{MARKS.fetch(row.kind)}"
        text = [words, row.label, row.exception].compact.join(" ")
        Visible.wrap(text, @width - TIME - 2).each_with_index.map do |part, index|
          Canvas.new.put(0, (index.zero? ? @clock.time(row.at) : "").rjust(TIME - 2), :time)
                .put(index.zero? ? TIME : TIME + 2, part, row.tone)
        end
      end

      def way(row)
        "#{name(row.from)} #{row.arrives ? "->" : "-x"} #{name(row.to)}:"
      end

      def name(index)
        Visible.cut(Visible.of(@parties.fetch(index).name), 24)
      end
    end
  end
end
