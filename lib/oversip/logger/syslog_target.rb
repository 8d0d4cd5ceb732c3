# frozen_string_literal: true

require "oversip/log/syslog_socket"
require "oversip/log/target"
require "oversip/log/writer"
require "oversip/nearest"

module OverSIP
  module Logger
    # Writes records to the system log, in the form that the C library gives them (RFC 3164 without the host's name).
    #
    # @api private
    class SyslogTarget < Log::Target
      SEVERITIES = { debug: 7, info: 6, notice: 5, warn: 4, error: 3, crit: 2, alert: 1, emerg: 0 }.freeze

      # Those of syslog(3), by number.
      FACILITIES = {
        "kern" => 0, "user" => 1, "mail" => 2, "daemon" => 3, "auth" => 4, "security" => 4, "syslog" => 5, "lpr" => 6,
        "news" => 7, "uucp" => 8, "cron" => 9, "authpriv" => 10, "ftp" => 11,
        **(0..7).to_h { |number| ["local#{number}", 16 + number] }
      }.freeze

      # Local time, as the C library writes it whatever the locale.
      TIME = "%b %e %H:%M:%S"

      # The severity words are right-aligned, so that the ids line up.
      WIDTH = 7

      # @param ident [String] the name in front of each record
      # @param facility [String, Symbol] one of {FACILITIES}, in any case
      # @param path [String] the system's socket
      # @raise [SystemCallError] nobody listens there
      # @raise [ArgumentError] there is no such facility
      def initialize(ident, facility, path)
        super()
        @ident = Formatting.text(ident)
        @facility = FACILITIES.fetch(facility.to_s.downcase) do
          raise ArgumentError, "unknown syslog facility #{facility.inspect}: one of #{FACILITIES.keys.join(", ")}" \
                               "#{Nearest.hint(facility, FACILITIES.keys)}"
        end
        @socket = Log::SyslogSocket.new(path)
      end

      # Sends one record.
      #
      # @raise [Log::Writer::NotNow] syslogd is away, for a restart as a rule
      def deliver(record)
        @socket.send(line(record))
      rescue Errno::EMSGSIZE
        raise
      rescue SystemCallError => e
        raise Log::Writer::NotNow, e.message
      end

      private

      def line(record)
        priority = (@facility * 8) + SEVERITIES.fetch(record.severity)
        "<#{priority}>#{record.time.strftime(TIME)} #{@ident}[#{Process.pid}]: #{body(record)}"
      end

      def body(record)
        return Log::JsonLine.of(record) if Logger.json?

        "#{"#{record.severity.to_s.upcase}:".rjust(WIDTH)} #{record.text}"
      end
    end
  end
end
