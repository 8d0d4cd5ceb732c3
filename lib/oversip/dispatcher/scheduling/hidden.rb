# frozen_string_literal: true

require "objspace"

module OverSIP
  module Dispatcher
    module Scheduling
      # What a Fiber waits for may be an object of Ruby's own that has no class: the lock of a file that another Fiber or
      # thread loads. Whoever calls a method of it, or asks `is_a?` or `===` about it, crashes the process.
      #
      # @api private
      module Hidden
        # Stands for each of them. Who waits for one is woken with any of them, and Ruby then looks again itself.
        class Load
          # @return [String] for the log
          def to_s
            "a file that is being loaded"
          end
        end
        private_constant :Load

        LOAD = Load.new.freeze

        # @param blocker [Object] as Ruby hands it to a hook
        # @return [Object] one that has methods
        def self.stand_in(blocker)
          ObjectSpace.internal_class_of(blocker) ? blocker : LOAD
        end
      end
    end
  end
end
