# frozen_string_literal: true

module Bench
  # Rows as aligned text or as Markdown.
  class Table
    # @param heads [Array<String>]
    def initialize(*heads)
      @heads = heads
      @rows = []
    end

    # @param cells [Array<String>]
    # @return [self]
    def add(*cells)
      @rows << cells
      self
    end

    def empty?
      @rows.empty?
    end

    def to_text
      widths = [@heads, *@rows].transpose.map { |cells| cells.map(&:size).max }
      [@heads, *@rows].map { |cells| cells.zip(widths).map { |cell, width| cell.ljust(width) }.join("  ").rstrip }.join("\n")
    end

    def to_markdown
      lines = [@heads, ["---"] * @heads.size, *@rows]
      lines.map { |cells| "| #{cells.map { |cell| cell.gsub("|", "\\|") }.join(" | ")} |" }.join("\n")
    end
  end
end
