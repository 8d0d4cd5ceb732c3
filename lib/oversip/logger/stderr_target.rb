# frozen_string_literal: true

require "oversip/log/target"

module OverSIP
  module Logger
    # Prints `TIME LEVEL: <LOG_ID> BODY` to stderr, one write per record so that records of several threads do not mix. On a
    # terminal the level has a colour. There is no time for the journal of systemd, which has its own.
    #
    # @api private
    class StderrTarget < Log::Target
      COLORS = { warn: "33", error: "31", crit: "1;31", alert: "1;31", emerg: "1;31" }.freeze

      # Local time with milliseconds (ISO 8601).
      TIME = "%Y-%m-%dT%H:%M:%S.%L%:z "

      # @param io [IO, nil] in place of stderr
      # @param color [Boolean] whether a terminal gets colours; the variable NO_COLOR forbids them too
      # @param timestamps [Boolean] whether records begin with their time
      def initialize(io = nil, color: true, timestamps: io.nil?)
        super()
        @io = io
        @color = color && ENV.fetch("NO_COLOR", "").empty?
        @timestamps = timestamps
      end

      # Writes one record.
      def deliver(record)
        Logger.json? ? stream.write("#{Log::JsonLine.of(record)}\n") : print(stream, record)
      end

      # @return [Boolean] true for a StringIO and its like, which a test may have put in place of stderr
      def immediate?
        !stream.is_a?(IO)
      end

      protected

      def print(io, record)
        io.write("#{time(io, record)}#{level(io, record.severity)} #{record.text}\n")
      end

      private

      # $stderr is read each time: a script or a test may have replaced it.
      def stream
        @io || $stderr
      end

      def time(io, record)
        record.time.strftime(TIME) if @timestamps && !journal?(io)
      end

      # systemd names the journal's socket by device and inode (systemd.exec(5)). Processes whose stderr goes elsewhere
      # inherit the variable.
      def journal?(io)
        named = ENV.fetch("JOURNAL_STREAM", nil) or return false
        stat = io.stat
        named == "#{stat.dev}:#{stat.ino}"
      rescue SystemCallError, IOError, NoMethodError
        false
      end

      def level(io, severity)
        word = "#{severity.to_s.upcase}:"
        code = COLORS[severity] if @color && io.tty?
        code ? "\e[#{code}m#{word}\e[0m" : word
      end
    end
  end
end
