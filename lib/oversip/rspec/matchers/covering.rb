# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # RSpec's composable protocol, in which a Range fits what it covers. That was RSpec's own meaning once; in later
      # versions only an equal Range fits.
      #
      # @api private
      module Covering
        include ::RSpec::Matchers::Composable

        # @return [Boolean]
        def values_match?(expected, actual)
          expected.is_a?(Range) ? expected == actual || expected.cover?(actual) : super
        end
      end
    end
  end
end
