# frozen_string_literal: true

require "oversip/log/writer"
require "oversip/logger/formatting"
require "oversip/logger/stderr_target"
require "oversip/nearest"

module OverSIP
  # Log methods for scripts and for the library itself. Include it in a class or extend a module with it:
  # `log_debug log_info log_notice log_warn log_error log_crit log_alert log_emerg` are for scripts,
  # `log_system_debug` … `log_system_emerg` for the library. Each takes one object: a String as it is, an Exception as
  # message, class and four lines of backtrace, anything else by `inspect`.
  #
  # A record below the threshold costs one comparison and returns false; the others return nil. Logging never raises and
  # never waits: records are queued, and a thread of the library writes them in their order. When they come faster than they
  # are written for long, the newest are lost; a record says how many, and `OverSIP.stats[:dropped][:log_records]`
  # counts them. Of like records (same severity, speaker and text, numbers aside; of the library: from the same place of
  # it) 100 are written in a second (`core: max_like_records`), of one line of a script 20 times as many, then one that says
  # how many more there were.
  #
  # With {format=} `json` (`core: log_format`) each record is an object of JSON that names the request of its event.
  #
  # The threshold is "info" until a configuration says otherwise (`core: syslog_level`), and everything goes to stderr
  # unless {target=} or {use_syslog} was called.
  module Logger
    # Severities by the name that the configuration and the methods use.
    SEVERITIES = { debug: 0, info: 1, notice: 2, warn: 3, error: 4, crit: 5, alert: 6, emerg: 7 }.freeze

    # Severities that may be chosen as threshold.
    THRESHOLDS = %w[debug info notice warn error crit].freeze

    # How records are written.
    FORMATS = %w[text json].freeze

    # Seconds that the end of the process, or a change of the target, waits for records that are queued.
    FLUSH_LIMIT = 1

    # Records that come from below it are the library's.
    LIBRARY = "#{__dir__}/".freeze
    private_constant :LIBRARY

    # Where the system's log listens.
    SYSLOG_SOCKET = "/dev/log"

    @threshold = SEVERITIES[:info]
    @json = false
    @target = StderrTarget.new
    @writer = Log::Writer.new(@target)
    @syslog_socket = SYSLOG_SOCKET

    class << self
      # @return [Integer] records below this severity are dropped
      attr_reader :threshold

      # @return [Object] where records go: what {target=} was given, or a target of the library
      attr_reader :target

      # @return [String] where the system's log listens: "/dev/log", unless a container has it elsewhere
      attr_accessor :syslog_socket

      # Sends records from now on to a logger: Ruby's own, that of Rails, anything that answers like them (`debug`, `info`,
      # `warn`, `error`; `add` and `fatal` are used if they are there). `notice` becomes `info`; `crit`, `alert` and `emerg`
      # become `fatal`. The logger's own level holds beside {level}. It is called on a thread of the library, a moment later:
      # {flush} waits for it.
      #
      # An object with `write(severity, log_id, body, system:)` gets the parts of each record: severity as a Symbol of
      # {SEVERITIES}, who speaks, the text, and whether the library speaks and not a script.
      #
      # @param object [#info, #write]
      # @raise [ArgumentError] it is neither
      def target=(object)
        @writer.change_target(Log::Target.for(object), FLUSH_LIMIT)
        @target = object
      end

      # @param name [String, Symbol] debug, info, notice, warn, error or crit
      def level=(name)
        unless THRESHOLDS.include?(name.to_s)
          raise ConfigurationError, "unknown log level #{name.inspect}: one of #{THRESHOLDS.join(", ")}" \
                                    "#{Nearest.hint(name, THRESHOLDS)}"
        end

        @threshold = SEVERITIES.fetch(name.to_sym)
        Engine.log_threshold = @threshold if defined?(OverSIP::Engine)
        $oversip_debug = @threshold.zero? # rubocop:disable Style/GlobalVars -- scripts of the original read it
      end

      # @return [Symbol] the name of the threshold
      def level
        SEVERITIES.key(@threshold)
      end

      # @param name [String, Symbol] text or json
      def format=(name)
        unless FORMATS.include?(name.to_s)
          raise ConfigurationError, "unknown log format #{name.inspect}: one of #{FORMATS.join(", ")}" \
                                    "#{Nearest.hint(name, FORMATS)}"
        end

        require "oversip/log/json_line" if name.to_s == "json"
        @json = name.to_s == "json"
      end

      # @return [:text, :json] how records are written
      def format
        @json ? :json : :text
      end

      # @return [Boolean] whether records are written as objects of JSON
      # @api private
      def json?
        @json
      end

      # @param number [Integer] like records that are written within a second; 0: all
      # @api private
      def max_like_records=(number)
        @writer.max_like = number
      end

      # Sends everything from now on to the system's log ({syslog_socket}). When nobody listens there records go to stderr,
      # the first of them saying so.
      #
      # @param ident [String] the name in front of each record
      # @param facility [String, Symbol] one of syslog(3), in any case: daemon, user, mail, local0 to local7 and others
      # @return [Boolean] whether syslog is in use
      # @raise [ArgumentError] there is no such facility
      def use_syslog(ident: OverSIP.master_name || OverSIP::PROGRAM_NAME.downcase, facility: "daemon")
        self.target = syslog(ident, facility)
        true
      rescue SystemCallError => e
        self.target = StderrTarget.new
        write(:error, "Logger", "syslog is not available (#{e.message}): logging to stderr", system: true)
        false
      end

      # Waits until what was logged by now is written.
      #
      # @param limit [Numeric] seconds after which it no longer waits
      # @return [Boolean] whether it is written
      def flush(limit = FLUSH_LIMIT)
        @writer.flush(limit)
      end

      # Opens the log's file again, after somebody has moved it away. Nothing happens where there is none.
      #
      # @api private
      # @raise [SystemCallError] it cannot be opened; the old one is used further
      def reopen
        @writer.target.reopen
      end

      # @api private
      # @return [Log::Target]
      # @raise [SystemCallError] nobody listens there
      def syslog(ident, facility)
        require "oversip/logger/syslog_target"
        SyslogTarget.new(ident, facility, syslog_socket)
      end

      # @api private
      # @return [Hash{Symbol => Hash{Symbol => Integer}}] records that wait, their bytes, and those that were lost so far
      def stats
        { queued: { log_records: @writer.size }, queued_bytes: { log_records: @writer.bytes },
          dropped: { log_records: @writer.lost } }
      end

      # Writes a record of the library that passes the threshold and whose place in the source does not say what is like it:
      # one of the engine, which speaks for its part (transport, transaction, dns), or of a script's block that has failed.
      #
      # @param kind [Object] see {write}
      # @param context [Hash, nil] see {write}
      # @api private
      def record(severity, log_id, object, kind, context: nil)
        return unless SEVERITIES.fetch(severity) >= @threshold

        write(severity, log_id, object, system: true, kind: kind, context: context)
      end

      # Writes one record; the log methods call it for records that pass the threshold.
      #
      # @param kind [Object, nil] what tells the record from others of the library, in place of its text; nothing of a peer
      # @param site [String, nil] the line that said it
      # @param context [Hash, nil] the {Engine.event_context} of the event that it is about; nil: of the caller's
      # @api private
      def write(severity, log_id, object, system:, kind: nil, site: nil, context: nil)
        kind ||= site if site&.start_with?(LIBRARY)
        site = nil if kind
        context ||= Engine.event_context || Waiting.event_context if @json
        @writer.push(Log::Record.new(severity, Formatting.text(log_id), Formatting.body(object),
                                     system: system, kind: kind, site: site, context: context))
        nil
      rescue StandardError
        # Whatever it is, it must not end the call that wanted to say something.
        nil
      end
    end

    # What was said last is written, but nobody waits for long: of blocks set later this one runs after.
    at_exit { flush }

    SEVERITIES.each do |name, severity|
      [["log_#{name}", false], ["log_system_#{name}", true]].each do |method, system|
        define_method(method) do |object|
          next false if severity < Logger.threshold

          place = caller_locations(1, 1)&.first
          Logger.write(name, log_id, object, system: system, site: place && "#{place.path}:#{place.lineno}")
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
