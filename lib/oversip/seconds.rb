# frozen_string_literal: true

module OverSIP
  # Seconds that a script gives.
  #
  # @api private
  module Seconds
    # About 31 years: more than any clock of a system has to be asked for.
    MOST = 1_000_000_000

    # @param name [String] of the argument, for the error
    # @param positive [Boolean] whether 0 is refused
    # @return [Float]
    # @raise [TypeError] this is no number
    # @raise [ArgumentError] it is out of the range
    def self.check(name, value, positive: false)
      number = value.is_a?(Numeric) && value.real?
      raise TypeError, "#{name} must be a number of seconds, not #{value.inspect}" unless number

      seconds = value.to_f
      return seconds if (0..MOST).cover?(seconds) && !(positive && seconds.zero?)

      range = positive ? "a positive number of seconds, at most #{MOST}" : "a number of seconds from 0 to #{MOST}"
      raise ArgumentError, "#{name} must be #{range}, not #{value.inspect}"
    end
  end
end
