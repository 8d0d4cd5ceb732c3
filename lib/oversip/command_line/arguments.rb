# frozen_string_literal: true

require "oversip/call_record/visible"
require "oversip/command_line/mistake"

module OverSIP
  class CommandLine
    # What every command takes from its command line: texts in UTF-8, whatever the locale is, and paths.
    #
    # @api private
    module Arguments
      class << self
        # A service has no locale, or that of C.
        #
        # @param arguments [Array<String>]
        # @return [Array<String>] UTF-8
        # @raise [Mistake] one of them is something else
        def texts(arguments)
          arguments.map do |argument|
            text = argument.dup.force_encoding(Encoding::UTF_8)
            next text if text.valid_encoding?

            raise Mistake, "the argument '#{CallRecord::Visible.of(text)}' is not UTF-8: please write it in UTF-8, and a " \
                           "byte of a Call-ID as oversip trace --list shows it"
          end
        end

        # @param text [String] relative to the current folder, or to that of a user: "~oversip/server.sock"
        # @return [String] the absolute path
        # @raise [Mistake] there is no such user
        def path(text)
          File.expand_path(text)
        rescue ArgumentError => e
          raise Mistake, "'#{text}' is no path: #{e.message}; a path that begins with ~ is written as ./~"
        end
      end
    end
  end
end
