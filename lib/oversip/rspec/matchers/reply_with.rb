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

        # What a target has answered is relayed rather than replied.
        def relayed?(answer)
          @window.world.messages.any? do |message|
            message.response? && message.receiver == World::ELEMENT && message.at <= answer.at &&
              [message.call_id, message.cseq, message.status_code] == [answer.call_id, answer.cseq, answer.status_code]
          end
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
