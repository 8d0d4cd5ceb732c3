# frozen_string_literal: true

require "io/console"

module OverSIP
  class CallRecord
    # What a stream shows: its columns, and whether it shows colours.
    #
    # @api private
    module Terminal
      # No terminal is narrower, and one without a size has this one.
      NARROWEST = 40
      USUAL = 80

      class << self
        # @param stream [IO, Integer] an Integer is a number of columns
        # @return [Integer] columns
        def columns(stream)
          [stream.is_a?(Integer) ? stream : width(stream), NARROWEST].max
        end

        # Whether it is a terminal and the environment does not set `NO_COLOR` (https://no-color.org).
        #
        # @return [Boolean]
        def color?(stream)
          terminal?(stream) && ENV.fetch("NO_COLOR", "").empty? && ENV["TERM"] != "dumb"
        end

        # @return [Boolean]
        def terminal?(stream)
          stream.respond_to?(:tty?) && stream.tty?
        end

        private

        def width(stream)
          columns = terminal?(stream) ? stream.winsize.last : 0
          columns.positive? ? columns : USUAL
        end
      end
    end
  end
end
