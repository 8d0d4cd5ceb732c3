# frozen_string_literal: true

module OverSIP
  class CallRecord
    # Text from messages, names and exceptions as a terminal or an SVG can show it. Its bytes may be anything: what would
    # move the cursor, turn the direction of writing, or take no or an unknown number of columns is shown by its number.
    #
    # @api private
    module Visible
      # Letters and signs of one column. (Alternatives, as `ruby -w` warns of a class whose parts overlap.)
      NARROW = /(?!\p{M}|[\u{1D00}-\u{1DFF}\u{FF00}-\u{FFEF}])(?:[ -~¡-¬®-ÿ–—‘’“”•…€]|\p{Latin}|\p{Greek}|\p{Cyrillic})/
      # Letters of two columns.
      WIDE = /(?![\u{FF00}-\u{FFEF}])(?=\p{L})(?:\p{Han}|\p{Hiragana}|\p{Katakana}|[\u{AC00}-\u{D7A3}])/
      # Everything else.
      HIDDEN = /(?!#{NARROW}|#{WIDE})./m
      private_constant :NARROW, :WIDE, :HIDDEN

      class << self
        # @param text [Object] by its `to_s`, in any encoding
        # @param limit [Integer] characters
        # @return [String] UTF-8, one line
        def of(text, limit: 400)
          text = utf8(text.to_s)
          text = "#{text[0, limit]}.." if text.size > limit
          return text if text.match?(/\A[ -~]*\z/)

          text.gsub(HIDDEN) { |char| escaped(char) }
        end

        # @param text [String] that {of} has returned
        # @return [Integer] columns that it takes
        def width(text)
          text.ascii_only? ? text.size : text.size + text.scan(WIDE).size
        end

        # @param text [String] that {of} has returned
        # @param room [Integer] columns
        # @return [String] the text, or its beginning and ".."
        def cut(text, room)
          return text if width(text) <= room

          room = [room - 2, 1].max
          text = text[0, room]
          text = text.chop while width(text) > room
          "#{text}.."
        end

        # @param text [String] that {of} has returned
        # @param room [Integer] columns
        # @return [String] the text, or its beginning, ".." and its end: texts that begin alike are told apart by that
        def cut_within(text, room)
          return text if width(text) <= room

          rest = text.chars.last((room - 2) / 2).join
          rest = rest[1..] while width(rest) > (room - 2) / 2
          cut(text, room - width(rest)) + rest
        end

        # @param text [String] that {of} has returned
        # @param room [Integer] columns
        # @return [Array<String>] lines, broken at blanks where there are some
        def wrap(text, room)
          lines = [+""]
          text.split.each do |word|
            lines << +"" unless lines.last.empty? || width(lines.last) + 1 + width(word) <= room
            lines.last << " " unless lines.last.empty?
            lines.last << word
          end
          lines.flat_map { |line| broken(line, room) }
        end

        # @param parts [Array<String>] that {of} has returned, and that stay whole where a line has room for them
        # @param room [Integer] columns
        # @return [Array<String>] lines, with commas between the parts
        def list(parts, room)
          lines = [+""]
          parts.each_with_index do |part, index|
            part += "," unless index == parts.size - 1
            lines << +"" unless lines.last.empty? || width(lines.last) + 1 + width(part) <= room
            lines.last << " " unless lines.last.empty?
            lines.last << part
          end
          lines.flat_map { |line| width(line) > room ? wrap(line, room) : [line] }
        end

        # @param text [String] any bytes in any encoding
        # @return [String] valid UTF-8
        def utf8(text)
          same_bytes = [Encoding::UTF_8, Encoding::BINARY, Encoding::US_ASCII].include?(text.encoding)
          return text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace, replace: "?") unless same_bytes

          text.dup.force_encoding(Encoding::UTF_8).scrub { |bytes| bytes.bytes.map { |byte| format("\\x%02X", byte) }.join }
        rescue EncodingError # no table leads from that encoding to UTF-8
          text.b.gsub(/[^ -~]/n, "?").force_encoding(Encoding::UTF_8)
        end

        private

        # A word that is wider than the room.
        def broken(line, room)
          return [line] if width(line) <= room

          line.each_char.with_object([+""]) do |char, parts|
            parts << +"" if width(parts.last) + width(char) > room
            parts.last << char
          end
        end

        def escaped(char)
          char.ord < 0x100 ? format("\\x%02X", char.ord) : format("\\u{%X}", char.ord)
        end
      end
    end
  end
end
