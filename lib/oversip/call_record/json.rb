# frozen_string_literal: true

require "json"
require "oversip/pretty_json"
require_relative "call"
require_relative "visible"

module OverSIP
  class CallRecord
    # A record for programs: all that it has, as JSON (RFC 8259).
    #
    # The document is an object:
    #
    #     version   1; another number when a reader of this one would be wrong
    #     element   name of the element among the parties
    #     began_at  when the clock of the record stood at 0: seconds since 1970; null where it is no clock of the world
    #     calls     an array with an object for each call, in the order of their first event
    #     events    what belongs to no call
    #
    # A call has what {Call} says of it: `call_id`, `method`, `ruri`, `from`, `to`, `status`, `reason`, `outcome`,
    # `began_at`, `ended_at`, `duration`, `waiting_time`, `slowest_block`, `parties` and `causes`; and `events`.
    #
    # Each event has `at` (seconds on the clock of the record) and `kind`:
    #
    #     message      sender, receiver (null when nobody listens there), transport ("udp", "tcp", "tls", "ws", "wss"), from
    #                  and to ("192.0.2.1:5060"), fate ("sent", "lost", "repeated", "refused"), retransmission; method;
    #                  of a request ruri, of a response status and reason; the message itself as text, or as base64 when
    #                  it is not UTF-8; where {Redaction} took something away, redacted: its names
    #     block        event ("on_request"), subject, file, line, duration (seconds), exception (class and message) or null
    #     timer        name ("B"), method, branch
    #     attempt      target ("udp:192.0.2.1:5060"), method, branch, outcome: a status, a code as `on_error` gets it, or
    #                  null while there is none
    #     unanswered   method, branch: the end of a request without a final response
    #     resolution   question, targets, duration (seconds)
    #     note         text, party
    #
    # What is not known is null. Names and texts that are not UTF-8 have their bytes as `\xFF`.
    #
    # @example
    #   puts OverSIP::CallRecord::Json.new(record) # … | jq '.calls[] | [.to, .status]'
    class Json
      # The `version` of documents.
      VERSION = 1

      # @param record [CallRecord]
      def initialize(record)
        @record = record
      end

      # @return [Hash] with Strings as keys: the document
      def to_h
        by_call = @record.events.group_by(&:call_id)
        {
          "version" => VERSION,
          "element" => text(@record.element),
          "began_at" => @record.began_at && seconds(@record.began_at),
          "calls" => @record.summaries.map { |call| call(call, by_call.fetch(call.call_id)) },
          "events" => by_call.fetch(nil, []).map { |event| event(event) }
        }
      end

      # @return [String] ASCII, so that a terminal shows it as it is; indented, and its last line ends with a newline
      def to_s
        PrettyJson.of(to_h)
      end

      # @return [String] for what is read as it comes: an object for each event, in one line, with the `call_id` of its call
      #   and its `time` in seconds since 1970, where the record knows it
      def lines
        @record.events.map do |event|
          "#{JSON.generate({ "call_id" => text(event.call_id), **time(event), **event(event) }, ascii_only: true)}\n"
        end.join
      end

      private

      def time(event)
        @record.began_at ? { "time" => seconds(@record.began_at + event.at) } : {}
      end

      # Time#to_f is less exact than a Float.
      def seconds(time)
        time.to_r.round(6).to_f
      end

      def text(value)
        value && Visible.utf8(value.to_s)
      end

      def texts(values)
        values.map { |value| text(value) }
      end

      def call(call, events)
        {
          "call_id" => text(call.call_id), "method" => text(call.sip_method), "ruri" => text(call.ruri),
          "from" => text(call.from), "to" => text(call.to), "status" => call.status, "reason" => text(call.reason_phrase),
          "outcome" => call.outcome.to_s, "began_at" => call.began_at, "ended_at" => call.ended_at,
          "duration" => call.duration, "waiting_time" => call.waiting_time, "slowest_block" => call.slowest_block,
          "parties" => texts(call.parties), "causes" => call.causes, "events" => events.map { |event| event(event) }
        }
      end

      def event(event)
        kind, facts =
          case event
          when Message then ["message", message(event)]
          when Block then ["block", block(event)]
          when Timer then ["timer", timer(event)]
          when Attempt then ["attempt", attempt(event)]
          when Unanswered then ["unanswered", { "method" => text(event.sip_method), "branch" => text(event.branch) }]
          when Resolution then ["resolution", resolution(event)]
          when Note then ["note", { "text" => text(event.text), "party" => text(event.party) }]
          end
        { "at" => event.at, "kind" => kind, **facts }
      end

      def message(message)
        {
          "sender" => text(message.sender), "receiver" => text(message.receiver), "transport" => message.transport.to_s,
          "from" => text(message.from), "to" => text(message.to), "fate" => message.fate.to_s,
          "retransmission" => message.retransmission?, "method" => text(message.sip_method), **first_line(message),
          **(message.redacted.empty? ? {} : { "redacted" => message.redacted }), **bytes(message.bytes)
        }
      end

      def first_line(message)
        return { "ruri" => text(message.ruri) } if message.request?
        return {} unless message.response?

        { "status" => message.status_code, "reason" => text(message.reason_phrase) }
      end

      def bytes(bytes)
        text = bytes.dup.force_encoding(Encoding::UTF_8)
        text.valid_encoding? ? { "text" => text } : { "base64" => [bytes].pack("m0") }
      end

      def block(block)
        exception = block.exception
        {
          "event" => text(block.event), "subject" => text(block.subject), "file" => text(block.file), "line" => block.line,
          "duration" => block.duration,
          "exception" => exception && { "class" => text(block.exception_class), "message" => block.exception_message }
        }
      end

      def timer(timer)
        { "name" => text(timer.name), "method" => text(timer.sip_method), "branch" => text(timer.branch) }
      end

      def resolution(resolution)
        {
          "question" => text(resolution.question), "targets" => texts(resolution.targets), "duration" => resolution.duration
        }
      end

      def attempt(attempt)
        outcome = attempt.outcome
        {
          "target" => text(attempt.target), "method" => text(attempt.sip_method), "branch" => text(attempt.branch),
          "outcome" => outcome.is_a?(Integer) ? outcome : text(outcome)
        }
      end
    end
  end
end
