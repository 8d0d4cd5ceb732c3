# frozen_string_literal: true

require_relative "../visible"

module OverSIP
  class CallRecord
    class SvgLadder
      # Where everything of a picture stands, in pixels.
      #
      # @api private
      class Layout
        # A party: its name and address, the place of its lane, and the width of its box.
        Column = Struct.new(:name, :address, :middle, :width, :element)

        # A row: `height` of its arrow or mark, `ends` (x of sender and receiver, or twice the same), what stands there.
        Place = Struct.new(:row, :height, :ends, :text, :lines, :timed) do
          # @return [Boolean]
          def arrow?
            ends.first != ends.last
          end

          # @return [Integer]
          def middle
            ends.sum / 2
          end
        end

        # Width of a letter.
        LETTER = 7.9
        # Height of a row with an arrow, of the first line of another row, and of a further line.
        ARROW = 34
        OWN = 24
        LINE = 17
        # Room for the times.
        TIME = 92
        # From one lane to the next.
        GAPS = (150..460)
        # Letters of a row that stands at one party.
        LONGEST = 90
        private_constant :TIME, :GAPS, :LONGEST, :ARROW, :OWN

        # @return [Array<Column>] from left to right
        attr_reader :columns
        # @return [Array<Place>] from top to bottom
        attr_reader :places
        # @return [Array(Integer, Integer)] width and height
        attr_reader :size

        # @param rows [Rows]
        def initialize(rows)
          @rows = rows.rows
          @columns = columns_of(rows.parties)
          spread
          @bottom = head_bottom + 8
          @last_at = nil
          @places = @rows.map { |row| place(row) }
          @size = [width, @bottom + 24]
        end

        # @return [Integer] right edge of the times
        def time_edge
          TIME - 18
        end

        # @return [Integer]
        def head_middle
          (12 + head_bottom) / 2
        end

        # @return [Integer]
        def head_bottom
          @columns.all? { |column| column.address.empty? } ? 42 : 58
        end

        private

        def columns_of(parties)
          marked = @rows.reject(&:message?).map(&:from).tally.max_by(&:last)&.first
          parties.each_with_index.map do |party, index|
            name, address = [party.name, party.address].map { |text| Visible.cut(Visible.of(text), 40) }
            letters = [Visible.width(name), Visible.width(address)].max
            Column.new(name, address, 0, pixels(letters) + 24, index == marked)
          end
        end

        def pixels(letters)
          (letters * LETTER).ceil
        end

        # Each gap has room for the boxes beside it and for the labels of its own arrows.
        def spread
          return if @columns.empty?

          @columns.first.middle = TIME + (@columns.first.width / 2)
          @columns.each_cons(2).with_index do |(left, right), index|
            boxes = ((left.width + right.width) / 2) + 16
            right.middle = left.middle + [boxes, labels(index).clamp(GAPS)].max
          end
        end

        def labels(index)
          @rows.select { |row| row.message? && [row.from, row.to].minmax == [index, index + 1] }
               .map { |row| pixels(Visible.width(row.label.to_s)) + 40 }.max || 0
        end

        def place(row)
          ends = [row.from, row.to || row.from].map { |index| @columns[index].middle }
          ends.last == ends.first ? own(row, ends) : arrow(row, ends)
        end

        # An arrow that does not arrive ends before its lane.
        def arrow(row, ends)
          @bottom += ARROW
          from, to = ends
          room = ((to - from).abs - 30) / LETTER
          tip = row.arrives ? to : to - ((to <=> from) * 24)
          Place.new(row, @bottom, [from, tip], row.label.line(room.floor), [], timed?(row))
        end

        def own(row, ends)
          lines = row.label.lines(LONGEST)
          lines += Visible.wrap(row.exception, LONGEST).map { |line| "  #{line}" } if row.exception
          height = @bottom + OWN
          @bottom = height + ((lines.size - 1) * LINE)
          Place.new(row, height, ends, nil, lines, timed?(row))
        end

        # Of rows at one time the first one shows it.
        def timed?(row)
          shown = @last_at == row.at
          @last_at = row.at
          !shown
        end

        def width
          boxes = @columns.map { |column| column.middle + (column.width / 2) }
          texts = @places.reject(&:arrow?).flat_map do |place|
            place.lines.map { |line| place.ends.first + 12 + pixels(Visible.width(line)) }
          end
          [TIME + 100, *boxes, *texts].max + 16
        end
      end
    end
  end
end
