# frozen_string_literal: true

module OverSIP
  class CallRecord
    class Redaction
      # Passwords in URIs: of the URI itself, and of others in its headers, where each of the signs around a password may be
      # escaped (RFC 3261 19.1.1).
      #
      # @api private
      module UriPasswords
        MASK = "***"

        # Where URIs end: at their brackets, whatever stands between them. Within one of these runs a password ends at the
        # last `@`, though the grammar allows less.
        RUN = /<[^<>"\r\n]*>|[^\s<>"]+/n
        # What stands before a password. The user of a SIP URI may have a slash. A port is no password.
        COLON = /(?::|%3A)/in
        SIP = /(?:sips?|pres|im)(?:(?<plain>:)|%3A)(?<user>(?:(?!%3A|%40)[^@:])*)#{COLON}(?!\d{1,5}(?:[;?>]|%3B|%3F|%3E))/in
        # A name of a scheme is bounded, so that a long run takes no long time.
        OTHERS = %r{[a-z][a-z0-9+.-]{0,30}(?:(?<plain>://)|%3A%2F%2F)
                    (?<user>(?:(?!%3A|%40|%2F)[^@:/])*)#{COLON}(?!\d{1,5}(?:/|%2F))}inx
        BEGINNING = /#{SIP}|#{OTHERS}/in
        ENDS = ["@", "%40"].freeze
        private_constant :RUN, :COLON, :SIP, :OTHERS, :BEGINNING, :ENDS

        class << self
          # @param bytes [String] BINARY
          # @yieldparam user [String]
          # @yieldparam password [String]
          # @return [String]
          def without(bytes, &)
            bytes.gsub(RUN) { |run| run.match?(/@|%40/n) ? run_without(run, &) : run }
          end

          private

          # What follows a password may have another one: the last `@` of a URI is not that of those in its headers.
          def run_without(run)
            shown = +"".b
            while (match = BEGINNING.match(run))
              ends_at = last_end(run, match) or break
              yield match[:user], run[match.end(0)...ends_at]
              shown << run[0, match.end(0)] << MASK
              run = run[ends_at..]
            end
            shown << run
          end

          # @return [Integer, nil]
          def last_end(run, beginning)
            (beginning[:plain] ? ENDS : ENDS.reverse).each do |ending|
              ends_at = run.rindex(ending)
              return ends_at if ends_at && ends_at > beginning.end(0)
            end
            nil
          end
        end
      end
    end
  end
end
