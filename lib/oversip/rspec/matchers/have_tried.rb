# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # See {Matchers#have_tried}.
      class HaveTried < TargetsMatcher
        # @api private
        def matches?(actual)
          look(actual)
          @targets.size == @tried.size && @targets.zip(@tried).all? { |expected, tried| same?(expected, tried.target) }
        end

        # @api private
        def does_not_match?(actual)
          look(actual)
          @targets.none? { |expected| @tried.any? { |tried| same?(expected, tried.target) } }
        end

        # @return [String]
        def description
          "have tried #{target_words.join(", then ")}"
        end

        private

        def look(actual)
          @window = Window.of(actual)
          check_targets
          @tried = @window.attempts
        end

        def world
          @window.world
        end

        def subject
          @window.subject
        end

        def finding
          return "no target was tried" if @tried.empty?

          "these were tried, in this order:#{Wording.list(@tried.map { |attempt| line(attempt) })}"
        end

        def line(attempt)
          name = world.name_of(attempt.target)
          outcome = attempt.outcome
          "#{seconds(attempt.at)}  #{attempt.target}#{" (#{name})" if name}#{": #{outcome}" if outcome}"
        end
      end
    end
  end
end
