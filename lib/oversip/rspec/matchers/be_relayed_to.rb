# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # See {Matchers#be_relayed_to}.
      class BeRelayedTo < SendingMatcher
        # @api private
        def initialize(target)
          super(nil, sort: :request)
          to(target)
        end

        # @return [String]
        def description
          "be relayed#{@pattern.description.delete_prefix("a message")}#{within_words}#{count_words}"
        end

        private

        def candidates
          @window.sent.select { |message| message.request? && (@window.call.nil? || @window.first_request?(message)) }
        end

        def subject
          @window.call ? @window.subject : "a request"
        end

        def scope
          ""
        end

        def finding
          return found_words("it was relayed so") if @found.any?
          return "it was not relayed (the clock stands at #{seconds(@window.world.now)})" if candidates.empty?

          unfound("it was relayed as")
        end
      end
    end
  end
end
