# frozen_string_literal: true

require "oversip/logger/stderr_target"

module OverSIP
  module Logger
    # The target during the start of a server with a log of its own. All records go to the log; those of the library also go
    # to the terminal (debug, info and notice to stdout, others to stderr), without the time.
    #
    # @api private
    class TerminalTarget < StderrTarget
      ORDINARY = %i[debug info notice].freeze

      # @return [Object, nil] where everything goes, the terminal or not
      attr_reader :log

      # @param log [Log::Target, #info, #write, nil]
      def initialize(log, color: true)
        super(nil, color: color, timestamps: false)
        @log = log
        @target = log && Log::Target.for(log)
      end

      # Writes one record.
      def deliver(record)
        # The log may want the record again later; the terminal has it then.
        show(record) unless @shown.equal?(record)
        @shown = record
        @target&.deliver(record)
      end

      # Opens the log's file again.
      def reopen
        @target&.reopen
      end

      # @return [Boolean] whether nobody has to wait for it
      def immediate?
        @target.nil? && super
      end

      private

      def show(record)
        return unless record.system

        io = ORDINARY.include?(record.severity) ? $stdout : $stderr
        print(io, record)
        io.flush
      rescue SystemCallError, IOError
        # The terminal has no reader; the log has the record nevertheless.
      end
    end
  end
end
