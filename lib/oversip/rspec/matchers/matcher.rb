# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # What all matchers of this toolkit share. RSpec's own composable protocol: `and`, `or`, and use as an argument of
      # other matchers.
      class Matcher
        include Covering

        # @api private
        def supports_value_expectations?
          true
        end

        # @api private
        def supports_block_expectations?
          false
        end

        # @return [String]
        def failure_message
          "expected #{subject} to #{description}#{scope}, but #{finding}"
        end

        # @return [String]
        def failure_message_when_negated
          "expected #{subject} not to #{description}#{scope}, but #{finding}"
        end

        private

        # @return [String] what part of all that happened is meant, where the subject does not say it
        def scope
          ""
        end

        # @return [String] for messages: what a part of a message, or an argument, has to be
        def described(expected)
          surface_descriptions_in(expected).inspect
        end

        def seconds(number)
          Wording.seconds(number)
        end
      end
    end
  end
end
