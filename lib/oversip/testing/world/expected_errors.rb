# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # Which exceptions of the script do not fail the example.
      module ExpectedErrors
        # What `expect_script_error` was given.
        Expectation = Struct.new(:error_class, :text) do
          # @return [Boolean] whether this exception was meant
          def met_by?(exception)
            exception.is_a?(error_class) && (text.nil? || text === exception.message) # rubocop:disable Style/CaseEquality -- text or pattern
          end

          # @return [String]
          def to_s
            [error_class, text&.inspect].compact.join(" ")
          end
        end
        private_constant :Expectation

        # The script may raise an exception in a block, and has to.
        #
        # @example
        #   world.expect_script_error(KeyError, /key not found/)
        #   world.expect_script_error(/key not found/)
        # @overload expect_script_error(error_class = StandardError, text = nil)
        #   @param error_class [Class]
        #   @param text [String, Regexp, nil] of its message
        # @overload expect_script_error(text)
        #   @param text [String, Regexp] of its message
        # @return [nil]
        # @raise [ArgumentError] this is no class of exceptions, or no text
        def expect_script_error(error_class = StandardError, text = nil)
          return expect_script_error(StandardError, error_class) if text.nil? && text?(error_class)

          unless error_class.is_a?(Class) && error_class <= Exception
            raise ArgumentError,
                  "expect_script_error takes a class of exceptions, or a text, not #{Arguments.shown(error_class)}"
          end

          Arguments.text_pattern("the message of an exception", text) unless text.nil?
          (@expected_errors ||= []) << Expectation.new(error_class, text)
          nil
        end

        private

        def text?(object)
          object.is_a?(String) || object.is_a?(Regexp)
        end

        def unexpected(raised)
          raised.reject { |exception| expected_errors.any? { |expectation| expectation.met_by?(exception) } }
        end

        def missing
          raised = @observer.raised
          unmet = expected_errors.reject { |expectation| raised.any? { |exception| expectation.met_by?(exception) } }
          unmet.map { |expectation| MissingScriptError.new("the script was expected to raise #{expectation}, and did not") }
        end

        def expected_errors
          @expected_errors || []
        end
      end
    end
  end
end
