# frozen_string_literal: true

module Bench
  # What rounds say together.
  module Statistics
    # A median with the least and the most of its rounds.
    Spread = Struct.new(:median, :least, :most)

    # @param values [Array<Numeric, nil>] one of each round; nil where a round has none
    # @return [Spread, nil]
    def self.spread(values)
      known = values.compact.sort
      Spread.new(median(known), known.first, known.last) unless known.empty?
    end

    # @param sorted [Array<Numeric>] not empty
    def self.median(sorted)
      middle = sorted.size / 2
      sorted.size.odd? ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2.0
    end

    # The value that this part of all values does not exceed.
    #
    # @param sorted [Array<Numeric>]
    # @param part [Float] 0.99 for p99
    def self.percentile(sorted, part)
      sorted[[(part * sorted.size).ceil - 1, 0].max]
    end

    # Each round's value by the first contestant's value in the same round: a machine that is slower in one round than in
    # another changes both.
    #
    # @param values [Hash{Integer => Numeric, nil}] by round
    # @param firsts [Hash{Integer => Numeric, nil}] by round
    # @return [Spread, nil]
    def self.ratio(values, firsts)
      spread(values.map { |round, value| value / firsts[round].to_f if value && firsts[round]&.positive? })
    end

    # The slope of the line with the least squares.
    #
    # @param points [Array<Array(Numeric, Numeric)>] x and y
    # @return [Float] y for each x; 0 for fewer than two points
    def self.slope(points)
      return 0.0 if points.size < 2

      x_mean, y_mean = points.transpose.map { |values| values.sum / values.size.to_f }
      across = points.sum { |x, y| (x - x_mean) * (y - y_mean) }
      across / points.sum { |x, _| (x - x_mean)**2 }
    end
  end
end
