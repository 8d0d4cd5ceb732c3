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

      # Seconds that the oldest event may have waited for the script.
      OLD = { warning: 1, critical: 10 }.freeze
      private_constant :STATUSES, :WORDS, :OLD

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
        if @status["script"].nil?
          say(:critical,
              "the script has not answered within a second: a block computes or waits without OverSIP.await")
        end
        queue
        targets
        collectors
      end

      def say(level, reason)
        @level = level if STATUSES.fetch(level) > STATUSES.fetch(@level)
        @reasons << reason
      end

      def queue
        age = @status.dig("queue", "oldest_seconds").to_f
        level = OLD.keys.reverse.find { |name| age >= OLD.fetch(name) } or return
        say(level, "an event has waited for the script for #{age.round(1)} s")
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
