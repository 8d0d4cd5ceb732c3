# frozen_string_literal: true

require "io/console"
require_relative "rows"

module OverSIP
  class CallRecord
    # A record as text: a column for each party, a line for each message, and between them what the element did.
    #
    # @example
    #   puts OverSIP::CallRecord::TextLadder.new(record, width: $stdout, color: :auto)
    class TextLadder
      # Columns of the time.
      TIME = 9
      # A party's column is at least as wide as this; where the text has no room for that, messages are listed.
      NARROWEST = 16
      # Wider columns are only harder to read.
      WIDEST = 40

      # Codes of the terminal, by tone.
      COLORS = { request: nil, provisional: 33, success: 32, failure: 31, error: 31, plain: 36 }.freeze

      # @param record [CallRecord]
      # @param width [Integer, IO] columns; of an IO, those of its terminal
      # @param color [Boolean, Symbol] `:auto`: if `width` is a terminal
      # @param unit [Symbol] of the times: `:seconds` or `:milliseconds`
      def initialize(record, width: 80, color: false, unit: :seconds)
        @rows = Rows.new(record)
        @color = color == :auto ? terminal?(width) : color
        @width = columns(width)
        @unit = unit
      end

      # @return [String] lines that end with a newline
      def to_s
        lines = fits? ? [header, *@rows.rows.map { |row| line(row) }] : @rows.rows.map { |row| listed(row) }
        lines.map { |text| "#{text}\n" }.join
      end

      private

      def terminal?(width)
        width.respond_to?(:tty?) && width.tty?
      end

      def columns(width)
        return width if width.is_a?(Integer)

        terminal?(width) ? width.winsize.last : 80
      end

      def parties
        @rows.parties
      end

      # The last column needs room for its name alone.
      def fits?
        step >= NARROWEST
      end

      def step
        @step ||= begin
          room = @width - TIME - 2 - last_room
          parties.one? ? WIDEST : [room / (parties.size - 1), WIDEST].min
        end
      end

      def last_room
        [parties.last.size, 12].max
      end

      def header
        names = parties.each_with_index.map do |name, index|
          index == parties.size - 1 ? name : "#{shortened(name, step - 2)} ".ljust(step)
        end
        "#{(@unit == :seconds ? "time (s)" : "time (ms)").rjust(TIME)}  #{names.join}".rstrip
      end

      def line(row)
        cells = lanes
        row.message? ? draw_message(cells, row) : draw_remark(cells, row)
        painted("#{time(row)}  #{cells.join.rstrip}", row)
      end

      def lanes
        text = " " * [@width - TIME - 2, ((parties.size - 1) * step) + 1].max
        parties.each_index { |index| text[index * step] = "|" }
        text.chars
      end

      def draw_message(cells, row)
        from = parties.index(row.from) * step
        to = parties.index(row.to) * step
        left, right = [from, to].minmax
        return draw_remark(cells, row) if left == right

        shaft = shaft(row, right - left - 1)
        cells[left + 1...right] = (to > from ? shaft : turned(shaft, row)).chars
      end

      # An arrow to the right.
      def shaft(row, length)
        head = row.lost ? "x" : ">"
        "#{" #{shortened(row.text, length - 5, keep: row.remark)} ".center(length - 1, "-")}#{head}"
      end

      # The same to the left.
      def turned(shaft, row)
        "#{row.lost ? "x" : "<"}#{shaft.chop}"
      end

      def draw_remark(cells, row)
        start = (parties.index(row.from || @rows.element) * step) + 2
        text = "* #{row.text} "
        text = shortened(text, [cells.size - start, 30].max)
        cells[start, text.size] = text.chars
      end

      def listed(row)
        return painted("#{time(row)}  * #{row.text}", row) unless row.message?

        painted("#{time(row)}  #{row.from} #{row.lost ? "-x" : "->"} #{row.to}: #{row.text}", row)
      end

      def time(row)
        value = @unit == :seconds ? format("%.3f", row.at) : format("%.1f", row.at * 1000)
        value.rjust(TIME)
      end

      # The remark at the end says more than the end of an URI.
      def shortened(text, room, keep: nil)
        return text if text.size <= room
        return "#{text[0, [room - 1, 1].max]}…" unless keep && keep.size + 2 < room

        "#{text[0, room - keep.size - 2]}… #{keep}"
      end

      def painted(text, row)
        code = COLORS.fetch(row.tone) if @color
        code ? "\e[#{code}m#{text}\e[0m" : text
      end
    end
  end
end
