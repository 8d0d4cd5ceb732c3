# frozen_string_literal: true

require "oversip/call_record"
require "oversip/command_line/call_text"

module OverSIP
  class CommandLine
    # Calls as lines, the newest first, one of them chosen.
    #
    # @api private
    class CallList
      # Columns of the time, the method, how it ended, how long its caller waited; and of the parties at least.
      TIME = 10
      METHOD = 9
      RESULT = 24
      WAITED = 8
      PEOPLE = 12
      private_constant :TIME, :METHOD, :RESULT, :WAITED, :PEOPLE

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
        return [heading(width), CallRecord::Canvas.new.put(2, "none", :time)] if @calls.empty?

        index = @calls.index(chosen)
        first = (index - room + 2).clamp(0, [@calls.size - room + 1, 0].max)
        [heading(width), *@calls.drop(first).first(room - 1).map { |call| row(call, width) }]
      end

      private

      def heading(width)
        row_of(["calls", "method", "from -> to", "result", "waited"], %i[time time], width)
      end

      def row(call, width)
        at = (call.record.began_at + call.began_at).strftime("%H:%M:%S")
        texts = [at, CallRecord::Visible.of(call.sip_method || ""), people(call, room(width)), CallText.end_of(call),
                 CallText.time(call.waiting_time)]
        canvas = row_of(texts, [nil, CallText.style_of(call)], width)
        call.equal?(chosen) ? canvas.put(0, ">", :name) : canvas
      end

      # With their hosts where there is room for them.
      def people(call, room)
        ends = [call.from, call.to || call.ruri].map { |uri| CallRecord::Visible.of(uri.to_s.sub(/\A(?:sips?|tel):/i, "")) }
        ends = ends.map { |text| text.sub(/@.*/, "") } if ends.sum { |text| CallRecord::Visible.width(text) } + 4 > room
        CallRecord::Visible.cut(ends.map { |text| text.empty? ? "unknown" : text }.join(" -> "), room)
      end

      # @param texts [Array<String>] time, method, parties, result, and how long the caller waited
      def row_of(texts, styles, width)
        at, method, people, result, waited = texts
        start = 2 + TIME + METHOD
        room = room(width)
        CallRecord::Canvas.new.put(2, at, :time).put(2 + TIME, CallRecord::Visible.cut(method, METHOD - 1), styles.first)
                          .put(start, people, styles.first)
                          .put(start + room + 1, CallRecord::Visible.cut(result, RESULT - 1), styles.last)
                          .put(start + room + RESULT + WAITED - waited.size, waited, styles.first)
      end

      def room(width)
        [width - 2 - TIME - METHOD - RESULT - WAITED - 1, PEOPLE].max
      end
    end
  end
end
