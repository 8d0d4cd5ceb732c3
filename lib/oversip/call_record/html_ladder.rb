# frozen_string_literal: true

require "openssl"
require_relative "call"
require_relative "clock"
require_relative "html_ladder/call_list"
require_relative "html_ladder/ladder"
require_relative "html_ladder/markup"
require_relative "html_ladder/reader"
require_relative "rows"

module OverSIP
  class CallRecord
    # A record as one web page, for a mail, a ticket or a shared folder: a ladder for each call, above it how the call ended
    # and why. Whoever clicks a message, or goes to it by keys, reads all of it. Blocks of the script are bars on the line of
    # the element, as long as they took. Calls and rows can be filtered. The page follows the light or dark colours of its
    # reader, fits a telephone, and prints with all messages behind the ladders.
    #
    # The page asks nobody for anything: style and script stand in it, and its Content-Security-Policy allows these two and
    # nothing else. The bytes of messages are text in it. Without JavaScript messages can still be read, one by one.
    #
    # @example
    #   File.write("calls.html", OverSIP::CallRecord::HtmlLadder.new(record))
    class HtmlLadder
      include Markup

      # What browsers get stands beside `lib`: the engine has it for the page `/calls`.
      WEB = File.expand_path("../../../web", __dir__)
      STYLE = File.read(File.join(WEB, "ladder.css"), encoding: "UTF-8").freeze
      SCRIPT = File.read(File.join(WEB, "ladder.js"), encoding: "UTF-8").freeze
      HELP = [["↑ ↓", "or k j: next message"], ["Enter", "reads it"], ["Esc", "closes it"], ["/", "filters"]].freeze
      private_constant :WEB, :STYLE, :SCRIPT, :HELP

      # @param record [CallRecord] of one or more calls
      # @param title [String]
      # @param unit [Symbol] of the times: `:seconds` or `:milliseconds`
      # @raise [ArgumentError] there is no such unit
      def initialize(record, title: "SIP ladder", unit: :seconds)
        @record = record
        @title = title
        @clock = Clock.new(unit)
      end

      # @return [String] UTF-8, a whole document
      def to_s
        reader = Reader.new(@clock)
        ladders = parts.map.with_index(1) { |(call, record), number| Ladder.new(record, call, number, @clock, reader) }
        sections = ladders.map(&:to_s)
        style = "#{STYLE}#{Ladder.columns(ladders.map(&:width).max || 1)}"
        <<~HTML
          <!DOCTYPE html>
          <html lang="en">
          <head>
          #{head(style)}
          </head>
          <body>
          #{header(ladders)}
          <main>
          #{[CallList.new(ladders, @clock), *sections].join("\n")}
          </main>
          #{reader}
          #{footer}
          <script>#{SCRIPT}</script>
          </body>
          </html>
        HTML
      end

      private

      # Each call with the notes of its time, and last what belongs to no call.
      #
      # @return [Array<Array(Call, CallRecord)>] the call is nil for the rest
      def parts
        calls = @record.summaries
        rest = @record.events.select { |event| event.call_id.nil? && calls.none? { |call| within?(event, call) } }
        parts = calls.map do |call|
          [call, only(call.record.events.select { |event| event.call_id || within?(event, call) })]
        end
        rest.empty? ? parts : [*parts, [nil, only(rest)]]
      end

      def within?(event, call)
        event.is_a?(Note) && event.at.between?(call.began_at, call.ended_at)
      end

      def only(events)
        events.each_with_object(@record.beginning) { |event, record| record << event }
      end

      def head(style)
        policy = ["default-src 'none'", "style-src #{source(style)}", "script-src #{source(SCRIPT)}", "base-uri 'none'",
                  "form-action 'none'"].join("; ")
        [tag(:meta, charset: "utf-8"), tag(:meta, http_equiv: "Content-Security-Policy", content: policy),
         tag(:meta, name: "viewport", content: "width=device-width, initial-scale=1"),
         tag(:meta, name: "color-scheme", content: "light dark"), tag(:meta, name: "referrer", content: "no-referrer"),
         tag(:title, shown(@title)), tag(:style, style)].join("\n")
      end

      # How a policy names what stands in the page (https://www.w3.org/TR/CSP3/).
      def source(text)
        "'sha256-#{[OpenSSL::Digest::SHA256.digest(text)].pack("m0")}'"
      end

      def header(ladders)
        calls = ladders.count(&:call)
        tools = [filter, toggle("blocks", "blocks"), toggle("element", "timers, targets, notes"),
                 (toggle("failed", "only failed calls", checked: false) if calls > 1)].compact
        tag(:header, [tag(:h1, shown(@title)), tag(:div, tools.join, class: "tools"),
                      tag(:output, "", id: "shown")].join("\n"), class: "page")
      end

      def filter
        input = tag(:input, type: "search", id: "filter", placeholder: "text in a message", autocomplete: "off",
                            spellcheck: "false")
        tag(:label, "Filter #{input}")
      end

      def toggle(name, words, checked: true)
        tag(:label, "#{tag(:input, type: "checkbox", id: "show-#{name}", checked: (checked ? "" : nil))} #{words}")
      end

      def footer
        tag(:footer, HELP.map { |key, words| "#{tag(:kbd, key)} #{words}" }.join(" · "), class: "page")
      end
    end
  end
end
