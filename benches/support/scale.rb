# frozen_string_literal: true

module Bench
  # From values to places on an axis, with the values that get a mark.
  class Scale
    # From 0, in even steps.
    def self.linear(highest, place)
      raw = highest / 5.0
      size = 10.0**Math.log10(raw).floor
      step = [1, 2, 2.5, 5, 10].map { |factor| factor * size }.find { |one| one >= raw }
      top = (highest / step).ceil * step
      new((0..(top / step).round).map { |at| at * step }, 0.0, top, place) { |value| value }
    end

    # In powers of ten with 2 and 5 between.
    def self.logarithmic(lowest, highest, place)
      marks = (-4..7).flat_map { |power| [1, 2, 5].map { |factor| factor * (10.0**power) } }
      least = marks.reverse.find { |mark| mark <= lowest }
      most = marks.find { |mark| mark >= highest && mark > least }
      new(marks.select { |mark| mark.between?(least, most) }, least, most, place) { |value| Math.log10(value) }
    end

    # By the logarithm, with marks at these values only and some room at both ends.
    def self.named(values, place)
      new(values, values.min / 1.25, values.max * 1.25, place) { |value| Math.log10(value) }
    end

    # @param marks [Array<Numeric>]
    # @param place [Array(Numeric, Numeric)] where the least and the most value are
    # @yield what is even on the axis
    def initialize(marks, least, most, place, &even)
      @marks = marks
      @least = even.call(least)
      @most = even.call(most)
      @place = place
      @even = even
    end

    attr_reader :marks

    # @return [Float] its place
    def at(value)
      from, to = @place
      (from + ((@even.call(value) - @least) / (@most - @least) * (to - from))).round(1)
    end
  end
end
