# frozen_string_literal: true

require_relative "markup"

module OverSIP
  class CallRecord
    class HtmlLadder
      # The calls of a page with several ones, as a table whose rows lead to the ladders.
      #
      # @api private
      class CallList
        include Markup

        HEADINGS = %w[time method from to status waited].freeze
        private_constant :HEADINGS

        # @param ladders [Array<Ladder>]
        def initialize(ladders, clock)
          @ladders = ladders.select(&:call)
          @clock = clock
        end

        # @return [String] HTML; empty when there is one call
        def to_s
          return "" if @ladders.size < 2

          headings = HEADINGS.map { |heading| tag(:th, heading, scope: "col") }.join
          rows = @ladders.map { |ladder| row(ladder) }.join("\n")
          tag(:nav, tag(:table, tag(:thead, tag(:tr, headings)) + tag(:tbody, rows)), class: "calls scroll",
                                                                                      aria_label: "Calls")
        end

        private

        def row(ladder)
          call = ladder.call
          to = tag(:a, shown(call.to || call.ruri || "unknown"), href: "#call#{ladder.number}")
          cells = [ladder.time(call.began_at), shown(call.sip_method), shown(call.from || "unknown"), to, ladder.status,
                   escaped(@clock.words(call.waiting_time))]
          tag(:tr, cells.map { |cell| tag(:td, cell) }.join, data_call: "call#{ladder.number}",
                                                             class: ("failed" if call.failed?))
        end
      end
    end
  end
end
