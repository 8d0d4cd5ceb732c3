# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # See {Matchers#be_answered}.
      class BeAnswered < Matcher
        # Another status than 2xx.
        #
        # @param status [Integer, Range, Object] the status, or what matches it
        # @param reason [String, Regexp, nil] the reason phrase
        # @return [self]
        # @raise [ArgumentError] no response can have them
        def with(status, reason = nil)
          @status = Arguments.status_pattern(status)
          @reason = reason.nil? ? nil : Arguments.text_pattern("a reason phrase", reason)
          self
        end

        # Who gave the answer.
        #
        # @param party [Target, String, Symbol] a persona or its name; `:element` for an answer of the script's own
        # @return [self]
        # @raise [ArgumentError] it is nobody
        def by(party)
          @by = Party.matched(party)
          self
        end

        # The final response came exactly so long after the request, to the millisecond.
        #
        # @param seconds [Numeric]
        # @return [self]
        def after(seconds)
          @after = Arguments.seconds(seconds)
          self
        end

        # The final response came at most so long after the request.
        #
        # @param seconds [Numeric]
        # @return [self]
        def within(seconds)
          @within = Arguments.seconds(seconds)
          self
        end

        # @api private
        def matches?(call)
          unless call.is_a?(Exchange)
            raise ArgumentError, "be_answered looks at a call or an exchange, not at #{Arguments.shown(call)}"
          end

          Party.check(Window.current, @by, addresses: false)
          @call = call
          !call.final.nil? && with_status?(call.status) && with_reason? && by? && in_time?
        end

        # @return [String]
        def description
          ["be answered", (" with #{described(@status)}" if @status), (" #{described(@reason)}" if @reason), by_words,
           (" after #{seconds(@after)}" if @after), (" within #{seconds(@within)}" if @within)].join
        end

        private

        def with_status?(status)
          values_match?(@status || (200..299), status)
        end

        def with_reason?
          @reason.nil? || values_match?(@reason, @call.final.reason_phrase)
        end

        def by?
          @by.nil? || values_match?(@by, @call.answered_by.to_s)
        end

        def by_words
          @by && " by #{@by.is_a?(String) ? Wording.party(@by) : described(@by)}"
        end

        def in_time?
          return false if @after && (elapsed - @after).abs >= Wording::SAME_TIME

          @within.nil? || elapsed <= @within + Wording::SAME_TIME
        end

        def elapsed
          @call.answered_at - @call.started_at
        end

        def subject
          Window.name_of(@call)
        end

        def finding
          return unanswered unless @call.final

          answer = Wording.head(@call.final)
          "it was answered with #{answer} by #{Wording.party(@call.answered_by.to_s)} after #{seconds(elapsed)}"
        end

        def unanswered
          last = @call.responses.last
          seen = last ? "no final response: the last one was #{Wording.head(last)} at #{seconds(last.at)}" : "no response"
          "it got #{seen}, and the clock stands at #{seconds(World.current.now)}#{advice}"
        end

        # The usual reason: nobody has moved the clock to that time.
        def advice
          limit = @after || @within or return
          left = @call.started_at + limit - World.current.now
          ": `sip.advance #{left.ceil(3).to_s.delete_suffix(".0")}` goes on until then" if left.positive?
        end
      end
    end
  end
end
