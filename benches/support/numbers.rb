# frozen_string_literal: true

require_relative "statistics"

module Bench
  # Figures as a reader wants them: three digits that count, and a dash for what is not known.
  module Numbers
    NONE = "–"

    # @param value [Numeric, nil]
    # @return [String]
    def self.short(value)
      return NONE if value.nil?

      size = value.abs
      return value.round.to_s if size >= 100 || value == value.to_i

      format(size >= 10 ? "%.1f" : "%.2f", value)
    end

    # @param spread [Statistics::Spread, nil]
    # @return [String] the median, with the least and the most unless all read the same
    def self.spread(spread)
      return NONE unless spread

      median, least, most = spread.to_a.map { |value| short(value) }
      least == most ? median : "#{median} (#{least}–#{most})"
    end
  end
end
