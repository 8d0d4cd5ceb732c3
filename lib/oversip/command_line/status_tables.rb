# frozen_string_literal: true

require "oversip/call_record/canvas"
require "oversip/call_record/visible"
require "oversip/command_line/call_text"

module OverSIP
  class CommandLine
    # The tables of a server's status: targets with their health, why calls failed, and the slowest blocks.
    #
    # @api private
    class StatusTables
      # Rows of a table: at most, and where they are many at least.
      MOST = 10
      LEAST = 2

      # Columns from which on tables stand side by side.
      WIDE = 150
      # Columns between two tables, and between two columns of one.
      GAP = 4
      CELLS = 2
      # Columns of the first cell, and of a text in another one.
      FIRST = 12
      TEXT = 16

      # Who has answered.
      BY = { "script" => "by the script", "relayed" => "relayed", "element" => "by the server itself" }.freeze

      # A table: the headings, and rows of cells and a style. The first cell of a row is as wide as there is room, the others
      # end at the right.
      Table = Struct.new(:heads, :rows)
      private_constant :WIDE, :GAP, :CELLS, :FIRST, :TEXT, :BY, :Table

      # @param status [Hash] what `/status` says
      # @param width [Integer] columns
      def initialize(status, width)
        @status = status
        @whole = width
        arrange([[targets, causes], [blocks]])
      end

      # @param rows [Integer] of each table, at most
      # @return [Array<CallRecord::Canvas>] with an empty line above each table
      def lines(rows)
        columns = @columns.each_with_index.map do |tables, index|
          tables.flat_map { |table| [nil, *painters(table, rows, index * (@width + GAP))] }
        end
        Array.new(columns.map(&:size).max) do |index|
          columns.each_with_object(CallRecord::Canvas.new) { |painters, canvas| painters[index]&.call(canvas) }
        end
      end

      # As much as there is room for: shorter tables, and where these would say nothing, less of them.
      #
      # @param room [Integer] lines
      # @return [Array<CallRecord::Canvas>] no more lines than that
      def within(room)
        until @columns.all?(&:empty?)
          MOST.downto(LEAST) do |rows|
            lines = lines(rows)
            return lines if lines.size <= room
          end
          leave_one_out
        end
        []
      end

      private

      # @param columns [Array<Array<Table>>] two of them, for where there is room for both
      def arrange(columns)
        left, right = columns.map { |tables| tables.reject { |table| table.rows.empty? } }
        @columns = @whole < WIDE || left.empty? || right.empty? ? [left + right] : [left, right]
        @width = (@whole - (GAP * (@columns.size - 1))) / @columns.size
      end

      def leave_one_out
        @columns.max_by(&:size).pop
      end

      def text(value)
        CallRecord::Visible.of(value)
      end

      def targets
        listed = Array(@status["targets"]).sort_by do |target|
          [target["blacklisted"] ? 0 : 1, -target["timeouts"].to_i, -target["attempts"].to_i]
        end
        Table.new(%w[target tried answered failed timeouts time last],
                  listed.map { |target| [target_cells(target), (:failure if target["blacklisted"])] })
      end

      def target_cells(target)
        health = target["blacklisted"] ? "blacklisted" : text(target["last"]).tr("_", " ")
        [text(target["target"]), *target.values_at("attempts", "answered", "failed", "timeouts"),
         target["seconds"] ? CallText.time(target["seconds"]) : "", CallRecord::Visible.cut(health, TEXT)]
      end

      def causes
        listed = Array(@status["causes"]).sort_by { |cause| -cause["count"].to_i }
        Table.new(["why calls failed", "calls"], listed.map { |cause| [[cause(cause), cause["count"]], nil] })
      end

      # @return [String] "486 Busy Here, relayed"
      def cause(cause)
        [text(cause["cause"]), BY.fetch(cause["by"], nil)].compact.join(", ")
      end

      def blocks
        listed = Array(@status["blocks"]).sort_by { |block| -block["longest"].to_f }
        Table.new(["slowest blocks", "runs", "mean", "longest", "raised"], listed.map { |block| block_row(block) })
      end

      def block_row(block)
        runs = block["count"].to_i
        mean = runs.positive? ? block["seconds"].to_f / runs : 0
        raised = block["exceptions"].to_i
        cells = ["#{text(block["event"])} #{text(place(block["place"]))}", runs, CallText.time(mean),
                 CallText.time(block["longest"].to_f), raised]
        [cells, (:failure if raised.positive?)]
      end

      # @return [String] "server.rb:12"
      def place(place)
        file, line = place.to_s.split(/:(?=\d+\z)/)
        [File.basename(file.to_s), line].compact.join(":")
      end

      # @return [Array<Proc>] each puts a row on a canvas
      def painters(table, most, start)
        shown = table.rows.size > most ? table.rows.first([most - 1, 0].max) : table.rows
        rows = [[table.heads, :time], *shown]
        left = table.rows.size - shown.size
        rows << [["and #{left} more"], :time] if left.positive?
        widths = widths(rows.map(&:first))
        rows.map { |cells, style| ->(canvas) { paint(canvas, cells, style, widths, start) } }
      end

      def widths(rows)
        Array.new(rows.map(&:size).max) { |index| rows.map { |cells| CallRecord::Visible.width(cells[index].to_s) }.max }
      end

      def paint(canvas, cells, style, widths, start)
        others = widths.drop(1)
        room = [@width - others.sum { |width| width + CELLS }, FIRST].max
        room = [room, [widths.first, FIRST].max].min
        canvas.put(start, CallRecord::Visible.cut_within(cells.first.to_s, room), style)
        column = start + room
        cells.drop(1).zip(others) do |cell, width|
          column += CELLS + width
          canvas.put(column - CallRecord::Visible.width(cell.to_s), cell.to_s, style)
        end
      end
    end
  end
end
