# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # The words of failure messages.
      #
      # @api private
      module Wording
        # Lines that a failure message lists; the ladder below it has all.
        LINES = 10

        # Seconds of the clock that count as the same time.
        SAME_TIME = 0.001

        class << self
          # @param number [Numeric]
          # @return [String] such as "32 s" or "0.5 s"
          def seconds(number)
            rounded = number.round(3)
            "#{rounded == rounded.to_i ? rounded.to_i : rounded} s"
          end

          # @param name [String, nil] of a party
          def party(name)
            name == World::ELEMENT ? "the element" : name
          end

          # @param message [CallRecord::Message]
          # @return [String] such as "0.5 s  BYE sip:bob@192.0.2.9 to gw1.example (udp:192.0.2.3:5060)"
          def message(message)
            "#{seconds(message.at)}  #{head(message)} to #{receiver(message)}"
          end

          # @param message [CallRecord::Message]
          # @return [String] such as "BYE sip:bob@192.0.2.9" or "404 Not Found"
          def head(message)
            line = message.first_line.to_s.scrub("?")
            message.response? ? line.sub(%r{\ASIP/2\.0 +}i, "") : line.sub(%r{ +SIP/2\.0\z}i, "")
          end

          # @param message [CallRecord::Message]
          def receiver(message)
            address = "#{message.transport}:#{message.to}"
            message.receiver ? "#{party(message.receiver)} (#{address})" : "#{address}, where nobody is"
          end

          # @param number [Integer]
          def times(number)
            { 1 => "once", 2 => "twice" }.fetch(number) { "#{number} times" }
          end

          # @param lines [Array<String>]
          # @return [String] indented, on lines of their own, not too many
          def list(lines)
            shown = lines.first(LINES)
            shown << "and #{lines.size - LINES} more" if lines.size > LINES
            shown.map { |line| "\n  #{line}" }.join
          end
        end
      end
    end
  end
end
