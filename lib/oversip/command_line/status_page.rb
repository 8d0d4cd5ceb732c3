# frozen_string_literal: true

require "oversip/call_record/canvas"
require "oversip/call_record/visible"
require "oversip/command_line/call_text"
require "oversip/command_line/status_tables"
require "oversip/command_line/verdict"

module OverSIP
  class CommandLine
    # The status of a server as lines of text: what `oversip status` prints, and the page of `oversip top`.
    #
    # @api private
    class StatusPage
      # Styles of verdicts.
      STYLES = { fine: :success, warning: :provisional, critical: :failure }.freeze
      # Rows of a table where there is room for all.
      MOST = 10
      # Columns of the names of what is said.
      NAME = 9
      # Seconds from which on it is said that a block runs.
      LONG = 0.1
      private_constant :STYLES, :NAME, :LONG

      # @param status [Hash] what `/status` says
      # @param width [Integer] columns
      # @param rate [Float, nil] calls a second
      def initialize(status, width: 80, rate: nil)
        @status = status
        @width = width
        @rate = rate
        @verdict = Verdict.new(status)
      end

      # @return [Array<CallRecord::Canvas>] everything
      def lines
        [*head, *StatusTables.new(@status, @width).lines(StatusTables::MOST)]
      end

      # @return [Array<CallRecord::Canvas>] without the tables
      def head
        [title, *reasons, *sentences.flat_map { |name, parts| sentence(name, parts) }]
      end

      private

      def text(value)
        CallRecord::Visible.of(value)
      end

      def plain(words, style = nil)
        CallRecord::Visible.wrap(words, @width).map { |line| CallRecord::Canvas.new.put(0, line, style) }
      end

      # What follows the first line stands below its words.
      def sentence(name, parts)
        CallRecord::Visible.list(parts, @width - NAME).each_with_index.map do |line, index|
          CallRecord::Canvas.new.put(0, index.zero? ? name : "", :time).put(NAME, line, nil)
        end
      end

      def title
        rest = "#{text(@status["name"] || "oversip")} #{text(@status["version"])}, process #{@status["pid"]}, " \
               "#{text(@status["status"])} for #{span(@status["now"].to_f - @status["began_at"].to_f)}"
        CallRecord::Canvas.new.put(0, @verdict.word, STYLES.fetch(@verdict.level))
                          .put(@verdict.word.size, CallRecord::Visible.cut(": #{rest}", @width - @verdict.word.size), :name)
      end

      def reasons
        @verdict.reasons.flat_map { |reason| plain("- #{reason}", STYLES.fetch(@verdict.level)) }
      end

      # @return [String] "3 d 4 h", "2 min 5 s"
      def span(seconds)
        seconds = seconds.round
        units = { "d" => 86_400, "h" => 3600, "min" => 60, "s" => 1 }
        parts = units.map do |name, size|
          count, seconds = seconds.divmod(size)
          "#{count} #{name}"
        end
        parts = parts.drop_while { |part| part.start_with?("0 ") }
        parts.empty? ? "0 s" : parts.first(2).join(" ")
      end

      def sentences
        [calls, outcomes, script, trace, certificate, *collectors].compact
      end

      def calls
        calls = @status["calls"] or return
        parts = [("#{format("%.1f", @rate)} calls/s" if @rate), "#{calls["in_progress"].to_i} not answered yet",
                 "#{calls["begun"].to_i} since the start"]
        ["calls", parts.compact]
      end

      def outcomes
        calls = @status["calls"] or return
        failed = calls["failed"] || {}
        all = failed.values.sum
        classes = failed.select { |_, count| count.positive? }
                        .map { |name, count| "#{count} #{name == "none" ? "without a response" : text(name)}" }
        others = %w[answered redirected cancelled].map { |name| [name, calls[name].to_i] }
                                                  .reject { |name, count| name == "redirected" && count.zero? }
        ["ended", [*others.map { |name, count| "#{count} #{name}" },
                   "#{all} failed#{" (#{classes.join(", ")})" if classes.any?}"]]
      end

      def script
        queue = @status["queue"] || {}
        script = @status["script"]
        parts = ["#{queue["events"].to_i} events wait"]
        parts << "the oldest for #{CallText.time(queue["oldest_seconds"].to_f)}" if queue["events"].to_i.positive?
        parts << "a block runs for #{CallText.time(queue["running_seconds"])}" if queue["running_seconds"].to_f >= LONG
        parts += counts(script) if script.is_a?(Hash)
        ["script", parts]
      end

      # What Ruby says of itself: those of its numbers that are not 0. Those that are no whole ones are seconds.
      def counts(script)
        numbers = script.select { |_, value| value.is_a?(Numeric) && value.positive? }
        numbers.map { |name, value| "#{text(name).tr("_", " ")} #{value.is_a?(Float) ? CallText.time(value) : value}" }
      end

      def trace
        trace = @status["trace"]
        return ["trace", ["off"]] unless trace

        ["trace", ["#{trace["calls"]} of #{trace["most_calls"]} calls",
                   "#{bytes(trace["bytes"])} of #{bytes(trace["most_bytes"])}"]]
      end

      def certificate
        ends = @status.dig("certificate", "not_after") or return
        left = ends - @status["now"].to_f
        ["TLS", [left.positive? ? "the certificate is valid for #{span(left)}" : "the certificate has ended"]]
      end

      def collectors
        Array(@status["hep"]).map do |collector|
          state = collector["connected"] ? "connected" : "not connected"
          ["HEP", ["#{text(collector["collector"])} #{state}", "#{collector["sent"].to_i} sent",
                   "#{collector["dropped"].to_i} dropped"]]
        end
      end

      def bytes(count)
        count = count.to_i
        return "#{count} bytes" if count < 1024
        return "#{count / 1024} KiB" if count < 1024 * 1024

        "#{(count / 1024.0 / 1024).round(1).to_s.delete_suffix(".0")} MiB"
      end
    end
  end
end
