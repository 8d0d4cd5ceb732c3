# frozen_string_literal: true

module OverSIP
  class CallRecord
    class Redaction
      # What is secret in any text: passwords in URIs, credentials in the headers of URIs (RFC 3261 19.1.1), digest answers.
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
        PASSWORD = %r{(?:(?:sips?|pres|im):|[a-z][a-z0-9+.-]{0,30}://)[^@:/]*:}in
        ESCAPED_PASSWORD = /(?:sips?|pres|im)%3A(?:(?!%3A|%40)[^@:])*%3A/in

        URI_HEADER = /(?<=[?&]authorization=|proxy-authorization=|%3Fauthorization%3D|%26authorization%3D)[^&\s<>"]+/in
        FIELD = /(?<=authorization:)[^\r\n]+/in
        DIGEST_ANSWER = /(?<before>\b(?:response|rspauth)[ \t]*=[ \t]*"?)[0-9a-f]{32,}/in
        private_constant :RUN, :PASSWORD, :ESCAPED_PASSWORD, :URI_HEADER, :FIELD, :DIGEST_ANSWER

        class << self
          # @param text [String] in any encoding, valid or not
          # @return [String] in the same encoding
          def of(text)
            bytes = text.b
            found = without_secrets(bytes)
            found == bytes ? text : found.force_encoding(text.encoding)
          end

          private

          def without_secrets(bytes)
            bytes = bytes.gsub(RUN) { |run| run.match?(/@|%40/n) ? without_passwords(run) : run }
            bytes = bytes.gsub(URI_HEADER, MASK).gsub(FIELD, " #{MASK}")
            bytes.gsub(DIGEST_ANSWER) { "#{Regexp.last_match[:before]}#{MASK}" }
          end

          def without_passwords(run)
            masked(masked(run, PASSWORD, "@"), ESCAPED_PASSWORD, "%40")
          end

          def masked(run, beginning, ending)
            ends_at = run.rindex(ending) or return run
            match = beginning.match(run)
            return run unless match && match.end(0) < ends_at

            "#{run[0, match.end(0)]}#{MASK}#{run[ends_at..]}"
          end
        end
      end
    end
  end
end
