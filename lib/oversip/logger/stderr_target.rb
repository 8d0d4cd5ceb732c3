# frozen_string_literal: true

module OverSIP
  module Logger
    # Prints `LEVEL: <LOG_ID> BODY` to stderr, one write per record so that records of several threads do not mix. On a
    # terminal the level has a colour.
    #
    # @api private
    class StderrTarget
      COLORS = { warn: "33", error: "31", crit: "1;31", alert: "1;31", emerg: "1;31" }.freeze

      # @param io [IO, nil] in place of stderr
      # @param color [Boolean] whether a terminal gets colours; the variable NO_COLOR forbids them too
      def initialize(io = nil, color: true)
        @io = io
        @color = color && ENV.fetch("NO_COLOR", "").empty?
      end

      # Writes one record.
      def write(severity, log_id, body, system:)
        # $stderr is looked up each time: a script or a test may have replaced it.
        print(@io || $stderr, severity, log_id, body, system)
      end

      protected

      def print(io, severity, log_id, body, system)
        io.write("#{level(io, severity)} <#{log_id}> #{"[user] " unless system}#{body}\n")
      end

      private

      def level(io, severity)
        word = "#{severity.to_s.upcase}:"
        code = COLORS[severity] if @color && io.tty?
        code ? "\e[#{code}m#{word}\e[0m" : word
      end
    end
  end
end
