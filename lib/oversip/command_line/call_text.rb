# frozen_string_literal: true

require "oversip/call_record"

module OverSIP
  class CommandLine
    # Calls as text: for each a few lines that say how it ended and why, and its ladder. The clock of a ladder stands at 0
    # at its first line.
    #
    # @api private
    class CallText
      # Columns in a file.
      FILE_WIDTH = 120

      # Colours of outcomes.
      STYLES = { success: :success, redirection: :redirection, cancelled: :provisional, failure: :failure,
                 none: :failure }.freeze
      private_constant :STYLES

      class << self
        # @param record [CallRecord]
        # @param width [Integer, IO]
        # @param color [Boolean] whether a terminal may get colours
        # @return [String]
        def of(record, width, color)
          color &&= CallRecord::Terminal.color?(width)
          record.summaries.map { |call| new(call, width, color) }.join("\n")
        end

        # @param call [CallRecord::Call]
        # @return [String] "200 OK", or its outcome
        def end_of(call)
          CallRecord::Visible.of(call.result)
        end

        # @param call [CallRecord::Call]
        # @return [String] "INVITE sip:alice@example.com -> sip:bob@example.com"
        def ask_of(call)
          to = call.to || call.ruri || "unknown"
          CallRecord::Visible.of("#{call.sip_method || "a call"} #{call.from || "unknown"} -> #{to}")
        end

        # @param seconds [Float]
        # @return [String] "2.1 ms", "31.5 s"
        def time(seconds)
          return "#{(seconds * 1000).round(1).to_s.delete_suffix(".0")} ms" if seconds < 0.9995

          "#{seconds.round(1).to_s.delete_suffix(".0")} s"
        end

        # @param call [CallRecord::Call]
        # @return [Symbol, nil] a style of {CallRecord::Canvas}
        def style_of(call)
          STYLES[call.outcome]
        end
      end

      # @param call [CallRecord::Call]
      # @param width [Integer, IO] columns; of an IO, those of its terminal, or 80
      # @param color [Boolean] whether it has colours
      def initialize(call, width, color)
        @call = call
        @width = CallRecord::Terminal.columns(width)
        @color = color
        record = call.record.with_zero_at(call.began_at)
        @ladder = CallRecord::TextLadder.new(record, width: @width, color: @color)
      end

      # @return [String] lines that end with a newline
      def to_s
        "#{heading}\n\n#{@ladder}"
      end

      private

      def heading
        facts = CallRecord::Visible.list(self.facts, @width).map { |line| CallRecord::Canvas.new.put(0, line, :time) }
        causes = @call.causes.flat_map { |cause| CallRecord::Visible.wrap("- #{cause}", @width) }
        lines = facts + causes.map { |line| CallRecord::Canvas.new.put(0, line, nil) }
        [title, *lines].map { |line| line.to_s(color: @color) }.join("\n")
      end

      def title
        result = self.class.end_of(@call)
        CallRecord::Canvas.new.put(0, result, self.class.style_of(@call) || :name)
                          .put(CallRecord::Visible.width(result) + 2, self.class.ask_of(@call), :name)
      end

      def facts
        facts = [began_at, "Call-ID #{CallRecord::Visible.of(@call.call_id)}",
                 "waited #{self.class.time(@call.waiting_time)}", "in all #{self.class.time(@call.duration)}"]
        facts << "slowest block #{self.class.time(@call.slowest_block)}" if @call.slowest_block.positive?
        facts.compact
      end

      def began_at
        began = @call.record.began_at
        (began + @call.began_at).strftime("%Y-%m-%d %H:%M:%S.%L %z") if began
      end
    end
  end
end
