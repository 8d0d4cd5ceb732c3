# frozen_string_literal: true

require "cgi"
require_relative "numbers"
require_relative "scale"
require_relative "statistics"

module Bench
  # An SVG of what a call costs and how long it takes, by calls a second. Lines join medians, bars go from the least to the
  # most round. Its colours follow the reader's light or dark scheme.
  class Plot
    WIDTH = 960
    # Of each of the two fields, inside of its axes.
    FIELD = { width: 370, height: 280, top: 56 }.freeze
    LEFT = [70, 550].freeze
    LEGEND_TOP = 414
    LEGEND_LINE = 22

    # For light and dark grounds.
    COLOURS = [%w[#1f6fd0 #6cb0ff], %w[#b3470b #ff9d5c], %w[#2b7a3d #6fcf86], %w[#6f46bd #bda0ff], %w[#b0244b #ff7f9f],
               %w[#0c7482 #5cc9d8], %w[#6b6100 #d9cb4e], %w[#5c5c5c #b8b8b8]].freeze

    # @param figures [Hash{Symbol => Object}] raw figures
    def initialize(figures)
      @titles = figures[:titles]
      @series = figures[:costs].group_by { |sample| sample[:contestant] }
      raise Failure, "the figures have no table of costs" if @series.empty?
    end

    def to_s
      cost = field(LEFT[0], "CPU time of the relay for a call (us)", :cpu_us) { |_, most, place| Scale.linear(most, place) }
      time = field(LEFT[1], "INVITE to 200, p99 (ms)", :p99_ms) { |*range, place| Scale.logarithmic(*range, place) }
      <<~SVG
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 #{WIDTH} #{height}" width="#{WIDTH}" height="#{height}" role="img">
        <title>What a call costs and how long it takes, by calls a second</title>
        <style>#{style}</style>
        <rect class="ground" width="#{WIDTH}" height="#{height}"/>
        #{[cost, time, *legend].join("\n")}
        </svg>
      SVG
    end

    private

    def height
      LEGEND_TOP + (@series.size * LEGEND_LINE) + 10
    end

    def style
      light, dark = [0, 1].map do |scheme|
        @series.keys.each_index.map { |at| "--s#{at}:#{COLOURS[at % COLOURS.size][scheme]};" }.join
      end
      "svg{--ground:#ffffff;--ink:#24292f;--rule:#d8dee4;#{light}font:13px sans-serif}" \
        "@media(prefers-color-scheme:dark){svg{--ground:#0d1117;--ink:#e6edf3;--rule:#30363d;#{dark}}}" \
        ".ground{fill:var(--ground)}text{fill:var(--ink)}.head{font-weight:bold}.rule{stroke:var(--rule)}" \
        ".axis{stroke:var(--ink)}path,line{fill:none}"
    end

    # One field with its axes and a line for each contestant.
    #
    # @yield [least, most, place]
    # @yieldreturn [Scale]
    def field(left, head, name)
      lines = @series.transform_values { |samples| medians(samples, name) }
      bounds = lines.values.flat_map { |line| line.flat_map { |_, spread| [spread.least, spread.most] } }
      return text(left, FIELD[:top], "#{head}: no figures", anchor: "start") if bounds.empty?

      bottom = FIELD[:top] + FIELD[:height]
      rates = @series.values.flatten.map { |sample| sample[:rate] }.uniq.sort
      across = Scale.named(rates, [left, left + FIELD[:width]])
      upward = yield(bounds.min, bounds.max, [bottom, FIELD[:top]])
      [text(left, FIELD[:top] - 24, head, anchor: "start", head: true), *axes(left, bottom, across, upward),
       *lines.values.each_with_index.map { |line, at| series(line, at, across, upward) }].join("\n")
    end

    # @return [Array<Array(Integer, Statistics::Spread)>] by rate
    def medians(samples, name)
      samples.group_by { |sample| sample[:rate] }.sort.filter_map do |rate, own|
        spread = Statistics.spread(own.map { |sample| sample[name] })
        [rate, spread] if spread
      end
    end

    def axes(left, bottom, across, upward)
      right = left + FIELD[:width]
      rules = upward.marks.flat_map do |mark|
        [line("rule", left, upward.at(mark), right, upward.at(mark)),
         text(left - 8, upward.at(mark) + 4, Numbers.short(mark), anchor: "end")]
      end
      marks = across.marks.flat_map do |mark|
        [line("axis", across.at(mark), bottom, across.at(mark), bottom + 5), text(across.at(mark), bottom + 20, mark.to_s)]
      end
      [*rules, *marks, line("axis", left, bottom, right, bottom), text((left + right) / 2, bottom + 42, "calls a second")]
    end

    def series(points, number, across, upward)
      # A little beside each other, so that no bar hides another one.
      aside = (number - ((@series.size - 1) / 2.0)) * 3
      places = points.map { |rate, spread| [across.at(rate) + aside, upward.at(spread.median)] }
      path = places.map.with_index { |(x, y), at| "#{at.zero? ? "M" : "L"}#{x} #{y}" }.join
      bars = points.map do |rate, spread|
        "M#{across.at(rate) + aside} #{upward.at(spread.least)}V#{upward.at(spread.most)}"
      end
      ["<path d=\"#{path}\" #{stroke(number)}/>", "<path d=\"#{bars.join}\" #{stroke(number, dashed: false)}/>",
       *places.map { |place| marker(number, *place) }].join("\n")
    end

    def stroke(number, dashed: number.odd?)
      "style=\"stroke:var(--s#{number})\" stroke-width=\"2\"#{" stroke-dasharray=\"6 4\"" if dashed}"
    end

    # Lines are told apart by form as well as by colour.
    def marker(number, left, top)
      fill = "style=\"fill:var(--s#{number})\""
      case number % 5
      when 0 then "<circle cx=\"#{left}\" cy=\"#{top}\" r=\"4.5\" #{fill}/>"
      when 1 then "<path d=\"M#{left - 4} #{top - 4}h8v8h-8z\" #{fill}/>"
      when 2 then "<path d=\"M#{left} #{top - 5.5}l5.5 9.5h-11z\" #{fill}/>"
      when 3 then "<path d=\"M#{left} #{top - 6}l6 6l-6 6l-6 -6z\" #{fill}/>"
      else "<path d=\"M#{left} #{top + 5.5}l5.5 -9.5h-11z\" #{fill}/>"
      end
    end

    def legend
      @series.keys.map.with_index do |key, at|
        top = LEGEND_TOP + (at * LEGEND_LINE)
        [series_sample(at, top), text(LEFT[0] + 50, top + 4, @titles.fetch(key.to_sym), anchor: "start")].join("\n")
      end
    end

    def series_sample(number, top)
      "<path d=\"M#{LEFT[0]} #{top}h40\" #{stroke(number)}/>\n#{marker(number, LEFT[0] + 20, top)}"
    end

    def line(kind, *places)
      ends = %w[x1 y1 x2 y2].zip(places).map { |name, value| "#{name}=\"#{value}\"" }
      "<line class=\"#{kind}\" #{ends.join(" ")}/>"
    end

    def text(left, top, words, anchor: "middle", head: false)
      kind = " class=\"head\"" if head
      "<text x=\"#{left}\" y=\"#{top}\" text-anchor=\"#{anchor}\"#{kind}>#{CGI.escapeHTML(words)}</text>"
    end
  end
end
