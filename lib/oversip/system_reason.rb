# frozen_string_literal: true

module OverSIP
  # Why a system call failed.
  #
  # @api private
  module SystemReason
    # @param error [SystemCallError]
    # @return [String] the words of the system, without the function and the file that Ruby adds: "Is a directory"
    def self.of(error)
      SystemCallError.new(nil, error.errno).message
    end
  end
end
