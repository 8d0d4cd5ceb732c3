# frozen_string_literal: true

require "oversip/logger/formatting"
require "oversip/logger/stderr_target"

module OverSIP
  # Log methods for scripts and for the library itself. Include it in a class or extend a module with it:
  # `log_debug log_info log_notice log_warn log_error log_crit log_alert log_emerg` are for scripts,
  # `log_system_debug` … `log_system_emerg` for the library. Each takes one object: a String as it is, an Exception as
  # message, class and four lines of backtrace, anything else by `inspect`.
  #
  # A record below the threshold costs one comparison and returns false. Logging never raises.
  #
  # The threshold is "info" until a configuration says otherwise (`core: syslog_level`), and everything goes to stderr
  # unless {use_syslog} was called.
  module Logger
    # Severities by the name that the configuration and the methods use.
    SEVERITIES = { debug: 0, info: 1, notice: 2, warn: 3, error: 4, crit: 5, alert: 6, emerg: 7 }.freeze

    # Severities that may be chosen as threshold.
    THRESHOLDS = %w[debug info notice warn error crit].freeze

    @threshold = SEVERITIES[:info]
    @target = StderrTarget.new

    class << self
      # @return [Integer] records below this severity are dropped
      attr_reader :threshold

      # @return [#write] where records go
      attr_accessor :target

      # @param name [String, Symbol] debug, info, notice, warn, error or crit
      def level=(name)
        raise ConfigurationError, "unknown log level #{name.inspect}" unless THRESHOLDS.include?(name.to_s)

        @threshold = SEVERITIES.fetch(name.to_sym)
        Engine.log_threshold = @threshold if defined?(OverSIP::Engine)
        $oversip_debug = @threshold.zero? # rubocop:disable Style/GlobalVars -- scripts of the original read it
      end

      # @return [Symbol] the name of the threshold
      def level
        SEVERITIES.key(@threshold)
      end

      # Sends everything from now on to syslog. Ruby 3.4 and later need the bundled gem `syslog`; without it records go to
      # stderr, the first of them saying why.
      #
      # @param ident [String] the name in front of each record
      # @param facility [String] kern, user, daemon or local0 to local7
      # @return [Boolean] whether syslog is in use
      def use_syslog(ident: OverSIP.master_name || OverSIP::PROGRAM_NAME.downcase, facility: "daemon")
        require "oversip/logger/syslog_target"
        @target = SyslogTarget.new(ident, facility)
        true
      rescue LoadError => e
        @target = StderrTarget.new
        write(:error, "Logger", "syslog is not available (#{e.message}): logging to stderr", system: true)
        false
      end

      # Writes a record of the engine, which speaks for its part (transport, transaction, dns).
      #
      # @api private
      def engine_record(severity, part, text)
        write(severity, part, text, system: true) if SEVERITIES.fetch(severity) >= @threshold
      end

      # Writes one record; the log methods call it for records that pass the threshold.
      #
      # @api private
      def write(severity, log_id, object, system:)
        @target.write(severity, Formatting.text(log_id), Formatting.body(object), system: system)
        true
      rescue StandardError
        # A full disk or a closed stderr must not end the call that wanted to say something.
        nil
      end
    end

    SEVERITIES.each do |name, severity|
      [["log_#{name}", false], ["log_system_#{name}", true]].each do |method, system|
        define_method(method) do |object|
          next false if severity < Logger.threshold

          Logger.write(name, log_id, object, system: system)
        end
      end
    end

    # @return [String] who speaks: `@log_id` if it is set, the last part of a module's name, else the class name.
    #   Redefine it to say more.
    def log_id
      return @log_id if defined?(@log_id) && @log_id

      id = is_a?(Module) ? name.to_s.split("::").last.to_s : self.class.name.to_s
      frozen? ? id : @log_id = id
    end
  end
end
