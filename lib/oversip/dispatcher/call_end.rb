# frozen_string_literal: true

require "oversip/dispatcher/outcome"

module OverSIP
  module Dispatcher
    # The end of a request that a Fiber waits for (`Uac#call`, `Proxy#call`): of a block, or of a scheduler that the caller's
    # thread has. The engine tells of it as of a scheduled block.
    #
    # @api private
    class CallEnd
      # @param name [String] the method that the script has called
      # @raise [OverSIP::RuntimeError] the caller's Fiber cannot wait
      def initialize(name)
        check(name)
        @outcome = Outcome.new
      end

      # The request has ended, or its engine has.
      def tell
        @outcome.settle(:returned)
      end

      # Waits for that.
      #
      # @param what [String] the request in words
      # @raise [StoppedError] OverSIP has ended
      def wait(what)
        @outcome.value(what: "the final response of #{what}")
      end

      private

      def check(name)
        return unless Dispatcher.current?
        return if Dispatcher.suspendable? || Waiters.of_scheduler

        # At the bound of suspended events this raises.
        Waiters.of_caller(name) if Fiber.current.equal?(OverSIP.root_fiber)
        raise OverSIP::RuntimeError, "#{name} waits for the response, and this Fiber cannot be suspended: the script or a " \
                                     "library has made it (Fiber.new, Enumerator#next). Call it in the block itself"
      end
    end
  end
end
