# frozen_string_literal: true

require "oversip/call_record"
require "oversip/command_line/call_line"

module OverSIP
  class CommandLine
    # Calls as lines, the newest first, one of them chosen.
    #
    # @api private
    class CallList
      def initialize
        @calls = []
        @chosen = nil
      end

      # @param record [CallRecord]
      def take(record)
        @calls = record.summaries.reverse
        @chosen = nil unless chosen
      end

      # @return [Integer] how many there are
      def size
        @calls.size
      end

      # @return [CallRecord::Call, nil] the newest one as long as none was chosen
      def chosen
        @calls.find { |call| call.call_id == @chosen } || @calls.first
      end

      # @param step [Integer] to older ones; negative: to newer ones
      def move(step)
        return if @calls.empty?

        index = (@calls.index(chosen) + step).clamp(0, @calls.size - 1)
        # Who stands at the newest call goes on to what is newer.
        @chosen = index.zero? ? nil : @calls[index].call_id
      end

      # @param room [Integer] lines
      # @param width [Integer] columns
      # @return [Array<CallRecord::Canvas>] a heading, and the calls around the chosen one
      def lines(room, width)
        return [] if room < 2

        line = CallLine.new(width)
        return [line.heading, CallRecord::Canvas.new.put(2, "none", :time)] if @calls.empty?

        index = @calls.index(chosen)
        first = (index - room + 2).clamp(0, [@calls.size - room + 1, 0].max)
        [line.heading, *@calls.drop(first).first(room - 1).map { |call| marked(call, line.of(call)) }]
      end

      private

      def marked(call, canvas)
        call.equal?(chosen) ? canvas.put(0, ">", :name) : canvas
      end
    end
  end
end
