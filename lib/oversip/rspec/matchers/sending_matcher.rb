# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # What the matchers of sent messages share. Retransmissions count once: they are the same message.
      class SendingMatcher < CountingMatcher
        # @api private
        def initialize(kind, sort: nil)
          super()
          @pattern = MessagePattern.new(kind, sort:)
        end

        # Parts of the message.
        #
        # @param parts [Hash] `headers:` a Hash of name and value (a String, a Regexp or a matcher fits any of the header's
        #   values, an Array all of them, nil its absence), `body:`, `reason:` (the reason phrase), `ruri:` (the Request-URI)
        # @return [self]
        # @raise [ArgumentError] another part, or one that no message of the kind can have
        def with(**parts)
          @pattern.with(parts)
          self
        end

        # The receiver.
        #
        # @param party [Client, Target, String, Regexp, Object] a persona or its name, `"udp:192.0.2.1:5060"`,
        #   `"192.0.2.1:5060"`, `"192.0.2.1"`, or a matcher of one of these
        # @return [self]
        # @raise [ArgumentError] it is nobody
        def to(party)
          @pattern.to(party)
          self
        end

        # The message was sent at most so long after the call, or the block of `expect`, began.
        #
        # @param seconds [Numeric]
        # @return [self]
        def within(seconds)
          @within = Arguments.seconds(seconds)
          self
        end

        # @return [String]
        def description
          "#{verb} #{@pattern.description}#{within_words}#{count_words}"
        end

        private

        def find
          @pattern.check_receiver(@window.world)
          candidates.select { |message| @pattern.match?(message, @window.world) && in_time?(message) }
        end

        def candidates
          @window.sent
        end

        def within_words
          @within ? " within #{seconds(@within)}" : ""
        end

        def in_time?(message)
          @within.nil? || message.at - @window.since <= @within + Wording::SAME_TIME
        end

        # The block of an `expect` sends nothing by itself.
        def subject
          "the element"
        end

        def scope
          @window.call ? " in #{@window.subject}" : ""
        end

        def finding
          found_words("it did so") || unfound("it sent")
        end

        # Messages of the same kind say what is different; else all that were sent.
        def unfound(verb)
          return "#{verb} nothing (the clock stands at #{seconds(@window.world.now)})" if candidates.empty?

          similar = candidates.select { |message| @pattern.kind?(message) }
          return "#{verb}:#{Wording.list(similar.map { |message| with_differences(message) })}" if similar.any?

          "#{verb} only:#{Wording.list(candidates.map { |message| line(message) })}"
        end

        def line(message)
          Wording.message(message)
        end

        def with_differences(message)
          differences = @pattern.differences(message, @window.world)
          differences << "it is #{seconds(message.at - @window.since)} after the beginning" unless in_time?(message)
          "#{line(message)}: #{differences.join(", ")}"
        end
      end
    end
  end
end
