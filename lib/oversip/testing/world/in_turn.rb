# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # The steps of a clean-up.
      #
      # @api private
      module InTurn
        # Takes each step, whatever those before it raise.
        #
        # @param steps [Array<Proc>]
        # @raise [Exception] what the last one of the steps that failed has raised
        def self.call(*steps)
          step, *rest = steps
          step.call
        ensure
          call(*rest) unless rest.empty?
        end
      end
    end
  end
end
