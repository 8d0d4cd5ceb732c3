# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # See {Matchers#have_tried}.
      class HaveTried < Matcher
        # @api private
        def initialize(targets)
          super()
          raise ArgumentError, "have_tried needs targets" if targets.empty?

          @targets = targets.map { |target| Party.matched(target) }
        end

        # @api private
        def supports_block_expectations?
          true
        end

        # @api private
        def matches?(actual)
          look(actual)
          @targets.size == @tried.size && @targets.zip(@tried).all? { |expected, tried| same?(expected, tried) }
        end

        # @api private
        def does_not_match?(actual)
          look(actual)
          @targets.none? { |expected| @tried.any? { |tried| same?(expected, tried) } }
        end

        # @return [String]
        def description
          "have tried #{@targets.map { |target| target.is_a?(String) ? target : described(target) }.join(", then ")}"
        end

        private

        def look(actual)
          @window = Window.of(actual)
          @tried = @window.attempts
        end

        def same?(expected, attempt)
          names(attempt).any? { |name| values_match?(expected, name) }
        end

        def names(attempt)
          [attempt.target, @window.world.name_of(attempt.target)].compact
        end

        def subject
          @window.subject
        end

        def finding
          return "no target was tried" if @tried.empty?

          "these were tried, in this order:#{Wording.list(@tried.map { |attempt| line(attempt) })}"
        end

        def line(attempt)
          name = @window.world.name_of(attempt.target)
          outcome = attempt.outcome
          "#{seconds(attempt.at)}  #{attempt.target}#{" (#{name})" if name}#{": #{outcome}" if outcome}"
        end
      end
    end
  end
end
