# frozen_string_literal: true

# A call as text: a column for each party, a line for each message.
class Ladder
  COLUMNS = %w[caller relay callee].freeze
  WIDTH = 26
  MARGIN = 12

  # @param start [Float] the time that counts as zero
  def initialize(start)
    @start = start
    @lines = []
  end

  # A message from one party to another.
  def message(time, from, to, text)
    left, right = [COLUMNS.index(from), COLUMNS.index(to)].minmax
    shaft = " #{text} ".center((WIDTH * (right - left)) - 3, "-")
    shaft = left == COLUMNS.index(from) ? "#{shaft}->" : "<-#{shaft}"
    cells = COLUMNS.each_index.map { |column| column == left ? "|#{shaft}" : "|".ljust(WIDTH) }
    add(time, cells)
  end

  # Something that a party saw and that is no message.
  def remark(time, who, text)
    cells = COLUMNS.map { |name| (name == who ? "* #{text}" : "|").ljust(WIDTH) }
    add(time, cells)
  end

  def to_s
    head = "#{"time (ms)".rjust(MARGIN - 2)}  #{COLUMNS.map { |name| name.ljust(WIDTH) }.join}".rstrip
    [head, *@lines].join("\n")
  end

  private

  # Text that is wider than its column pushes the next mark out: it takes that column's place instead.
  def add(time, cells)
    line = +""
    cells.each_with_index do |cell, column|
      start = column * WIDTH
      line[start..] = cell.ljust(WIDTH) if line.rstrip.size <= start
    end
    @lines << "#{format("%.1f", (time - @start) * 1000).rjust(MARGIN - 2)}  #{line.rstrip}"
  end
end
