# frozen_string_literal: true

module OverSIP
  # An end of real time, for waits that go on in several steps.
  #
  # @api private
  class Deadline
    # @return [Float] seconds of the clock that nobody sets
    def self.now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end

    # @param seconds [Numeric, nil] from now on; nil: never
    def initialize(seconds)
      @at = seconds && (Deadline.now + seconds)
    end

    # @return [Float, nil] seconds, 0.0 when it is over; nil: without end
    def left
      @at && [@at - Deadline.now, 0.0].max
    end

    # @return [Boolean]
    def over?
      !@at.nil? && Deadline.now >= @at
    end
  end
end
