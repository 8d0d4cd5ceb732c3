# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # What the matchers of lists of targets share: each target is told by its name or address, or by what matches one.
      class TargetsMatcher < Matcher
        # @param targets [Array] personas, names, addresses, or matchers of these
        # @raise [ArgumentError] there is none
        # @api private
        def initialize(targets)
          super()
          raise ArgumentError, "the matcher needs a target" if targets.empty?

          @targets = targets.map { |target| Party.matched(target) }
        end

        # @api private
        def supports_block_expectations?
          true
        end

        private

        # @raise [ArgumentError] one of the targets cannot be in this world
        def check_targets
          @targets.each { |target| Party.check(world, target) }
        end

        # @return [Array<String>] the targets in words
        def target_words
          @targets.map { |target| target.is_a?(String) ? target : described(target) }
        end

        # @param expected [Object] one of the targets
        # @param address [String] "udp:192.0.2.1:5060"
        def same?(expected, address)
          Party.names(world, address).any? { |name| values_match?(expected, name) }
        end
      end
    end
  end
end
