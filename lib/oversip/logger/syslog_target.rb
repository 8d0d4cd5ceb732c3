# frozen_string_literal: true

require "syslog"

module OverSIP
  module Logger
    # Writes records to the system log. Loaded only when it is wanted: from Ruby 3.4 on syslog is a gem of its own.
    #
    # @api private
    class SyslogTarget
      PRIORITIES = {
        debug: ::Syslog::LOG_DEBUG, info: ::Syslog::LOG_INFO, notice: ::Syslog::LOG_NOTICE,
        warn: ::Syslog::LOG_WARNING, error: ::Syslog::LOG_ERR, crit: ::Syslog::LOG_CRIT,
        alert: ::Syslog::LOG_ALERT, emerg: ::Syslog::LOG_EMERG
      }.freeze

      # The severity words are right-aligned, so that the ids of a listing stand below each other.
      WIDTH = 7

      def initialize(ident, facility)
        ::Syslog.close if ::Syslog.opened?
        ::Syslog.open(ident, ::Syslog::LOG_PID | ::Syslog::LOG_NDELAY, ::Syslog.const_get("LOG_#{facility.upcase}"))
      end

      def write(severity, log_id, body, system:)
        word = "#{severity.to_s.upcase}:".rjust(WIDTH)
        ::Syslog.log(PRIORITIES.fetch(severity), "%s", "#{word} <#{log_id}> #{"[user] " unless system}#{body}")
      end
    end
  end
end
