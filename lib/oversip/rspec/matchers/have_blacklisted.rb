# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # See {Matchers#have_blacklisted}.
      class HaveBlacklisted < TargetsMatcher
        # @api private
        def matches?(actual)
          look(actual)
          @targets.all? { |target| listed?(target) }
        end

        # @api private
        def does_not_match?(actual)
          look(actual)
          @targets.none? { |target| listed?(target) }
        end

        # @return [String]
        def description
          "have blacklisted #{target_words.join(", ")}"
        end

        private

        # With a block: what it has added.
        def look(actual)
          @subject = { World => "the element", Proc => "the block" }.find { |kind, _| actual.is_a?(kind) }&.last
          raise ArgumentError, "have_blacklisted looks at `sip` or at a block, not at #{actual.inspect}" unless @subject

          @world = actual.is_a?(World) ? actual : Window.current
          former = actual.is_a?(Proc) ? @world.blacklist : []
          actual.call if actual.is_a?(Proc)
          check_targets
          @listed = @world.blacklist - former
        end

        attr_reader :subject, :world

        def listed?(target)
          @listed.any? { |entry| same?(target, entry) }
        end

        def finding
          return "the blacklist is empty" if @listed.empty?

          "blacklisted are:#{Wording.list(@listed.map { |entry| [entry, world.name_of(entry)].compact.join(" ") })}"
        end
      end
    end
  end
end
