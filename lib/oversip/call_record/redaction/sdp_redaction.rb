# frozen_string_literal: true

require_relative "text_redaction"

module OverSIP
  class CallRecord
    class Redaction
      # A line of SDP without its keys. As many letters stand in their place, so that Content-Length stays right.
      #
      # @api private
      module SdpRedaction
        # Letters of base64, which keys are written in.
        FILLER = "redacted"

        # What names a key, up to the key: RFC 8866 5.12, RFC 4567 3.1, RFC 8839 5.4. Blanks are what other readers forgive.
        KEY = /\A(?:k=|a=[\s\0]*key-mgmt[\s\0]*:[\s\0]*\S*[ \t]*|a=[\s\0]*ice-pwd[\s\0]*:[\s\0]*)/in
        # RFC 4568 9.1: a tag, a suite, then keys and parameters.
        CRYPTO = /\Aa=[\s\0]*crypto[\s\0]*:(?:[ \t]*\S+[ \t]+\S+(?=[ \t]))?/in
        # A line of SDP begins so.
        LINE = /\A[a-z]=/in
        private_constant :FILLER, :KEY, :CRYPTO, :LINE

        class << self
          # @param line [String] BINARY, with its line end
          # @param taken [TakenSecrets] gets what is taken out
          # @return [String]
          def of(line, taken)
            content = line.sub(/[\r\n]+\z/n, "")
            redacted(content, taken) + line[content.size..]
          end

          private

          def redacted(content, taken)
            if (match = CRYPTO.match(content))
              match[0] + match.post_match.gsub(/[^ \t;]+/n) { |word| crypto(word, taken) }
            elsif (match = KEY.match(content))
              match[0] + fill(match.post_match, taken)
            elsif content.empty? || LINE.match?(content)
              text(content, taken)
            else
              fill(content, taken)
            end
          end

          # As long as it was, too.
          def text(content, taken)
            TextRedaction.of(content, taken) == content ? content : content[0, 2] + fill(content[2..], taken)
          end

          # "inline:KEY|2^20|1:4": what stands behind the key says how long it lives.
          def crypto(word, taken)
            inline, key, rest = word.match(/\A(inline:)?([^|]*)(.*)\z/in).captures
            inline ? inline + fill(key, taken) + rest : fill(word, taken)
          end

          def fill(text, taken)
            taken.value(text)
            (FILLER * ((text.size / FILLER.size) + 1))[0, text.size]
          end
        end
      end
    end
  end
end
