# frozen_string_literal: true

require_relative "visible"

module OverSIP
  class CallRecord
    # A line of text whose parts may be coloured. What is put later covers what was there.
    #
    # @api private
    class Canvas
      # Codes of the terminal for each style (ECMA-48 8.3.117).
      STYLES = {
        time: "2", lane: "2", name: "1", request: "36", provisional: "33", redirection: "33", success: "32", failure: "31",
        error: "1;31", block: "35"
      }.freeze
      private_constant :STYLES

      def initialize
        @cells = []
      end

      # @param column [Integer]
      # @param text [String] that {Visible.of} has returned
      # @param style [Symbol]
      # @return [self]
      def put(column, text, style)
        text.each_char do |char|
          width = Visible.width(char)
          @cells[column] = [char, style]
          @cells[column + 1] = ["", style] if width == 2
          column += width
        end
        self
      end

      # @param color [Boolean]
      # @return [String] without blanks at the end
      def to_s(color: false)
        cells = @cells.map { |cell| cell || [" ", nil] }
        return cells.map(&:first).join.rstrip unless color

        cells.chunk_while { |left, right| left.last == right.last }.map { |part| painted(part) }.join.rstrip
      end

      private

      def painted(cells)
        text = cells.map(&:first).join
        code = STYLES[cells.first.last]
        code ? "\e[#{code}m#{text}\e[0m" : text
      end
    end
  end
end
