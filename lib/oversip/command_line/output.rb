# frozen_string_literal: true

require "oversip/errors"
require "oversip/system_reason"

module OverSIP
  class CommandLine
    # Where a command that asks a running server writes.
    #
    # @api private
    module Output
      class << self
        # @param text [String]
        # @return [void]
        # @raise [OverSIP::RuntimeError] stdout takes no more
        # @raise [Errno::EPIPE] its reader has gone
        def write(text)
          outside do
            $stdout.write(text)
            $stdout.flush
          end
        end

        # @param path [String, nil] nil: stdout
        # @yield writes there
        # @return [Object] what the block returns
        # @raise [OverSIP::RuntimeError] it cannot be written
        # @raise [Errno::EPIPE] its reader has gone
        def outside(path = nil)
          yield
        rescue Errno::EPIPE
          raise
        rescue SystemCallError => e
          raise OverSIP::RuntimeError, "cannot write#{" #{path}" if path}: #{SystemReason.of(e)}"
        end
      end
    end
  end
end
