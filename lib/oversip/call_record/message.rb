# frozen_string_literal: true

require_relative "events"

module OverSIP
  class CallRecord
    # A message that was sent, and what became of it. It may be malformed: no reader raises. What cannot be read is nil.
    class Message < Event
      # What may become of a message: it is on its way, it never arrives, it arrives twice, or nobody takes it.
      FATES = %i[sent lost repeated refused].freeze

      # Header names of one letter (RFC 3261 7.3.3 and later ones).
      COMPACT = {
        "a" => "accept-contact", "b" => "referred-by", "c" => "content-type", "e" => "content-encoding", "f" => "from",
        "i" => "call-id", "k" => "supported", "l" => "content-length", "m" => "contact", "o" => "event", "r" => "refer-to",
        "s" => "subject", "t" => "to", "u" => "allow-events", "v" => "via", "x" => "session-expires"
      }.freeze

      REQUEST_LINE = %r{\A([!-~]+) +(\S+) +SIP/\d}i
      STATUS_LINE = %r{\ASIP/\d+\.\d+ +(\d{3})(?: +(.*))?\z}i
      private_constant :COMPACT, :REQUEST_LINE, :STATUS_LINE

      # @return [String] name of the party
      attr_reader :sender
      # @return [String, nil] name of the party; nil when nobody listens there
      attr_reader :receiver
      # @return [Symbol] :udp, :tcp, :tls, :ws or :wss
      attr_reader :transport
      # @return [String] "192.0.2.1:5060"
      attr_reader :from, :to
      # @return [Symbol] one of {FATES}
      attr_reader :fate
      # @return [String] as on the wire; tagged BINARY
      attr_reader :bytes
      # @return [Array<String>] the names of what {Redaction} took away: header names, "body", "part of SDP", "a password
      #   or a digest answer", "a line that is no header field", or "bytes" for all of a message that is no SIP
      attr_reader :redacted
      # @return [Message, nil] the first message of the record with the same bytes and the same way; nil for this first one
      attr_reader :original

      class << self
        # The one form in which texts of messages are compared.
        #
        # @param bytes [String] in any encoding
        # @return [String] as UTF-8 where it is, else as BINARY
        # @api private
        def text(bytes)
          text = bytes.dup.force_encoding(Encoding::UTF_8)
          text.valid_encoding? ? text : text.force_encoding(Encoding::BINARY)
        end

        # @param entry [Array] an entry of the engine's record of a simulated network: time, sender, receiver, transport,
        #   source, destination, fate and bytes
        # @return [Message]
        # @api private
        def of(entry)
          at, sender, receiver, transport, from, to, fate, bytes = entry
          new(at: at, sender: sender, receiver: receiver, transport: transport, from: from, to: to, fate: fate, bytes: bytes)
        end
      end

      def initialize(at:, sender:, receiver:, transport:, from:, to:, bytes:, fate: :sent, redacted: [])
        super(at: at)
        @sender = sender
        @receiver = receiver
        @transport = transport
        @from = from
        @to = to
        @fate = fate
        @bytes = bytes.b.freeze
        @redacted = redacted
        @original = nil
      end

      # @return [Boolean]
      def request?
        !request_line.nil?
      end

      # @return [Boolean]
      def response?
        !status_line.nil?
      end

      # @return [Symbol, nil] the method of a request; of a response, the CSeq's
      def sip_method
        name = request? ? request_line[1] : cseq_part(/\A\d+\s+([!-~]+)/)
        name&.to_sym
      end

      # @return [String, nil] the Request-URI
      def ruri
        request_line && request_line[2]
      end

      # @return [Integer, nil]
      def status_code
        status_line && Integer(status_line[1], 10)
      end

      # @return [String, nil] empty when the response has none
      def reason_phrase
        status_line && status_line[2].to_s
      end

      # @return [String] without its line end
      def first_line
        lines.first || ""
      end

      # @param name [String, Symbol] in any letter case; the short form counts as the long one
      # @return [String, nil] the first value
      def header(name)
        headers(name).first
      end

      # @param name [String, Symbol] as for {#header}
      # @return [Array<String>] all values, one for each line of the head
      def headers(name)
        fields.fetch(canonical(name.to_s), [])
      end

      # @return [String] empty when the message has none
      def body
        split.last
      end

      # @return [String, nil] UTF-8 where it is, else BINARY, whatever else stands in the message
      def call_id
        call_id = header("call-id")
        call_id && Message.text(call_id)
      end

      # @return [Integer, nil] the number of the CSeq
      def cseq
        cseq_part(/\A(\d+)/)&.to_i
      end

      # @return [String, nil] the branch of the top Via
      def branch
        header("via").to_s[/\A[^,]*?;\s*branch\s*=\s*([^\s;,]+)/i, 1]
      end

      # @return [Boolean] whether its receiver gets it
      def arrives?
        !receiver.nil? && %i[sent repeated].include?(fate)
      end

      # @return [Boolean] whether the same bytes went the same way before
      def retransmission?
        !original.nil?
      end

      # @return [Boolean] whether it is nothing but line ends (RFC 5626 4.4.1)
      def keep_alive?
        bytes.match?(/\A[\r\n]*\z/n)
      end

      # @return [Array] equal for messages with the same bytes and the same way
      # @api private
      def way
        [transport, from, to, bytes]
      end

      # @param bytes [String]
      # @param redacted [Array<String>]
      # @return [Message] with the same way and fate
      # @api private
      def with_bytes(bytes, redacted)
        self.class.new(at: at, sender: sender, receiver: receiver, transport: transport, from: from, to: to, fate: fate,
                       bytes: bytes, redacted: redacted)
      end

      # The record says so.
      #
      # @param message [Message]
      # @api private
      def repeat(message)
        @original = message
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{at} #{sender} -> #{receiver || to}: #{first_line.inspect}#{" (#{fate})" unless fate == :sent}>"
      end

      private

      def request_line
        return @request_line if defined?(@request_line)

        @request_line = REQUEST_LINE.match(first_line)
      end

      def status_line
        return @status_line if defined?(@status_line)

        @status_line = STATUS_LINE.match(first_line)
      end

      # The head and the body. Line ends before the message are no part of it (RFC 3261 7.5).
      def split
        @split ||= begin
          head, body = bytes.sub(/\A[\r\n]+/n, "").split(/\r?\n\r?\n/n, 2)
          [head.to_s, body.to_s].map { |part| Message.text(part) }
        end
      end

      # The lines of the head, each folded one as a single line (RFC 3261 7.3.1).
      def lines
        @lines ||= split.first.gsub(/\r?\n[ \t]+/, " ").split(/\r?\n/)
      end

      def fields
        @fields ||= lines.drop(1).each_with_object({}) do |line, fields|
          name, value = line.split(":", 2)
          (fields[canonical(name.strip)] ||= []) << value.strip if value
        end
      end

      def canonical(name)
        name = name.downcase
        COMPACT.fetch(name, name)
      end

      def cseq_part(pattern)
        header("cseq").to_s[pattern, 1]
      end
    end
  end
end
