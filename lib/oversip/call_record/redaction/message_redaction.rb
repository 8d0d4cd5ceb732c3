# frozen_string_literal: true

require_relative "sdp_redaction"
require_relative "secret_names"
require_relative "taken_secrets"
require_relative "text_redaction"

module OverSIP
  class CallRecord
    class Redaction
      # One message without its secrets. It reads bytes by itself: what {Message} takes for one line may be several for
      # another reader, who could find a secret there.
      #
      # @api private
      class MessageRedaction
        MASK = TextRedaction::MASK

        # RFC 8224 4, its short name too.
        IDENTITY = %w[identity y].freeze
        # Header and payload of a PASSporT (RFC 8225), which say what was signed, and its signature; or the signature alone.
        SIGNATURE = /\A(?<before>"?(?:[a-z0-9_-]*\.[a-z0-9_-]*\.)?)(?<signature>[^;,"\s]+)/in
        # What says which credentials are meant, and no secret.
        SCHEME = /\A(?:Digest|Basic|Bearer|Negotiate|NTLM|Kerberos|TLS-DSK)(?=[ \t])/in

        # Line ends of all readers.
        LINE_END = /(?>\r\n|\n|\r)/n
        HEAD_END = /#{LINE_END}{2}/n
        START_LINE = %r{\A(?:[!-~]+ +\S+ +SIP/\d+\.\d+|SIP/\d+\.\d+ +\d{3}(?: .*)?)[ \t]*\z}in
        # A header field (RFC 3261 7.3.1).
        FIELD = /\A(?<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)(?<colon>[ \t]*:[ \t]*)(?<value>.*)\z/n
        SDP = %r{\Aapplication/sdp[ \t]*(?:;|\z)}in
        private_constant :MASK, :IDENTITY, :SIGNATURE, :SCHEME, :LINE_END, :HEAD_END, :START_LINE, :FIELD, :SDP

        # @return [String] what is left; tagged BINARY
        attr_reader :bytes
        # @return [Array<String>] names of what is gone
        attr_reader :names
        # @return [TakenSecrets] what is gone
        attr_reader :taken

        # @param message [Message]
        # @param headers [Array<String>] names of further secret headers, in small letters
        # @param bodies [Boolean] whether bodies other than SDP are taken out
        def initialize(message, headers, bodies)
          @secret = SecretNames::HEADERS | headers
          @bodies = bodies
          @names = message.redacted.dup
          @taken = TakenSecrets.new
          @types = []
          @encoded = false
          @bytes = message.keep_alive? ? message.bytes : redacted(message.bytes)
          @names = @names.uniq.freeze
        end

        private

        # Line ends before a message are no part of it (RFC 3261 7.5).
        def redacted(bytes)
          before = bytes[/\A[\r\n]*/n]
          head, separator, body = bytes[before.size..].partition(HEAD_END)
          start_line, *lines = pieces(head)
          return unknown(bytes) unless START_LINE.match?(start_line.chomp)

          before + [text(start_line), *fields(lines)].join + separator + redacted_body(body)
        end

        # @return [Array<String>] lines with their ends
        def pieces(text)
          text.split(/(?<=\n)|(?<=\r)(?!\n)/n)
        end

        def gone(name, mask = MASK)
          @names << name
          mask
        end

        def unknown(bytes)
          @taken.lines(bytes)
          gone("bytes", "[#{bytes.bytesize} bytes that are no SIP]".b)
        end

        def text(text)
          shown = TextRedaction.of(text, @taken)
          gone("a password or a digest answer") unless shown == text
          shown
        end

        # A line that begins with a blank goes on with the field before it.
        def fields(lines)
          kept = true
          lines.map do |line|
            content = line.sub(/[\r\n]+\z/n, "")
            ending = line[content.size..]
            next kept ? text(content) + ending : continued(content) if content.match?(/\A[ \t]/n)

            shown, kept = field(content)
            shown + ending
          end
        end

        # Of a field whose value is gone.
        def continued(content)
          @taken.credentials(content)
          ""
        end

        # @return [Array(String, Boolean)] what is shown of it, and whether lines that go on with it are
        def field(content)
          field = FIELD.match(content) or return [no_field(content), false]
          name = field[:name].downcase
          return secret(field) if @secret.include?(name)
          return signed(field) if IDENTITY.include?(name)

          @types << field[:value] if %w[content-type c].include?(name)
          @encoded ||= %w[content-encoding e].include?(name) && !field[:value].match?(/\A\s*(?:identity)?\s*\z/in)
          [text(content), true]
        end

        def no_field(content)
          @taken.lines(content)
          gone("a line that is no header field")
        end

        def secret(field)
          @taken.credentials(field[:value])
          scheme = field[:value][SCHEME]
          [[field[:name], field[:colon], [scheme, gone(field[:name])].compact.join(" ")].join, false]
        end

        # A line that goes on with it may be part of the signature.
        def signed(field)
          value = field[:value].sub(SIGNATURE) do
            match = Regexp.last_match
            @taken.value(match[:signature])
            "#{match[:before]}#{gone(field[:name])}"
          end
          ["#{field[:name]}#{field[:colon]}#{text(value)}", false]
        end

        def redacted_body(body)
          return body if body.empty?
          return other_body(body) unless sdp?

          shown = pieces(body).map { |line| SdpRedaction.of(line, @taken) }.join
          gone("part of SDP") unless shown == body
          shown
        end

        def other_body(body)
          return body unless @bodies

          @taken.lines(body)
          gone("body", "")
        end

        def sdp?
          !@encoded && @types.any? && @types.all?(SDP)
        end
      end
    end
  end
end
