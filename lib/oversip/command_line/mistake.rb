# frozen_string_literal: true

require "oversip/errors"

module OverSIP
  class CommandLine
    # The arguments cannot be meant so; the message says what to write.
    #
    # @api private
    class Mistake < OverSIP::Error; end
  end
end
