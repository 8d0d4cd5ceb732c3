# frozen_string_literal: true

module OverSIP
  module Logger
    # Prints `LEVEL: <LOG_ID> BODY` to stderr, one write per record so that records of several threads do not mix.
    #
    # @api private
    class StderrTarget
      def initialize(io = nil)
        @io = io
      end

      def write(severity, log_id, body, system:)
        # $stderr is looked up each time: a script or a test may have replaced it.
        (@io || $stderr).write("#{severity.to_s.upcase}: <#{log_id}> #{"[user] " unless system}#{body}\n")
      end
    end
  end
end
