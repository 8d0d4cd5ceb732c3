# frozen_string_literal: true

module OverSIP
  class CallRecord
    # A record as a ladder shows it: the parties from left to right, and a row for each thing worth one. What repeats is
    # folded into its first row.
    #
    # @api private
    class Rows
      # One row. `from` and `to` are parties of a message; everything else stands at the element. `tone` says how it is
      # coloured: :request, :provisional, :success, :failure, :error or :plain.
      Row = Struct.new(:at, :from, :to, :label, :remark, :tone, :lost, keyword_init: true) do
        # @return [Boolean]
        def message?
          !to.nil?
        end

        # @return [String] with the remark
        def text
          [label, remark].compact.join(" ")
        end
      end

      # Timers that end a transaction. The others only repeat something.
      ENDING_TIMERS = %w[B C F H].freeze

      # @return [Array<String>] from left to right
      attr_reader :parties
      # @return [String] the party in whose column blocks, timers and targets stand
      attr_reader :element
      # @return [Array<Row>]
      attr_reader :rows

      # @param record [CallRecord]
      def initialize(record)
        @element = record.element
        @events = record.events
        @repeats = @events.grep(Message).select(&:retransmission?).group_by(&:original).compare_by_identity
        @parties = arranged
        @rows = @events.filter_map { |event| row(event) }
      end

      private

      # Who speaks to the element first stands left of it, others right.
      def arranged
        messages = @events.grep(Message)
        names = messages.flat_map { |message| [message.sender, receiver(message)] }.uniq - [@element]
        callers = names.select do |name|
          messages.find { |message| names_of(message).include?(name) }.sender == name
        end
        [*callers, @element, *(names - callers)]
      end

      def names_of(message)
        [message.sender, receiver(message)]
      end

      # Nobody is at the address: it gets a column of its own.
      def receiver(message)
        message.receiver || "#{message.transport}:#{message.to}"
      end

      def row(event)
        case event
        when Message then message_row(event)
        when Block then block_row(event)
        when Timer then plain(event, timer_words(event)) if ENDING_TIMERS.include?(event.name)
        when Attempt then attempt_row(event)
        when Resolution then plain(event, resolution_words(event))
        when Note then plain(event, event.text)
        end
      end

      def plain(event, label, tone: :plain)
        Row.new(at: event.at, label: clean(label), tone: tone)
      end

      def message_row(message)
        return if message.retransmission? || message.keep_alive?

        Row.new(at: message.at, from: message.sender, to: receiver(message), label: clean(head(message)),
                remark: remark(message), tone: tone(message), lost: lost?(message))
      end

      def lost?(message)
        %i[lost refused].include?(message.fate) || message.receiver.nil?
      end

      def head(message)
        line = message.first_line
        message.response? ? line.sub(%r{\ASIP/2\.0 +}i, "") : line.sub(%r{ +SIP/2\.0\z}i, "")
      end

      def remark(message)
        repeats = @repeats.fetch(message, [])
        words = []
        words << "x#{repeats.size + 1} until #{repeats.last.at.round(3)} s" unless repeats.empty?
        words << { lost: "(lost)", refused: "(refused)", repeated: "(arrives twice)" }[message.fate]
        words.compact.join(" ").then { |text| text unless text.empty? }
      end

      def tone(message)
        return :request unless message.response?

        case message.status_code
        when 100..199 then :provisional
        when 200..299 then :success
        else :failure
        end
      end

      def block_row(block)
        raised = block.exception && "raised #{block.exception.class}: #{first_line(block.exception)}"
        place = block.place && "(#{block.place})"
        words = [block.event, block.subject, place, raised].compact.map(&:to_s).reject(&:empty?)
        plain(block, words.join(" "), tone: raised ? :error : :plain)
      end

      def first_line(exception)
        exception.message.to_s.lines.first.to_s.chomp
      end

      def resolution_words(resolution)
        targets = resolution.targets
        "#{resolution.question} is at #{targets.empty? ? "no target" : targets.join(", ")}"
      end

      def timer_words(timer)
        timer.sip_method ? "Timer #{timer.name} of #{timer.sip_method}" : "Timer #{timer.name}"
      end

      # Answers of a target show themselves.
      def attempt_row(attempt)
        return if attempt.outcome.nil? || attempt.outcome.is_a?(Integer) || attempt.outcome == :answered

        plain(attempt, "target #{attempt.target}: #{attempt.outcome.to_s.tr("_", " ")}", tone: :failure)
      end

      # Bytes of a message may be anything.
      def clean(text)
        text.to_s.dup.force_encoding(Encoding::UTF_8).scrub("?").gsub(/[^[:print:]]/, "?")
      end
    end
  end
end
