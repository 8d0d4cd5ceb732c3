# frozen_string_literal: true

require_relative "wording"

module OverSIP
  class CallRecord
    # A record as ladders show it: the parties from left to right, and a row for each thing worth one. Retransmissions are
    # folded into the row of the first.
    #
    # @api private
    class Rows
      # A party. `address` is nil where the name says it.
      Party = Struct.new(:name, :address)

      # One row. Without `to` it stands at the party `from`. `kind` is :message, :block, :element (what the element did by
      # itself) or :note; `tone` says how it is coloured: :request, :provisional, :redirection, :success, :failure, :block,
      # :error, :element or :note.
      # `last_at` is the time of the last one of several messages in one row.
      Row = Struct.new(:event, :kind, :tone, :from, :to, :label, :exception, :arrives, :last_at, keyword_init: true) do
        # @return [Float]
        def at
          event.at
        end

        # @return [Boolean]
        def message?
          kind == :message
        end
      end

      # Messages that are folded into one row.
      Fold = Struct.new(:message, :copies, :last_at, :again, :turns) do
        # @return [Boolean] whether a copy belongs to it
        def takes?(copy, turns)
          message.fate == copy.fate && (message.receiver || message.to) == (copy.receiver || copy.to) && self.turns == turns
        end
      end

      TONES = { 1 => :provisional, 2 => :success, 3 => :redirection }.freeze
      private_constant :Fold, :TONES

      # @return [Array<Party>] from left to right
      attr_reader :parties
      # @return [Array<Row>] by time
      attr_reader :rows

      # @param record [CallRecord]
      # @param clock [Clock]
      def initialize(record, clock)
        @element = record.element
        @events = record.events
        @folds = folds
        @unanswered = unanswered
        @wording = Wording.new(clock, names)
        @rows = @events.filter_map { |event| row(event) }
        @parties = arranged
        @rows.each { |row| place(row) }
      end

      private

      def messages
        @messages ||= @events.grep(Message)
      end

      # Copies of a message with one fate, between which nothing else has ended.
      #
      # @return [Hash{Message => Fold}] by the first copy of each
      def folds
        last = {}.compare_by_identity
        turns = Hash.new(0)
        messages.each_with_object({}.compare_by_identity) do |message, folds|
          pair = [message.call_id, *[sender(message), receiver(message)].sort]
          turns[pair] += 1 if turn?(message)
          first = message.original || message
          fold = last[first]
          if fold&.takes?(message, turns[pair])
            fold.copies += 1
            fold.last_at = message.at
          else
            folds[message] = last[first] = Fold.new(message, 1, message.at, !fold.nil?, turns[pair])
          end
        end
      end

      # What is sent again after a final response or a CANCEL stands behind it.
      def turn?(message)
        return false if message.retransmission?

        message.response? ? message.status_code >= 200 : message.sip_method == :CANCEL
      end

      # What waits for a target, or has tried one in vain, shows all its targets.
      def unanswered
        @events.grep(Attempt).group_by { |attempt| way(attempt) }.filter_map do |way, attempts|
          way if attempts.any? { |attempt| attempt.outcome.nil? || attempt.vain? }
        end
      end

      def way(attempt)
        [attempt.call_id, attempt.sip_method]
      end

      # @return [Hash{String => String}] names by address
      def names
        messages.each_with_object({}) do |message, names|
          names[message.to] ||= message.receiver if message.receiver
          names[message.from] ||= message.sender if message.sender
        end
      end

      def sender(message)
        message.sender || "#{message.transport}:#{message.from}"
      end

      # Nobody may be at an address: it gets a column of its own.
      def receiver(message)
        message.receiver || "#{message.transport}:#{message.to}"
      end

      # Who speaks first stands left of the element, others right of it.
      #
      # @return [Array<Party>]
      def arranged
        addresses = {}
        left = []
        right = []
        messages.each do |message|
          sides = [[sender(message), left, message.from], [receiver(message), right, message.to]]
          sides.each do |name, side, address|
            next if addresses[name]

            addresses[name] = address
            side << name unless name == @element
          end
        end
        element = [@element] if addresses[@element] || @rows.any? { |row| addresses[row.from].nil? }
        [*left, *element, *right].map { |name| party(name, addresses[name]) }
      end

      def party(name, address)
        Party.new(name, (address unless address.nil? || Visible.of(name).include?(address)))
      end

      # Parties of rows are their indexes.
      def place(row)
        @indexes ||= @parties.each_with_index.to_h { |party, index| [party.name, index] }
        row.from = @indexes.fetch(row.from, @indexes[@element]) || 0
        row.to = @indexes.fetch(row.to) if row.to
      end

      def row(event)
        case event
        when Message then message_row(event)
        when Block then block_row(event)
        when Timer then at_element(event, @wording.timer(event))
        when Attempt then at_element(event, @wording.attempt(event), tone: attempt_tone(event)) if shown?(event)
        when Unanswered then at_element(event, @wording.unanswered(event))
        when Resolution then at_element(event, @wording.resolution(event))
        when Note then Row.new(event: event, kind: :note, tone: :note, from: event.party, label: @wording.note(event))
        end
      end

      def at_element(event, label, tone: :element)
        Row.new(event: event, kind: :element, tone: tone, label: label) if label
      end

      def message_row(message)
        fold = @folds[message] or return
        Row.new(event: message, kind: :message, tone: tone(message), from: sender(message), to: receiver(message),
                label: @wording.message(message, fold.copies, fold.last_at, fold.again),
                arrives: message.arrives?, last_at: (fold.last_at if fold.copies > 1))
      end

      def tone(message)
        message.response? ? TONES.fetch(message.status_code / 100, :failure) : :request
      end

      def block_row(block)
        exception = @wording.exception(block)
        Row.new(event: block, kind: :block, tone: exception ? :error : :block, label: @wording.block(block),
                exception: exception)
      end

      # Answers show themselves.
      def shown?(attempt)
        @unanswered.include?(way(attempt))
      end

      def attempt_tone(attempt)
        attempt.vain? ? :failure : :element
      end
    end
  end
end
