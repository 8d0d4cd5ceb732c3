# frozen_string_literal: true

module OverSIP
  # Seconds that a script gives.
  #
  # @api private
  module Seconds
    # About 31 years: more than any clock of a system has to be asked for.
    MOST = 1_000_000_000

    # @param name [String] of the argument, for the error
    # @return [Float]
    # @raise [ArgumentError] this is no such number
    def self.check(name, value)
      seconds = value.to_f if value.is_a?(Numeric) && value.real?
      return seconds if seconds && (0..MOST).cover?(seconds)

      raise ArgumentError, "#{name} must be a number of seconds from 0 to #{MOST}, not #{value.inspect}"
    end
  end
end
