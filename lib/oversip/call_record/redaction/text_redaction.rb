# frozen_string_literal: true

require_relative "secret_names"

module OverSIP
  class CallRecord
    class Redaction
      # What is secret in any text: passwords in URIs (RFC 3261 19.1.1) and what is called a password, credentials in the
      # headers of URIs and in lines of headers, digest answers, keys of media.
      #
      # @api private
      module TextRedaction
        # What stands in place of a secret: characters that a password in a URI may have (RFC 3261 25.1).
        MASK = "***"

        # Where URIs end: at their brackets, whatever stands between them. Within one of these runs a password ends at the
        # last `@`, though the grammar allows less.
        RUN = /<[^<>"\r\n]*>|[^\s<>"]+/n
        # The beginning of a URI with a user and a password, up to the password; bounded, so that a long run takes no long
        # time. The second one is for a URI that stands escaped in another one.
        PASSWORD = %r{(?:(?:sips?|pres|im):|[a-z][a-z0-9+.-]{0,30}://)(?<user>[^@:/]*):}in
        ESCAPED_PASSWORD = /(?:sips?|pres|im)%3A(?<user>(?:(?!%3A|%40)[^@:])*)%3A/in

        # What assigns a value to a name, in URIs, in headers, and as Ruby and JSON show it, up to the value.
        ASSIGNMENT = /\\?["']?[ \t]*(?:=>|[=:]|%3D)[ \t]*\[?\\?["']?/in
        NAMED = /(?<before>#{SecretNames::VALUE}#{ASSIGNMENT})(?:(?!%26|%3B|%3E)[^\s;&<>"',\\\])}])+/in
        # A line of a header ends with the line, one in a URI with the next one.
        URI_HEADER = /(?<before>(?:[?&]|%3F|%26)#{SecretNames::HEADER}(?:=|%3D))[^&\s<>"]+/in
        FIELD = /(?<before>(?<![a-z0-9-])#{SecretNames::HEADER}(?:\\?["']?[ \t]*=>|\\?["']?[ \t]*:))[^\r\n]+/in
        DIGEST_ANSWER = /(?<before>\b(?:response|rspauth)[ \t]*=[ \t]*\\?"?)[0-9a-f]{32,}/in
        MEDIA_KEY = %r{(?<before>\binline:)[a-z0-9+/=]{16,}}in
        private_constant :RUN, :PASSWORD, :ESCAPED_PASSWORD, :ASSIGNMENT, :NAMED, :URI_HEADER, :FIELD, :DIGEST_ANSWER,
                         :MEDIA_KEY

        class << self
          # @param text [String] in any encoding, valid or not
          # @return [String] in the same encoding
          def of(text)
            bytes = text.b
            found = without_secrets(bytes)
            found == bytes ? text : found.force_encoding(text.encoding)
          end

          # @param bytes [String] BINARY
          # @return [Array<Array(String, String)>] users and passwords in URIs
          def passwords(bytes)
            bytes.scan(RUN).flat_map do |run|
              [[PASSWORD, "@"], [ESCAPED_PASSWORD, "%40"]].filter_map do |beginning, ending|
                match, ends_at = password(run, beginning, ending)
                [match[:user], run[match.end(0)...ends_at]] if match
              end
            end
          end

          private

          def without_secrets(bytes)
            bytes = bytes.gsub(RUN) { |run| run.match?(/@|%40/n) ? without_passwords(run) : run }
            bytes = masked(bytes, URI_HEADER)
            bytes = masked(bytes, FIELD, " #{MASK}")
            [NAMED, DIGEST_ANSWER, MEDIA_KEY].reduce(bytes) { |text, pattern| masked(text, pattern) }
          end

          def masked(bytes, pattern, mask = MASK)
            bytes.gsub(pattern) { "#{Regexp.last_match[:before]}#{mask}" }
          end

          def without_passwords(run)
            without_password(without_password(run, PASSWORD, "@"), ESCAPED_PASSWORD, "%40")
          end

          def without_password(run, beginning, ending)
            match, ends_at = password(run, beginning, ending)
            match ? "#{run[0, match.end(0)]}#{MASK}#{run[ends_at..]}" : run
          end

          # @return [Array(MatchData, Integer), nil] the beginning of a URI up to its password, and where that ends
          def password(run, beginning, ending)
            ends_at = run.rindex(ending) or return
            match = beginning.match(run)
            [match, ends_at] if match && match.end(0) < ends_at
          end
        end
      end
    end
  end
end
