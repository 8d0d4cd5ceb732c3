# frozen_string_literal: true

require_relative "../rows"
require_relative "../wording"
require_relative "markup"

module OverSIP
  class CallRecord
    class HtmlLadder
      # The section of one call: what is known of it, and its ladder.
      #
      # Rows are grids with a column for number and time and two for each party, whose lane runs between the two. So a row
      # that is filtered away leaves no gap, and columns share the width that there is.
      #
      # @api private
      class Ladder
        include Markup

        # Seconds from which on the bar of a block is longer.
        BARS = [0.001, 0.01, 0.1, 1].freeze
        # Characters of what stays whole beside a method or status.
        SHORT = 12
        private_constant :BARS, :SHORT

        class << self
          # @param parties [Integer] the most that a ladder has
          # @return [String] CSS: where lanes are, for each number of parties
          def columns(parties)
            grids = (1..parties).map do |count|
              ".n#{count}{--lanes:#{count}}.n#{count} .row,.n#{count} .lanes{grid-template-columns:var(--time) " \
                "repeat(#{2 * count},minmax(var(--half),1fr))}"
            end
            lanes = (0...parties).map do |index|
              ".f#{index}{grid-column-start:#{line(index)}}.t#{index}{grid-column-end:#{line(index)}}" \
                ".p#{index}{grid-column:#{line(index) - 1}/span 2}"
            end
            "#{[*grids, *lanes].join("\n")}\n"
          end

          private

          # The grid line of a lane.
          def line(index)
            (2 * index) + 3
          end
        end

        # @return [Call, nil]
        attr_reader :call
        # @return [Integer] of the call on the page
        attr_reader :number

        # @param record [CallRecord] the rows
        # @param call [Call, nil] nil when they belong to no call
        # @param reader [Reader] gets the messages
        def initialize(record, call, number, clock, reader)
          @call = call
          @number = number
          @clock = clock
          @reader = reader
          @began_at = record.began_at
          @rows = Rows.new(record, clock)
        end

        # @return [Integer] number of parties
        def width
          @rows.parties.size
        end

        # @return [String] HTML
        def to_s
          lanes = @rows.parties.each_index.map { |index| tag(:i, class: "f#{index}") }.join
          ladder = [tag(:div, lanes, class: "lanes", aria_hidden: "true"), parties,
                    tag(:ol, rows.join("\n"))].join("\n")
          ladder = tag(:div, tag(:div, ladder, class: "ladder n#{[width, 1].max}"), class: "scroll")
          tag(:section, "#{heading}\n#{ladder}", id: "call#{number}", class: "call#{" failed" if call&.failed?}")
        end

        # @return [String] HTML: the status of the call, or its outcome
        def status
          tag(:span, shown(call.result), class: "status #{call.outcome}")
        end

        # @return [String] HTML
        def time(at)
          tag(:time, escaped(@clock.time(at)))
        end

        private

        def heading
          return tag(:h2, "Outside of calls") unless call

          from, to = [call.from, call.to].map { |uri| shown(uri || "unknown") }
          causes = call.causes.map { |cause| tag(:li, escaped(cause)) }.join
          [tag(:h2, "#{status} #{shown(call.sip_method || "call")} #{from} → #{to}"), tag(:p, facts, class: "facts"),
           (tag(:ul, causes, class: "causes") unless causes.empty?)].compact.join("\n")
        end

        def facts
          facts = ["waited #{@clock.words(call.waiting_time)}", "in all #{@clock.words(call.duration)}"]
          facts << "slowest block #{milliseconds(call.slowest_block)}" if call.slowest_block.positive?
          facts.unshift((@began_at + call.began_at).strftime("%Y-%m-%d %H:%M:%S.%L %z")) if @began_at
          "#{tag(:code, shown(call.call_id))} · #{facts.join(" · ")}"
        end

        def milliseconds(seconds)
          "#{(seconds * 1000).round(1).to_s.delete_suffix(".0")} ms"
        end

        def parties
          boxes = @rows.parties.each_with_index.map do |party, index|
            address = party.address ? tag(:small, shown(party.address).sub(/(?=:\d+\z)/, "<wbr>")) : ""
            tag(:div, tag(:div, tag(:b, shown(party.name)) + address), class: "party p#{index}")
          end
          tag(:div, tag(:span, "time (#{@clock.unit})", class: "at") + boxes.join, class: "row parties")
        end

        def rows
          last_at = nil
          @rows.rows.map do |row|
            at = at(row, last_at)
            last_at = row.at
            tag(:li, row.message? ? message(row, at) : own(row, at))
          end
        end

        # The number of a message, and the time; quiet where it is the one above.
        def at(row, last_at)
          number = row.message? ? tag(:span, @reader.next_number, class: "no") : ""
          tag(:span, number + time(row.at), class: "at#{" same" if row.at == last_at}")
        end

        def message(row, at)
          id = @reader.add(row, @rows.parties)
          drawn = row.from == row.to ? loop_at(row) : arrow(row)
          tag(:a, at + drawn, class: "row message #{row.tone}#{" gone" unless row.arrives}", href: "##{id}")
        end

        def arrow(row)
          left, right = [row.from, row.to].minmax
          way = tag(:span, "#{shown(name(row.from))} to #{shown(name(row.to))}: ", class: "spoken")
          lost = row.arrives ? "" : tag(:span, " (does not arrive)", class: "spoken")
          tag(:span, way + label(row.label) + lost,
              class: "arrow #{row.from < row.to ? "right" : "left"} f#{left} t#{right}")
        end

        # Where there is no room for all of it, a long rest is cut before the tail is.
        def label(label)
          parts = { head: label.head, rest: label.rest, tail: label.tail }
          parts = { head: "#{label.head} #{label.rest}".rstrip, tail: label.tail } if label.rest.size <= SHORT
          parts = parts.reject { |_, text| text.empty? }
          tag(:span, parts.map { |name, text| tag(:span, escaped(text), class: name) }.join(" "), class: "label")
        end

        def loop_at(row)
          beside(row, "↻ #{escaped(row.label.to_s)}")
        end

        def name(index)
          @rows.parties.fetch(index).name
        end

        # What stands at one lane.
        def own(row, at)
          text = row.event.is_a?(Block) ? block(row) : escaped(row.label.to_s)
          mark = tag(:i, class: "mark f#{row.from}#{" d#{length(row.event)}" if row.event.is_a?(Block)}")
          tag(:div, at + mark + beside(row, text), class: "row #{row.kind} #{row.tone}")
        end

        # Right of the lane, where another one follows.
        def beside(row, html)
          side = row.from + 1 < width || width < 2 ? "after f#{row.from}" : "before t#{row.from}"
          tag(:span, html, class: "beside #{side}")
        end

        def block(row)
          block = row.event
          facts = [block.place && shown(block.place), block.duration && milliseconds(block.duration)].compact
          [tag(:b, shown(block.event)), shown(block.subject), (tag(:small, "(#{facts.join(", ")})") if facts.any?),
           (tag(:em, escaped(row.exception)) if row.exception)].compact.join(" ")
        end

        def length(block)
          BARS.count { |limit| (block.duration || 0) >= limit }
        end
      end
    end
  end
end
