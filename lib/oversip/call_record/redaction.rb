# frozen_string_literal: true

require "oversip/errors"
require_relative "events"
require_relative "message"
require_relative "redaction/known_secrets"
require_relative "redaction/message_redaction"
require_relative "redaction/text_redaction"

module OverSIP
  class CallRecord
    # Takes out of a record what nobody but the two ends should read, so that it can be shown to others: credentials
    # (`Authorization`, `Proxy-Authorization`) and what servers answer to them, the signature of `Identity`, digest answers
    # wherever they stand, passwords in URIs, what is called a password or a secret (`;password=`), keys of media in SDP
    # (`a=crypto`, `a=key-mgmt`, `a=ice-pwd`, `k=`), and bodies other than SDP. What is no SIP is taken out whole, and so are
    # lines of a head that are no header fields: nobody knows what they are.
    #
    # Messages of exceptions lose what was taken out of the messages of their call: passwords, values of headers, keys and
    # signatures of four bytes or more; of a header also words of eight bytes or more, of a body lines of six or more. They
    # lose it as it stood there, without escapes, and as `inspect` shows it. In other forms (in capitals, in parts) a script
    # can say it all the same. Where messages of the call are missing in the record, the class alone is left of an exception.
    # That of a block of no call, as of a schedule, loses what messages of any call have shown.
    #
    # Keys in SDP are replaced by as many letters, so that a body stays as long as Content-Length says. A body that is taken
    # out leaves its Content-Length. {Message#redacted} names what is gone. Retransmissions stay marked as such.
    #
    # Words that stand in a user name, a Subject or a reason phrase stay: they are what a reader looks for.
    #
    # @example
    #   shown = OverSIP::CallRecord::Redaction.new.call(record)
    class Redaction
      # @param headers [Array<String>] names of further headers whose values are secret, in any letter case
      # @param bodies [Boolean] whether bodies other than SDP are taken out
      # @raise [TypeError] headers is no Array of Strings
      def initialize(headers: [], bodies: true)
        unless headers.is_a?(Array) && headers.all?(String)
          raise TypeError, "headers has to be an Array of Strings, not #{headers.inspect}"
        end

        @headers = headers.map(&:downcase)
        @bodies = bodies
        @known = KnownSecrets.new
      end

      # Records of the same calls that come later profit by what this one shows to be secret.
      #
      # @param record [CallRecord] it stays as it is
      # @param whole [Boolean] whether it has all messages of its calls, but for those that a note says are missing
      # @return [CallRecord] another one, without the arguments of blocks
      def call(record, whole: true)
        events = record.events
        shown = events.grep(Message).to_h { |message| [message, message(message)] }.compare_by_identity
        events.each { |event| @known.lack(event.call_id) if event.call_id && (!whole || lacking?(event)) }
        record.map_events { |event| shown[event] || redacted(event) }
      end

      private

      def lacking?(event)
        event.is_a?(Note) && event.lacking?
      end

      def redacted(event)
        case event
        when Block then block(event)
        when Timer
          Timer.new(**common(event), name: event.name, sip_method: event.sip_method, branch: event.branch)
        when Attempt
          Attempt.new(**common(event), target: text(event.target), outcome: event.outcome, sip_method: event.sip_method,
                                       branch: event.branch)
        when Unanswered then Unanswered.new(**common(event), sip_method: event.sip_method, branch: event.branch)
        when Resolution
          Resolution.new(**common(event), question: text(event.question), duration: event.duration,
                                          targets: event.targets.map { |name| text(name) })
        when Note then note(event)
        end
      end

      # A Call-ID is a text as well; those of messages change in the same way.
      def common(event)
        { at: event.at, call_id: event.call_id && text(event.call_id) }
      end

      def text(text)
        TextRedaction.of(text.to_s)
      end

      def message(message)
        redaction = MessageRedaction.new(message, @headers, @bodies)
        @known.learn(message, redaction.taken.masks)
        message.with_bytes(redaction.bytes, redaction.names)
      end

      def note(note)
        Note.new(**common(note), text: text(note.text), party: note.party, lacking: note.lacking?)
      end

      def block(block)
        Block.new(**common(block), event: block.event, subject: text(block.subject), file: block.file, line: block.line,
                                   duration: block.duration, exception: exception(block))
      end

      # A script may give its exceptions a `message` of their own, which says more than they were made with.
      def exception(block)
        exception = block.exception or return
        text = text(@known.hide(block.exception_message, block.call_id))
        return Raised.new(exception.class_name, text) if exception.is_a?(Raised)

        copy = exception.exception(text)
        copy.message.to_s == text ? copy : OverSIP::RuntimeError.new(text)
      rescue StandardError
        OverSIP::RuntimeError.new(text)
      end
    end
  end
end
