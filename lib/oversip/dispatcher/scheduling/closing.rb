# frozen_string_literal: true

module OverSIP
  module Dispatcher
    module Scheduling
      # Before a descriptor is closed, those who wait for it are told. Ruby would interrupt the dispatcher thread, whichever
      # event runs there, and wait for a Fiber that may be one of the same thread.
      #
      # @api private
      module Closing
        # @return [nil]
        def close
          Dispatcher.scheduler&.end_waits_for(self)
          super
        end

        def self.install
          IO.prepend(self)
        end
      end
    end
  end
end
