# frozen_string_literal: true

require "oversip/call_record"
require "oversip/command_line/call_text"

module OverSIP
  class CommandLine
    # A line for each event of calls that go on at the same time.
    #
    # @api private
    class FollowLine
      # What stands between the element and what it does.
      MARKS = { block: "*", element: ":", note: "#", message: "@" }.freeze
      # Columns of the time, and from there on of the number of the call.
      TIME = 14
      NUMBER = 7
      private_constant :MARKS, :TIME, :NUMBER

      # @param output [IO]
      # @param color [Boolean] whether a terminal may get colours
      def initialize(output, color)
        @output = output
        @color = color && CallRecord::Terminal.color?(output)
        @clock = CallRecord::Clock.new(:seconds)
      end

      # @param call [CallRecord::Call]
      # @param number [Integer]
      # @return [String]
      def beginning(call, number)
        text = "#{CallText.ask_of(call)}, Call-ID #{CallRecord::Visible.of(call.call_id)}"
        line(call.record.began_at + call.began_at, number, "+ #{text}", :name)
      end

      # @param call [CallRecord::Call]
      # @param number [Integer]
      # @return [String]
      def ending(call, number)
        causes = call.causes.empty? || call.outcome == :success ? "" : ": #{call.causes.join("; ")}"
        text = "= #{CallText.end_of(call)} after #{CallText.time(call.waiting_time)}#{causes}"
        line(call.record.began_at + call.ended_at, number, text, CallText.style_of(call) || :name)
      end

      # @param record [CallRecord] with one event
      # @param number [Integer, nil] of the call
      # @param again [Boolean] whether the message was sent before
      # @return [String] empty for what is not worth a line
      def of(record, number, again)
        rows = CallRecord::Rows.new(record, @clock)
        row = rows.rows.first or return ""
        words = row.message? ? way(row, rows.parties) : MARKS.fetch(row.kind)
        text = [words, row.label, ("(again)" if again), row.exception].compact.join(" ")
        line(record.began_at + row.at, number, text, row.tone)
      end

      private

      def way(row, parties)
        from, to = [row.from, row.to].map do |index|
          CallRecord::Visible.cut(CallRecord::Visible.of(parties[index].name), 24)
        end
        "#{from} #{row.arrives ? "->" : "-x"} #{to}:"
      end

      # On a terminal what follows the first line stands below its text.
      def line(at, number, text, style)
        start = TIME + NUMBER
        parts = CallRecord::Terminal.terminal?(@output) ? CallRecord::Visible.wrap(text, room - start) : [text]
        parts.each_with_index.map do |part, index|
          canvas = CallRecord::Canvas.new.put(start, part, style)
          canvas.put(0, at.strftime("%H:%M:%S.%L"), :time).put(TIME, number ? "##{number}" : "", :time) if index.zero?
          "#{canvas.to_s(color: @color)}\n"
        end.join
      end

      # A terminal may get another size.
      def room
        CallRecord::Terminal.columns(@output) - 1
      end
    end
  end
end
