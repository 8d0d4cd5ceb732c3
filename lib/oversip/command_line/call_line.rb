# frozen_string_literal: true

require "oversip/call_record"
require "oversip/command_line/call_text"

module OverSIP
  class CommandLine
    # A call in one line of a list.
    #
    # @api private
    class CallLine
      # Columns of the mark before it, the time, the method, how it ended, how long its caller waited; and of the parties at
      # least.
      MARK = 2
      TIME = 10
      METHOD = 9
      RESULT = 24
      WAITED = 8
      PEOPLE = 12
      # Letters of a Call-ID, unless several begin so.
      LEAST = 8
      # Seconds of a day.
      DAY = 86_400
      private_constant :MARK, :TIME, :METHOD, :RESULT, :WAITED, :PEOPLE, :LEAST, :DAY

      class << self
        # @param calls [Array<CallRecord::Call>]
        # @param width [Integer] columns
        # @return [Array<CallRecord::Canvas>] a heading, and a line for each with as much of its Call-ID as tells it from the
        #   others
        def list(calls, width)
          ids = beginnings(calls.map { |call| CallRecord::Visible.of(call.call_id) })
          line = new(width, ids: ids.map(&:size).max || 0)
          [line.heading, *calls.zip(ids).map { |call, id| line.of(call, id) }]
        end

        private

        def beginnings(ids)
          sorted = ids.uniq.sort
          common = sorted.each_cons(2).map { |left, right| left.chars.zip(right.chars).take_while { |a, b| a == b }.size }
          sizes = sorted.zip([0, *common].zip([*common, 0])).to_h { |id, shared| [id, [shared.max + 1, LEAST].max] }
          ids.map { |id| id[0, sizes.fetch(id)] }
        end
      end

      # @param width [Integer] columns
      # @param ids [Integer] columns of Call-IDs; 0: there are none
      def initialize(width, ids: 0)
        @ids = ids.zero? ? 0 : ids.clamp("Call-ID".size, width / 5) + 2
        @result = ids.zero? ? RESULT : RESULT - @ids.clamp(0, 8)
        @room = [width - MARK - TIME - METHOD - @result - WAITED - @ids, PEOPLE].max
      end

      # @return [CallRecord::Canvas]
      def heading
        put(["calls", "method", "from -> to", "result", "waited", "Call-ID"], :time, :time)
      end

      # @param call [CallRecord::Call]
      # @param id [String, nil] what is shown of its Call-ID
      # @return [CallRecord::Canvas]
      def of(call, id = nil)
        texts = [time(call), CallRecord::Visible.of(call.sip_method || ""), people(call), CallText.end_of(call),
                 CallText.time(call.waiting_time), id.to_s]
        put(texts, nil, CallText.style_of(call))
      end

      private

      def put(texts, style, result_style)
        at, method, people, result, waited, id = texts
        start = MARK + TIME + METHOD
        after = start + @room
        canvas = CallRecord::Canvas.new.put(MARK, at, style).put(MARK + TIME, cut(method, METHOD), style)
                                   .put(start, people, style).put(after, cut(result, @result), result_style)
                                   .put(after + @result + WAITED - waited.size, waited, style)
        @ids.zero? ? canvas : canvas.put(after + @result + WAITED + 2, cut(id, @ids - 1), style)
      end

      def cut(text, columns)
        CallRecord::Visible.cut(text, columns - 1)
      end

      def time(call)
        at = call.record.began_at + call.began_at
        at.strftime(Time.now - at < DAY ? "%H:%M:%S" : "%b %e")
      end

      # With their hosts where there is room for them.
      def people(call)
        ends = [call.from, call.to || call.ruri].map { |uri| CallRecord::Visible.of(uri.to_s.sub(/\A(?:sips?|tel):/i, "")) }
        ends = ends.map { |text| text.sub(/@.*/, "") } if ends.sum { |text| CallRecord::Visible.width(text) } + 5 > @room
        cut(ends.map { |text| text.empty? ? "unknown" : text }.join(" -> "), @room)
      end
    end
  end
end
