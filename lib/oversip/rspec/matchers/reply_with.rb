# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # See {Matchers#reply_with}.
      class ReplyWith < SendingMatcher
        # @api private
        def initialize(status)
          super(Arguments.status_pattern(status), sort: :response)
        end

        private

        def verb
          "reply with"
        end

        def candidates
          responses.reject { |message| relayed?(message) }
        end

        def responses
          @window.sent.select(&:response?)
        end

        # What a target has answered is relayed rather than replied. A 100 never is (RFC 3261 16.7, step 5).
        def relayed?(answer)
          return false if answer.status_code == 100

          @window.world.messages.any? do |message|
            message.response? && message.receiver == World::ELEMENT && message.at <= answer.at &&
              identity(message) == identity(answer)
          end
        end

        # The To tag tells who has made a response.
        def identity(response)
          [response.call_id, response.cseq, response.sip_method, response.status_code,
           MessageText.tag(response.header("to"))]
        end

        def finding
          return super if @found.any?

          relayed = responses.select { |message| @pattern.match?(message, @window.world) && relayed?(message) }
          return super if relayed.empty?

          "it relayed what a target had answered:#{Wording.list(relayed.map { |message| line(message) })}"
        end
      end
    end
  end
end
