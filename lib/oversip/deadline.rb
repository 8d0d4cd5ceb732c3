# frozen_string_literal: true

module OverSIP
  # An end of real time, for waits that go on in several steps.
  #
  # @api private
  class Deadline
    # @param seconds [Numeric, nil] from now on; nil: never
    def initialize(seconds)
      @at = seconds && (now + seconds)
    end

    # @return [Float, nil] seconds, 0.0 when it is over; nil: without end
    def left
      @at && [@at - now, 0.0].max
    end

    # @return [Boolean]
    def over?
      !@at.nil? && now >= @at
    end

    private

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
