# frozen_string_literal: true

require_relative "clock"
require_relative "rows"
require_relative "svg_ladder/layout"
require_relative "visible"

module OverSIP
  class CallRecord
    # A record as a picture in one file (SVG): what {TextLadder} shows. It follows the light or dark colours of its reader,
    # and whoever points at a message in a browser reads all of it. The bytes of messages are text in it and nothing else.
    #
    # @example
    #   File.write("call.svg", OverSIP::CallRecord::SvgLadder.new(record))
    class SvgLadder
      # Colours of the tones, in light and in dark.
      COLORS = {
        "background" => ["#ffffff", "#0d1117"], "text" => ["#1f2328", "#e6edf3"], "quiet" => ["#59636e", "#9198a1"],
        "lane" => ["#d1d9e0", "#3d444d"], "box" => ["#f6f8fa", "#151b23"], "request" => ["#0969da", "#4493f8"],
        "provisional" => ["#9a6700", "#d29922"], "success" => ["#1a7f37", "#3fb950"],
        "redirection" => ["#8250df", "#ab7df8"],
        "failure" => ["#cf222e", "#f85149"], "error" => ["#cf222e", "#f85149"], "block" => ["#8250df", "#ab7df8"],
        "element" => ["#59636e", "#9198a1"], "note" => ["#59636e", "#9198a1"]
      }.freeze
      # Characters of a message that the reader is shown.
      MOST = 6000
      # Length of an arrow's head, and half its height.
      HEAD = [9, 4].freeze
      FONT = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace'
      private_constant :COLORS, :MOST, :HEAD, :FONT

      # @param record [CallRecord] or the part of one that belongs to a call, see {CallRecord#for}
      # @param title [String] what the picture shows, for those who cannot see it
      # @param unit [Symbol] of the times: `:seconds` or `:milliseconds`
      # @raise [ArgumentError] there is no such unit
      def initialize(record, title: "SIP ladder", unit: :seconds)
        @record = record
        @title = title
        @clock = Clock.new(unit)
      end

      # @return [String] UTF-8, a whole document
      def to_s
        rows = Rows.new(@record, @clock)
        @layout = Layout.new(rows)
        width, height = @layout.size
        content = [tag(:title, escaped(Visible.of(@title))), style, background, time_unit,
                   *@layout.columns.map { |column| lane(column) }, *@layout.places.map { |place| drawn(place) }]
        "#{tag(:svg, content.join("\n"), xmlns: "http://www.w3.org/2000/svg", width: width, height: height,
                                         viewBox: "0 0 #{width} #{height}", role: "img")}\n"
      end

      private

      # @param content [String, nil] XML
      # @param attributes [Hash] those that are nil are left out
      # @return [String]
      def tag(name, content = nil, **attributes)
        attributes = attributes.compact.map { |key, value| " #{key.to_s.tr("_", "-")}=#{value.to_s.encode(xml: :attr)}" }
        content ? "<#{name}#{attributes.join}>#{content}</#{name}>" : "<#{name}#{attributes.join}/>"
      end

      def escaped(words)
        words.encode(xml: :text)
      end

      # @param at [Array(Integer, Integer)] x, of what the anchor says, and the middle of the letters' height
      def text(at, words, classes, anchor: nil)
        left, middle = at
        tag(:text, escaped(words), class: classes, x: left, y: middle + 4, text_anchor: anchor)
      end

      # A line with one colour.
      def path(way, tone, **attributes)
        tag(:path, class: tone, d: way, stroke: "currentColor", fill: "none", **attributes)
      end

      def style
        light, dark = [0, 1].map { |at| COLORS.map { |name, colors| ".#{name}{color:#{colors[at]}}" }.join }
        halo = COLORS.fetch("background")
        tag(:style, <<~CSS)

          text{font:13px #{FONT};fill:currentColor;white-space:pre}
          .over{paint-order:stroke;stroke:#{halo.first};stroke-width:5px;stroke-linejoin:round}
          .name{font-weight:bold}.small{font-size:11px}
          #{light}
          @media (prefers-color-scheme:dark){.over{stroke:#{halo.last}}#{dark}}
        CSS
      end

      def background
        tag(:rect, class: "background", width: "100%", height: "100%", fill: "currentColor")
      end

      def time_unit
        text([@layout.time_edge, @layout.head_middle], "time (#{@clock.unit})", "quiet small", anchor: "end")
      end

      def lane(column)
        top = @layout.head_bottom
        box = { x: column.middle - (column.width / 2), y: 12, width: column.width, height: top - 12, rx: 6 }
        [path("M#{column.middle} #{top}V#{@layout.size.last - 12}", "lane", stroke_width: column.element ? 3 : 1.5),
         tag(:rect, class: "box", **box, fill: "currentColor"),
         tag(:rect, class: "lane", **box, fill: "none", stroke: "currentColor"),
         *caption(column)].join("\n")
      end

      def caption(column)
        lines = [[column.name, "text name"], [column.address, "quiet small"]].reject { |words, _| words.empty? }
        top = @layout.head_middle - (8 * (lines.size - 1))
        lines.each_with_index.map do |(words, classes), index|
          text([column.middle, top + (17 * index)], words, classes, anchor: "middle")
        end
      end

      def drawn(place)
        parts = place.arrow? ? arrow(place) : own(place)
        parts.unshift(time(place)) if place.timed
        tag(:g, [tooltip(place.row), *parts].join("\n"))
      end

      def time(place)
        text([@layout.time_edge, place.height], @clock.time(place.row.at), "quiet small", anchor: "end")
      end

      # What a browser shows where the mouse rests.
      def tooltip(row)
        message = row.event.is_a?(Message)
        lines = message ? row.event.bytes[0, MOST].split(/\r?\n/n) : [row.label, row.exception].compact
        tag(:title, lines.map { |line| escaped(Visible.of(line)) }.join("\n"))
      end

      def arrow(place)
        arrives = place.row.arrives
        tone = arrives ? place.row.tone : :failure
        from, tip = place.ends
        way = tip <=> from
        dashes = "5 4" unless arrives
        [path("M#{from} #{place.height}H#{tip - (way * 2)}", tone, stroke_width: 1.5, stroke_dasharray: dashes),
         arrives ? head(tip, place.height, way, tone) : cross(tip, place.height),
         text([place.middle, place.height - 12], place.text, "#{tone} over", anchor: "middle")]
      end

      def head(tip, height, way, tone)
        length, half = HEAD
        tag(:path, class: tone, d: "M#{tip} #{height}l#{-way * length} #{-half}v#{half * 2}z", fill: "currentColor")
      end

      def cross(tip, height)
        path("M#{tip - 5} #{height - 5}l10 10m0 -10l-10 10", :failure, stroke_width: 2)
      end

      # What stands at one party.
      def own(place)
        lane = place.ends.first
        texts = place.lines.each_with_index.map do |line, index|
          text([lane + 12, place.height + (index * Layout::LINE)], line, "#{place.row.tone} over")
        end
        [mark(place.row, lane, place.height), *texts]
      end

      def mark(row, lane, height)
        solid = { class: row.tone, fill: "currentColor" }
        case row.kind
        when :message then path("M#{lane} #{height - 5}h8v10h-8", row.tone)
        when :block then tag(:circle, cx: lane, cy: height, r: 4.5, **solid)
        when :element then tag(:circle, cx: lane, cy: height, r: 3, **solid)
        else tag(:rect, x: lane - 4, y: height - 4, width: 8, height: 8, **solid)
        end
      end
    end
  end
end
