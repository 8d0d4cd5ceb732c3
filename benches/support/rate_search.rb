# frozen_string_literal: true

module Bench
  # Looks for the highest rate that a trial passes: by short trials upwards, then by long ones between the last rate that
  # passed and the first that did not.
  class RateSearch
    GROWTH = 1.5
    # The result and the next failure are no further from each other.
    PRECISION = 0.05
    # Rates are multiples of it.
    STEP = 50
    # Nobody needs to know more.
    CEILING = 50_000

    # @param from [Integer] the first rate
    # @yield [rate, long]
    # @yieldreturn [Boolean] whether it passes
    def initialize(from: 1000, &trial)
      @from = from
      @trial = trial
    end

    # @return [Integer] 0 if none passes a long trial
    def run
      best = 0
      candidate, failing = bracket
      until candidate < STEP || (best.positive? && failing - best <= [best * PRECISION, STEP].max)
        if @trial.call(candidate, true)
          best = candidate
        else
          failing = candidate
        end
        candidate = best.positive? ? rounded((best + failing) / 2.0) : below(failing)
      end
      best
    end

    private

    # @return [Array(Integer, Integer)] the highest rate that passes a short trial, and one above it that does not
    def bracket
      rate = @from
      failing = nil
      until rate < STEP || @trial.call(rate, false)
        failing = rate
        rate = below(rate)
      end
      return [rate, failing] if failing

      loop do
        higher = rounded(rate * GROWTH)
        return [rate, higher] if higher > CEILING || !@trial.call(higher, false)

        rate = higher
      end
    end

    # Less in any case, so that a search downwards ends.
    def below(rate)
      (rate / GROWTH / STEP).floor * STEP
    end

    def rounded(rate)
      (rate / STEP.to_f).round * STEP
    end
  end
end
