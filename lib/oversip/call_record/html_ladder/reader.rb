# frozen_string_literal: true

require_relative "markup"

module OverSIP
  class CallRecord
    class HtmlLadder
      # Where messages are read. The page shows the one that was chosen; on paper all of them follow each other.
      #
      # @api private
      class Reader
        include Markup

        # Characters of a message that are shown, and of one of its lines.
        MOST = 100_000
        LINE = 10_000
        private_constant :MOST, :LINE

        def initialize(clock)
          @clock = clock
          @articles = []
        end

        # @return [Integer] that the next message will have
        def next_number
          @articles.size + 1
        end

        # @param row [Rows::Row] of a message
        # @param parties [Array<Rows::Party>]
        # @return [String] id of the message on the page
        def add(row, parties)
          id = "m#{next_number}"
          parts = [tag(:h3, "#{tag(:span, next_number, class: "no")} #{escaped(row.label.to_s)}"),
                   tag(:p, way(row, parties), class: "facts"), redaction(row.event),
                   tag(:pre, text(row.event), tabindex: "0")]
          @articles << tag(:article, parts.compact.join("\n"), id: id, class: row.tone)
          id
        end

        # @return [String] HTML: the messages so far
        def articles
          @articles.join("\n")
        end

        # @return [String] HTML
        def to_s
          hint = tag(:p, "Click a message to read it.", class: "hint")
          close = tag(:button, "Close", type: "button", id: "close")
          tag(:aside, [close, hint, *@articles].join("\n"), id: "reader", aria_label: "Message")
        end

        private

        def way(row, parties)
          message = row.event
          from, to = [row.from, row.to].map { |index| tag(:b, shown(parties.fetch(index).name)) }
          addresses = [message.from, message.to].map { |address| shown(address) }.join(" → ")
          ["#{from} → #{to}", escaped("#{@clock.time(message.at)} #{@clock.unit}"),
           escaped(Visible.of(message.transport).upcase), addresses].join(" · ")
        end

        def redaction(message)
          return if message.redacted.empty?

          tag(:p, "Redacted: #{shown(message.redacted.join(", "))}", class: "redacted")
        end

        # The names of header fields stand out.
        def text(message)
          bytes = message.bytes
          head, separator, body = bytes[0, MOST].partition(/\r?\n\r?\n/n)
          start, *fields = head.split(/\r?\n/n)
          lines = [tag(:b, line(start.to_s)), *fields.map { |field| field(field) }]
          lines += ["", *body.split(/\r?\n/n).map { |part| line(part) }] unless separator.empty?
          lines << "… #{bytes.bytesize - MOST} more bytes" if bytes.bytesize > MOST
          lines.join("\n").rstrip
        end

        def field(field)
          name, colon, value = field.partition(":")
          colon.empty? ? line(field) : "#{tag(:span, line(name), class: "name")}:#{line(value)}"
        end

        def line(bytes)
          shown(bytes, limit: LINE)
        end
      end
    end
  end
end
