# frozen_string_literal: true

module OverSIP
  module Testing
    # Extends the exception of a failed example: its message ends with the ladder of what happened. All formatters show
    # the message.
    #
    # @api private
    module FailureLadder
      # The metadata of an example that holds how to draw its ladder.
      KEY = :sip_ladder

      class << self
        # RSpec has an example's result, with all that its hooks have raised, and tells formatters next.
        #
        # @param notification [::RSpec::Core::Notifications::ExampleNotification]
        def example_finished(notification)
          example = notification.example
          draw = example.metadata.delete(KEY)
          add(example.exception, drawn(&draw)) if draw && example.exception
        end

        # The failure is shown whatever happens to its ladder.
        #
        # @yieldreturn [String]
        # @return [String]
        def drawn
          yield
        rescue StandardError => e
          "(the ladder cannot be drawn: #{e.class}: #{e.message})"
        end

        # @param exception [Exception] of the example. Of one that stands for several, the last one gets the ladder
        # @param ladder [String]; one of nothing is left out
        def add(exception, ladder)
          return if ladder == CallRecord::TextLadder::NOTHING

          several = exception.respond_to?(:all_exceptions) ? exception.all_exceptions : []
          return add(several.last, ladder) if several.any?
          return if exception.frozen?

          exception.extend(self)
          exception.sip_ladder = ladder
        end
      end

      # @return [String]
      attr_accessor :sip_ladder

      # @return [String]
      def message
        "#{super}\n\n#{sip_ladder}"
      end

      # RSpec shows copies of exceptions whose backtraces it cuts.
      def dup
        super.tap { |copy| FailureLadder.add(copy, sip_ladder) }
      end
    end
  end
end
