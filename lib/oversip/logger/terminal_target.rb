# frozen_string_literal: true

require "oversip/logger/stderr_target"

module OverSIP
  module Logger
    # Where the records of a daemon go while it has a terminal: everything to another target, and what the library itself
    # says to the terminal too (debug, info and notice to stdout, what is worse to stderr).
    #
    # @api private
    class TerminalTarget < StderrTarget
      ORDINARY = %i[debug info notice].freeze

      # @return [#write, nil] where everything goes, the terminal or not
      attr_reader :log

      # @param log [#write, nil]
      def initialize(log, color: true)
        super(nil, color: color)
        @log = log
      end

      # Writes one record.
      def write(severity, log_id, body, system:)
        @log&.write(severity, log_id, body, system: system)
        print(ORDINARY.include?(severity) ? $stdout : $stderr, severity, log_id, body, true) if system
      end
    end
  end
end
