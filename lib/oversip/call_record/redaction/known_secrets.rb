# frozen_string_literal: true

require_relative "secret_names"
require_relative "text_redaction"

module OverSIP
  class CallRecord
    class Redaction
      # What the messages of calls have shown to be secret: a script may say it again without what tells that it is, as in
      # the message of an exception with `request.ruri.user`, which is "bob:password".
      #
      # @api private
      class KnownSecrets
        MASK = TextRedaction::MASK

        # Calls that are remembered, and secrets of one.
        MOST_CALLS = 1000
        MOST = 100
        # Bytes of a user with a password, of a password that is looked for alone, of a word of credentials, and of a line of
        # a body: shorter ones stand in many texts by chance.
        SHORTEST = { user: 5, password: 4, credentials: 8, body: 6 }.freeze
        # From so many bytes on the engine may have cut the message of an exception, within a secret too.
        CUT = 900
        # Its parameters are names, but for what {TextRedaction} finds.
        DIGEST = /\ADigest\b/in
        SCHEME = /\A[!-~]+[ \t]+(?=\S)/n
        private_constant :MASK, :MOST_CALLS, :MOST, :SHORTEST, :CUT, :DIGEST, :SCHEME

        def initialize
          @of_calls = {}
        end

        # @param message [Message]
        # @param bodies [Boolean] whether bodies other than SDP are secret
        def learn(message, bodies)
          secrets = [*passwords(message), *credentials(message), *(body(message) if bodies)]
          return if secrets.empty?

          known = @of_calls[message.call_id] ||= {}
          secrets.each { |secret, mask| known[secret] = mask if known.size < MOST }
          @of_calls.shift if @of_calls.size > MOST_CALLS
        end

        # @param text [String] in any encoding, valid or not
        # @param call_id [String, nil]
        # @return [String] in the same encoding
        def hide(text, call_id)
          known = @of_calls[call_id] or return text
          # "bob:password" before "password".
          longest_first = known.sort_by { |secret, _| -secret.bytesize }
          hidden = longest_first.reduce(text.b) { |bytes, (secret, mask)| bytes.gsub(secret, mask) }
          hidden = without_cut_secret(hidden, longest_first) if text.bytesize >= CUT
          hidden.force_encoding(text.encoding)
        end

        private

        def without_cut_secret(bytes, known)
          known.each do |secret, mask|
            size = [secret.bytesize - 1, bytes.bytesize].min.downto(SHORTEST[:password]).find do |length|
              bytes.end_with?(secret.byteslice(0, length))
            end
            return bytes.byteslice(0, bytes.bytesize - size) + mask if size
          end
          bytes
        end

        # With what was escaped in the URI too.
        def passwords(message)
          found = TextRedaction.passwords(message.bytes)
          found |= found.map { |pair| pair.map { |part| part.gsub(/%\h\h/n) { |escaped| escaped[1, 2].hex.chr } } }
          found.flat_map do |user, password|
            whole = "#{user}:#{password}"
            [([whole, "#{user}:#{MASK}"] if whole.bytesize >= SHORTEST[:user]),
             ([password, MASK] if password.bytesize >= SHORTEST[:password])].compact
          end
        end

        def credentials(message)
          values = SecretNames::HEADERS.flat_map { |name| message.headers(name) }.grep_v(DIGEST)
          words = values.flat_map { |value| value.b.sub(SCHEME, "").split(/[\s,;"]+/n) }
          words.select { |word| word.bytesize >= SHORTEST[:credentials] }.map { |word| [word, MASK] }
        end

        def body(message)
          return [] if message.header("content-type").to_s.match?(%r{\Aapplication/sdp\b}i)

          lines = message.body.b.each_line.first(MOST).map(&:strip)
          lines.select { |line| line.bytesize >= SHORTEST[:body] }.map { |line| [line, MASK] }
        end
      end
    end
  end
end
