# frozen_string_literal: true

require_relative "clock"
require_relative "events"
require_relative "label"
require_relative "message"

module OverSIP
  class CallRecord
    # The words of a ladder for what happened.
    #
    # @api private
    class Wording
      # Why the end of these timers ends a transaction (RFC 3261 A, Table 4). The others only repeat something, or end what
      # is over.
      ENDS = {
        "B" => "no response", "C" => "no final response", "F" => "no final response", "H" => "no ACK",
        "CANCEL" => "no final response after CANCEL"
      }.freeze

      # Shorter runs of a block, and shorter look-ups, are nothing to note: ladders of one call are equal however busy the
      # machine is.
      LONG = 0.1

      FATES = { lost: "lost", refused: "refused", repeated: "arrives twice" }.freeze
      private_constant :ENDS, :FATES

      # @param clock [Clock]
      # @param names [Hash{String => String}] of parties by address
      def initialize(clock, names)
        @clock = clock
        @names = names
      end

      # @param message [Message]
      # @param count [Integer] how often it was sent so
      # @param last_at [Float] when the last time was
      # @param again [Boolean] whether it was sent before, with another fate
      # @return [Label]
      def message(message, count, last_at, again)
        fate = message.receiver ? FATES[message.fate] : FATES.fetch(message.fate, "nobody there")
        tails = times(count, last_at).map { |times| [("again" if again), times, fate].compact.join(" ") }
        Label.new(*first_line(message), *tails)
      end

      # @return [Label]
      def block(block)
        facts = [block.place && Visible.of(block.place), duration(block.duration)].compact
        tail = facts.empty? ? "" : "(#{facts.join(", ")})"
        # The message before it says the same, so the subject may be shortened.
        return Label.new(block.event, block.subject, tail) if block.event == :on_request

        Label.new([block.event, Visible.of(block.subject)].join(" ").rstrip, "", tail)
      end

      # @return [String, nil]
      def exception(block)
        return unless block.exception

        Visible.of("raised #{Visible.of(block.exception_class)}: #{reason(block)}".delete_suffix(": "))
      end

      # @return [Label, nil] nil when the timer ends nothing
      def timer(timer)
        why = ENDS[timer.name] or return
        name = timer.name.size > 1 ? "the time to wait" : "Timer #{timer.name}"
        Label.new("#{name} ends #{timer.sip_method ? "the #{Visible.of(timer.sip_method)}" : "a transaction"}: #{why}")
      end

      # @return [Label]
      def attempt(attempt)
        target = Visible.of(attempt.target)
        name = @names[target.partition(":").last]
        outcome = attempt.outcome.nil? ? "waiting" : attempt.outcome.to_s.tr("_", " ")
        name = nil if name && target.end_with?(name)
        Label.new("tries #{[name && Visible.of(name), target].compact.join(" ")}: #{outcome}")
      end

      # @return [Label]
      def unanswered(unanswered)
        Label.new("ends the #{Visible.of(unanswered.sip_method || "request")} without a response")
      end

      # @return [Label]
      def resolution(resolution)
        targets = resolution.targets.map { |target| Visible.of(target) }
        took = duration(resolution.duration)
        Label.new("DNS: #{Visible.of(resolution.question)} -> #{targets.empty? ? "no target" : targets.join(", ")}", "",
                  took ? "(#{took})" : "")
      end

      # @return [Label]
      def note(note)
        Label.new(note.text)
      end

      private

      # @return [Array<String, nil>] the longest first
      def times(count, last_at)
        return [nil] if count == 1

        last = @clock.words(last_at)
        ["x#{count}, last at #{last}", "x#{count} until #{last.delete_suffix(" #{@clock.unit}")}", "x#{count}"]
      end

      def first_line(message)
        return ["keep-alive", ""] if message.keep_alive?
        return [message.sip_method, message.ruri] if message.request?
        return [message.status_code, message.reason_phrase] if message.response?

        line = message.first_line.strip
        [line.empty? ? "(no first line)" : line, ""]
      end

      def duration(seconds)
        "#{(seconds * 1000).round(1).to_s.delete_suffix(".0")} ms" if seconds && seconds >= LONG
      end

      # Messages of expectations have several lines.
      def reason(block)
        block.exception_message.split(/\s*[\r\n]+\s*/).reject(&:empty?).join("; ")
      end
    end
  end
end
