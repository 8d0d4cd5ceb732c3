# frozen_string_literal: true

require_relative "../visible"
require_relative "uri_passwords"

module OverSIP
  class CallRecord
    class Redaction
      # What was taken out of a message, as a script may say it again: with and without escapes, whole and in its words.
      #
      # @api private
      class TakenSecrets
        MASK = UriPasswords::MASK

        # Bytes of a user with a password, of what is secret as a whole, of a word of credentials, and of a line: shorter
        # ones stand in many texts by chance.
        SHORTEST = { user: 5, value: 4, word: 8, line: 6 }.freeze
        # Its parameters are names, but for the answer.
        DIGEST = /\A\s*Digest\b/in
        ANSWER = /\b(?:response|rspauth)\s*=\s*"?([^",\s]+)/in
        BASIC = /\A\s*Basic\s+(\S+)/in
        SCHEME = /\A\s*[!-~]+[ \t]+(?=\S)/n
        # A word that is no name of a parameter.
        WORD = /[^\s,;"=]++(?!=[^\s,;=])/n
        private_constant :SHORTEST, :DIGEST, :ANSWER, :BASIC, :SCHEME, :WORD

        # @return [Hash{String => String}] secrets, BINARY, and what is shown in their place
        attr_reader :masks

        def initialize
          @masks = {}
        end

        # @param user [String] as it stands in a URI
        # @param password [String]
        def password(user, password)
          [[user, password], [user, password].map { |part| unescaped(part) }].uniq.each do |name, secret|
            add("#{name}:#{secret}", SHORTEST[:user], "#{name}:#{MASK}")
            value(secret)
          end
        end

        # @param text [String] secret as a whole
        def value(text)
          add(text.strip, SHORTEST[:value])
          add(unescaped(text.strip), SHORTEST[:value])
        end

        # @param text [String] the value of a header
        def credentials(text)
          value(text)
          return text.scan(ANSWER) { |answer,| value(answer) } if DIGEST.match?(text)

          text.sub(SCHEME, "").scan(WORD) { |word| add(word, SHORTEST[:word]) }
          user, password = BASIC.match(text)&.captures&.first&.unpack1("m")&.split(":", 2)
          password(user, password) if password
        end

        # @param text [String] lines, each of them secret
        def lines(text)
          text.each_line { |line| add(line.strip, SHORTEST[:line]) }
        end

        private

        # `inspect` of a String escapes quotes.
        def add(secret, shortest, mask = MASK)
          return if secret.bytesize < shortest || secret == mask

          @masks[secret.b] = mask.b
          return unless secret.match?(/["\\#]/n)

          @masks[Visible.utf8(secret).inspect[1...-1].b] = mask.b
        end

        def unescaped(text)
          text.gsub(/%\h\h/n) { |escaped| escaped[1, 2].hex.chr }
        end
      end
    end
  end
end
