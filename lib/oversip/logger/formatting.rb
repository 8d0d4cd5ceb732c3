# frozen_string_literal: true

module OverSIP
  module Logger
    # Turns the argument of a log method into text that is safe to print: valid UTF-8 without control bytes. So the bytes of
    # a peer can neither forge a record nor control a terminal.
    #
    # @api private
    module Formatting
      BACKTRACE_LINES = 4

      # Bytes of a body that are shown: what the daemons of syslog take as a rule.
      MAX_BYTES = 8_192

      NAMED_ESCAPES = { "\r" => "\\r", "\n" => "\\n", "\t" => "\\t", "\0" => "" }.freeze

      # Control characters, separators of lines and paragraphs, and what turns the direction of writing (Unicode TR 9).
      HIDDEN = /[[:cntrl:]\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/

      UNNAMED = [Encoding::BINARY, Encoding::US_ASCII].freeze

      # A second line of an exception's message is indented, so that it never looks like a record of its own.
      CONTINUATION = "\n    "

      class << self
        # @return [String] the body of a record
        def body(object)
          case object
          when String then text(object)
          when Exception then exception(object)
          else text(object.inspect)
          end
        rescue StandardError => e
          "(a #{object.class} that cannot be shown: #{e.class})"
        end

        # @return [String] one line: UTF-8, control characters escaped, NUL removed, cut if it is long
        def text(string)
          string = string.to_s
          cut(escape(utf8(beginning(string))), string.bytesize)
        end

        private

        # Without the rest of a character that is cut in two, unless the text is not valid anyway.
        def beginning(string)
          return string if string.bytesize <= MAX_BYTES

          heads = (0..3).lazy.map { |rest| string.byteslice(0, MAX_BYTES - rest) }
          heads.find(&:valid_encoding?) || string.byteslice(0, MAX_BYTES)
        end

        # Adds the length of the whole text at the cut.
        def cut(text, whole)
          return text if whole <= MAX_BYTES && text.bytesize <= MAX_BYTES

          "#{text.byteslice(0, MAX_BYTES).scrub("")}... (cut here, #{[whole, text.bytesize].max} bytes in all)"
        end

        def escape(string)
          string.gsub(HIDDEN) { |char| NAMED_ESCAPES.fetch(char) { numbered(char.ord) } }
        end

        def numbered(number)
          number < 0x100 ? format("\\x%02X", number) : format("\\u{%X}", number)
        end

        def exception(error)
          message = error.message
          lines = utf8(beginning(message)).each_line(chomp: true).map { |line| escape(line) }
          backtrace = Array(error.backtrace).first(BACKTRACE_LINES).map { |line| text(line) }
          ["#{cut(lines.join(CONTINUATION), message.bytesize)} (#{error.class})", *backtrace].join("\n")
        end

        # Text without an encoding, or with one that Ruby cannot convert, counts as UTF-8; invalid bytes are escaped.
        def utf8(string)
          string = converted(string) || string.dup.force_encoding(Encoding::UTF_8) if string.encoding != Encoding::UTF_8
          string.valid_encoding? ? string : string.scrub { |bytes| bytes.unpack("C*").map { |b| format("\\x%02X", b) }.join }
        end

        def converted(string)
          return if UNNAMED.include?(string.encoding)

          string.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)
        rescue EncodingError
          nil
        end
      end
    end
  end
end
