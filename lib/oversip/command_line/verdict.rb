# frozen_string_literal: true

require "oversip/call_record/visible"

module OverSIP
  class CommandLine
    # What the status of a server means for who watches it: fine, a warning, or critical, with the reasons.
    #
    # @api private
    class Verdict
      # Exit statuses, as plugins of monitoring systems have them
      # (https://www.monitoring-plugins.org/doc/guidelines.html).
      STATUSES = { fine: 0, warning: 1, critical: 2 }.freeze
      WORDS = { fine: "OK", warning: "WARNING", critical: "CRITICAL" }.freeze

      # Seconds that the oldest event may have waited for the script, and that a block may run.
      OLD = { warning: 1, critical: 10 }.freeze
      # Seconds that the monitor waits for Ruby, but for a little.
      LATE = 0.9
      private_constant :STATUSES, :WORDS, :OLD, :LATE

      # @return [Symbol] :fine, :warning or :critical
      attr_reader :level
      # @return [Array<String>]
      attr_reader :reasons

      # @param status [Hash] what `/status` says
      def initialize(status)
        @status = status
        @level = :fine
        @reasons = []
        judge
      end

      # @return [Integer] the exit status
      def exit_status
        STATUSES.fetch(level)
      end

      # @return [String] "OK"
      def word
        WORDS.fetch(level)
      end

      private

      def judge
        say(:warning, "it is #{text(@status["status"])}") unless @status["status"] == "running"
        say(:critical, "Ruby has not answered within a second: #{who_keeps_it}") if @status["script"].nil?
        queue
        targets
        collectors
      end

      # An event's block is known to the engine, whatever else runs in Ruby is not.
      def who_keeps_it
        return "a block computes or waits without OverSIP.await" if @status.dig("queue", "running_seconds").to_f >= LATE

        "no event's block has run that long, so another thread of the program keeps the interpreter"
      end

      def say(level, reason)
        @level = level if STATUSES.fetch(level) > STATUSES.fetch(@level)
        @reasons << reason
      end

      def queue
        judge_seconds("oldest_seconds") { |seconds| "an event has waited for the script for #{seconds} s" }
        judge_seconds("running_seconds") { |seconds| "a block has run for #{seconds} s and holds up all others" }
      end

      def judge_seconds(name)
        seconds = @status.dig("queue", name).to_f
        level = OLD.keys.reverse.find { |limit| seconds >= OLD.fetch(limit) } or return
        say(level, yield(seconds.round(1)))
      end

      def targets
        listed = Array(@status["targets"]).select { |target| target["blacklisted"] }
        return if listed.empty?

        names = listed.first(5).map { |target| text(target["target"]) }.join(", ")
        say(:warning, "blacklisted: #{names}#{" and #{listed.size - 5} more" if listed.size > 5}")
      end

      def collectors
        lost = Array(@status["hep"]).reject { |collector| collector["connected"] }
        lost.each { |collector| say(:warning, "no connection with the HEP collector #{text(collector["collector"])}") }
      end

      def text(value)
        CallRecord::Visible.of(value)
      end
    end
  end
end
