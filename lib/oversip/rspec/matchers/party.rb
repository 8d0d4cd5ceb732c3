# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # How a matcher is told of a party or a target.
      #
      # @api private
      module Party
        # @param party [Object] a persona, or what matches its name or its address
        # @return [Object] the name, or what matches it
        def self.matched(party)
          return party.name.to_s if party.is_a?(Persona)

          party.is_a?(Symbol) ? party.to_s : party
        end
      end
    end
  end
end
