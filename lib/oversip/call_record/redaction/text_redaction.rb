# frozen_string_literal: true

require_relative "secret_names"
require_relative "uri_passwords"

module OverSIP
  class CallRecord
    class Redaction
      # What is secret in any text: passwords in URIs (RFC 3261 19.1.1) and what is called a password, credentials in the
      # headers of URIs and in lines of headers, digest answers, keys of media.
      #
      # @api private
      module TextRedaction
        # What stands in place of a secret: characters that a password in a URI may have (RFC 3261 25.1).
        MASK = UriPasswords::MASK

        # What assigns a value to a name, in URIs, in headers, and as Ruby and JSON show it, up to the value.
        ASSIGNMENT = /\\?["']?[ \t]*(?:=>|[=:]|%3D)[ \t]*/in
        # A value goes up to the end of its quotes or brackets, also where these are missing since the text was cut.
        LIST = /(?<open>[\[{])(?:"[^"\r\n]*+"?|[^\]}"\r\n])++/n
        ESCAPED_QUOTES = /(?<open>\\["'])(?:(?!\\["'])[^\r\n])++/n
        QUOTES = /(?<open>")(?:[^"\\\r\n]|\\[^\r\n])++|(?<open>')(?:[^'\\\r\n]|\\[^\r\n])++/n
        WORD = /(?:(?!%26|%3B|%3E)[^\s;&<>"',\\\])}])++/in
        NAMED = /(?<before>#{SecretNames::VALUE}#{ASSIGNMENT})(?:#{LIST}|#{ESCAPED_QUOTES}|#{QUOTES}|#{WORD})/in
        # A line of a header ends with the line, one in a URI with the next one.
        URI_HEADER = /(?<before>(?:[?&]|%3F|%26)#{SecretNames::HEADER}(?:=|%3D))[^&\s<>"]+/in
        FIELD = /(?<before>(?<![a-z0-9-])#{SecretNames::HEADER}(?:\\?["']?[ \t]*=>|\\?["']?[ \t]*:))[^\r\n]+/in
        DIGEST_ANSWER = /(?<before>\b(?:response|rspauth)#{ASSIGNMENT}\[?\\?["']?)[0-9a-f]{32,}/in
        MEDIA_KEY = %r{(?<before>\binline:)[a-z0-9+/=]{16,}}in
        private_constant :ASSIGNMENT, :LIST, :ESCAPED_QUOTES, :QUOTES, :WORD, :NAMED, :URI_HEADER, :FIELD, :DIGEST_ANSWER,
                         :MEDIA_KEY

        class << self
          # @param text [String] in any encoding, valid or not
          # @param taken [TakenSecrets, nil] gets what is taken out
          # @return [String] in the same encoding
          def of(text, taken = nil)
            bytes = text.b
            found = without_secrets(bytes, taken)
            found == bytes ? text : found.force_encoding(text.encoding)
          end

          private

          def without_secrets(bytes, taken)
            bytes = UriPasswords.without(bytes) { |user, password| taken&.password(user, password) }
            bytes = masked(bytes, URI_HEADER) { |value| taken&.credentials(value) }
            bytes = masked(bytes, FIELD, " #{MASK}") { |value| taken&.credentials(value) }
            [NAMED, DIGEST_ANSWER, MEDIA_KEY].reduce(bytes) do |text, pattern|
              masked(text, pattern) { |value| taken&.value(value) }
            end
          end

          def masked(bytes, pattern, mask = MASK)
            bytes.gsub(pattern) do
              match = Regexp.last_match
              kept = "#{match[:before]}#{match[:open] if match.names.include?("open")}"
              yield match[0].byteslice(kept.bytesize..)
              "#{kept}#{mask}"
            end
          end
        end
      end
    end
  end
end
