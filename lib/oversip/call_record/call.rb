# frozen_string_literal: true

require_relative "clock"
require_relative "message"
require_relative "visible"
require_relative "wording"

module OverSIP
  class CallRecord
    # What a reader wants to know of a call before its messages: who asked whom for what, how it ended, how long that took
    # and why. Everything with one Call-ID is one call, a registration and its refreshes too. No reader raises, however
    # malformed the messages are; what cannot be read is nil.
    #
    # Its request is the first one of the record, sent again with a later CSeq too (after a challenge, or to refresh a
    # registration), without those that follow in its dialog.
    #
    # @example
    #   record.summaries.each { |call| puts "#{call.to}: #{call.status || call.outcome} after #{call.waiting_time} s" }
    class Call
      # How a call may have ended: with a 2xx, with a 3xx, by its caller's CANCEL, in another way, without a final response
      # of the element, or not as far as the record goes.
      OUTCOMES = %i[success redirection cancelled failure none pending].freeze

      # Seconds that somebody waits without any message: the least value of Timer C (RFC 3261 16.6).
      PATIENCE = 180
      private_constant :PATIENCE

      # A URI and its parts: user, host and port; of a tel URI the number.
      #
      # @api private
      URI = /(?<uri>sips?:(?:(?<user>[^@:;?<>\s"]*)(?::[^@<>\s"]*)?@)?(?<host>[^@;?<>\s",]+) |
                    tel:(?<number>[^;<>\s",]+))/xi

      # @return [String]
      attr_reader :call_id
      # @return [CallRecord] its events, and the notes that belong to no call
      attr_reader :record

      # @param call_id [String]
      # @param record [CallRecord] with nothing of other calls
      def initialize(call_id, record)
        @call_id = call_id
        @record = record
        @events = record.events.select { |event| event.call_id == call_id }
        @messages = @events.grep(Message)
        @first = @messages.find(&:request?)
        # What answers a request that nobody can read says what there is to say of it.
        @telling = @first || @messages.reverse_each.find(&:response?)
      end

      # @return [Symbol, nil] the method of its request
      def sip_method
        @telling&.sip_method
      end

      # @return [String, nil] the Request-URI of its first request
      def ruri
        @first&.ruri
      end

      # @return [String, nil] the URI in From: "sip:alice@example.com"
      def from
        uri_of("from")
      end

      # @return [String, nil] the URI in To
      def to
        uri_of("to")
      end

      # @param user [String] "bob", "bob@example.com", or a telephone number
      # @return [Boolean] whether it is the user of To, or of a Request-URI on its way: a proxy may have sent the call on to
      #   another user
      def to?(user)
        [to, *ruris].compact.any? do |text|
          uri = URI.match(text)
          uri && [uri[:user], uri[:number], uri[:user] && "#{uri[:user]}@#{uri[:host]}"].include?(user)
        end
      end

      # @return [Float] seconds on the clock of the record: when its first event was. Notes do not count: a connection may
      #   have been opened before
      def began_at
        (@events.find { |event| !event.is_a?(Note) } || @events.first)&.at || 0.0
      end

      # @return [Float] seconds on the clock of the record: when its last event was. Timers do not count: what follows from
      #   them does. Notes do not either
      def ended_at
        (@events.reverse_each.find { |event| ![Timer, Note].include?(event.class) } || @events.last)&.at || 0.0
      end

      # @return [Float] seconds from its first event to its last one
      def duration
        ended_at - began_at
      end

      # @return [Float] how many seconds its sender waited for a response above 100: the longest such time when there were
      #   several requests; up to the last event when none came, or to the end of the request without one, and in a record of
      #   a running server up to the present as long as one may come
      def waiting_time
        requests.group_by(&:cseq).map { |cseq, sent| waited(cseq, sent.first.at) }.max || 0.0
      end

      # @return [Float] seconds of the system's clock that the slowest block took
      def slowest_block
        @events.grep(Block).filter_map(&:duration).max || 0.0
      end

      # @return [Integer, nil] of the final response that the sender of the request got: the last one, or of an INVITE that
      #   several have answered the first 2xx (RFC 3261 13.2.2.4)
      def status
        final&.status_code
      end

      # @return [String, nil] of the same response
      def reason_phrase
        final&.reason_phrase
      end

      # @return [Symbol] one of {OUTCOMES}
      def outcome
        case status
        when 200..299 then :success
        when 300..399 then :redirection
        when nil then without_response
        else status == 487 && cancelled? ? :cancelled : :failure
        end
      end

      # @return [String] "200 OK", or its outcome in words
      # @api private
      def result
        return "#{status} #{reason_phrase}".rstrip if status

        outcome == :none ? "no response" : outcome.to_s
      end

      # @return [Boolean] whether it has ended in another way than with a 2xx, a 3xx or by its caller's CANCEL
      def failed?
        %i[failure none].include?(outcome)
      end

      # @param seconds [Numeric]
      # @return [Boolean] whether its sender waited so long, or a block took so long
      def slow?(seconds)
        [waiting_time, slowest_block].max >= seconds
      end

      # @return [Array<String>] their names, in the order in which they appear
      def parties
        @messages.flat_map { |message| [message.sender, message.receiver] }.compact.uniq
      end

      # @return [Array<String>] what went wrong on the way, in the order of time: targets that were tried in vain, timers
      #   that end a transaction, exceptions of blocks, responses from 400 on with their first sender, but no 487 of somebody
      #   who was sent a CANCEL. A call may have some and be answered all the same. A terminal can show them
      def causes
        @causes ||= @events.filter_map { |event| cause(event) }.uniq
      end

      private

      def uri_of(name)
        @telling && Visible.utf8(@telling.header(name).to_s)[URI, :uri]
      end

      # @return [Array<Message>] copies too
      def requests
        return [] unless @first

        @requests ||= @messages.select do |message|
          message.request? && message.sip_method == sip_method && message.sender == @first.sender && outside?(message)
        end
      end

      # Whether a request is sent outside of a dialog (RFC 3261 12.2.1.1).
      def outside?(message)
        !message.header("to").to_s.match?(/;\s*tag\s*=/i)
      end

      # @return [Array<String>] of all requests like its first one, whoever has sent them
      def ruris
        requests = @messages.select { |message| message.request? && message.sip_method == sip_method && outside?(message) }
        requests.map(&:ruri).uniq
      end

      # @return [Array<Message>] above 100, that the sender of the requests got
      def responses
        @responses ||= begin
          numbers = requests.map(&:cseq)
          @messages.select do |message|
            message.response? && message.status_code > 100 && message.receiver == @first&.sender && message.arrives? &&
              message.sip_method == sip_method && numbers.include?(message.cseq)
          end
        end
      end

      def final
        return (@telling if @telling && @telling.status_code >= 200) unless @first

        finals = responses.select { |response| response.status_code >= 200 }
        success = finals.find { |response| response.status_code < 300 } if sip_method == :INVITE
        success || finals.last
      end

      def waited(cseq, sent_at)
        response = responses.find { |candidate| candidate.cseq == cseq && candidate.at >= sent_at }
        ((response || unanswered)&.at || present) - sent_at
      end

      # Nobody waits for longer without a sign of life.
      def present
        now = record.now
        now && now - ended_at < PATIENCE ? [now, ended_at].max : ended_at
      end

      def without_response
        return :none if unanswered

        given_up? ? :failure : :pending
      end

      # @return [Unanswered, nil] the end of its newest request
      def unanswered
        newest = requests.last
        return if newest.nil? || newest.sender == record.element

        @events.grep(Unanswered).find do |event|
          event.at >= newest.at && event.sip_method == sip_method && same_branch?(event.branch.to_s, newest.branch.to_s)
        end
      end

      # Where it is not unique it is not known.
      def same_branch?(known, branch)
        known.empty? || known.b.casecmp?(branch.b)
      end

      # A request of the element itself may end without any response.
      def given_up?
        attempts = @events.grep(Attempt).select { |attempt| attempt.sip_method == sip_method }
        @first&.sender == record.element && attempts.any? && attempts.all?(&:vain?)
      end

      def cancelled?
        cancels.any? { |cancel| cancel.sender == @first.sender }
      end

      def told_to_cancel?(party)
        cancels.any? { |cancel| cancel.receiver == party }
      end

      def cancels
        @cancels ||= @messages.select { |message| message.request? && message.sip_method == :CANCEL }
      end

      def cause(event)
        case event
        when Attempt then "#{Visible.of(event.target)}: #{event.outcome.to_s.tr("_", " ")}" if event.vain?
        when Timer then wording.timer(event)&.to_s
        when Block then [event.event, event.place, wording.exception(event)].compact.join(" ") if event.exception
        when Message then failure(event)
        end
      end

      def wording
        @wording ||= Wording.new(Clock.new(:seconds), {})
      end

      # Of a response that goes on from party to party the first sender says most.
      def failure(message)
        return unless message.response? && message.status_code >= 400 && message.arrives?

        from = first_senders[[message.status_code, message.cseq, message.sip_method]]
        return if from != message.sender || (message.status_code == 487 && told_to_cancel?(from))

        "#{message.status_code} #{Visible.of(message.reason_phrase)}".rstrip + " from #{Visible.of(from || message.from)}"
      end

      def first_senders
        @first_senders ||= @messages.select(&:response?).each_with_object({}) do |message, senders|
          senders[[message.status_code, message.cseq, message.sip_method]] ||= message.sender
        end
      end
    end
  end
end
