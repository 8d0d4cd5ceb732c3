# frozen_string_literal: true

require "oversip/config_printer"
require "oversip/daemon"
require "oversip/life_cycle"
require "oversip/logger/terminal_target"
require "oversip/master"
require "oversip/pid_file"
require "oversip/privileges"

module OverSIP
  # The invoked process of the `oversip` command: it reads the configuration and becomes the {Master}, or starts it as a
  # {Daemon}.
  class Launcher
    include Logger

    # Raised by {Launcher.fatal}: ends the process with status 1 and without on_terminated events.
    class Fatal < SystemExit
      def initialize(message)
        super(1, message)
      end
    end

    # Files that may be open at once, as far as the system lets us.
    OPEN_FILES = 65_536

    # Signals that mean nothing before there is a master; INT is of use in the foreground.
    NOT_YET = %w[HUP USR1 USR2].freeze

    @log_id = "launcher"

    class << self
      include Logger

      # Logs a message or an exception and ends the server with status 1 at once. May be called from any callback.
      #
      # @param message [String, Exception]
      def fatal(message)
        log_system_crit message
        log_system_crit "exiting with error status"
        raise Fatal, message.to_s
      end

      # Says why the server cannot go on.
      #
      # @api private
      # @param exception [Exception]
      def report(exception)
        case exception
        when Folder::LoadError
          log_system_crit exception.summary
          log_system_crit exception.shown
        when OverSIP::Error then log_system_crit exception.message
        else log_system_crit exception
        end
        hint = ScriptHints.for(exception.cause || exception)
        log_system_crit hint if hint
      end
    end

    # @param options [CommandLine::Options]
    def initialize(options)
      @options = options
      @log_id = "launcher"
    end

    # @return [Integer] the exit status: of the server in the foreground, of its start as a daemon
    def run
      prepare
      @options.pid_file ? start_daemon : master(interrupt_ends: true).run
    rescue SystemExit => e
      log_system_notice "ended by exit with status #{e.status}"
      e.status
    rescue SignalException => e
      log_system_notice "ended by #{e.message}"
      0
    rescue Exception => e # rubocop:disable Lint/RescueException -- whatever it is, it is said and ends with status 1
      Launcher.report(e)
      1
    end

    private

    def prepare
      read_files_as_utf8
      ignored = @options.pid_file ? [*NOT_YET, "INT"] : NOT_YET
      ignored.each { |signal| Signal.trap(signal, "IGNORE") }
      Logger.level = :debug
      Process.setproctitle(@options.process_name)
      open_log
      log_system_notice "#{PROGRAM_NAME} #{VERSION} starting"
      Predecessor.hint&.then { |hint| log_system_warn hint }

      @privileges = Privileges.new(@options.user, @options.group)
      OverSIP.master_name = @options.process_name
      load_configuration
      raise_file_limit
    end

    # Ruby's warnings speak of a program that changes its mind; this one says it first of all.
    def read_files_as_utf8
      verbose = $VERBOSE
      $VERBOSE = nil
      Encoding.default_external = Encoding::UTF_8
    ensure
      $VERBOSE = verbose
    end

    def load_configuration
      @folder = Folder.new(@options.config_dir, file: @options.config_file, complete: true)
      LifeCycle.load(@folder)
      puts ConfigPrinter.new(color: @options.color && $stdout.tty?).text(OverSIP.configuration)
      $stdout.flush
      open_log(OverSIP.configuration.dig(:core, :syslog_facility))
    end

    # A daemon logs to syslog, and its system records to the terminal as long as it has one; in the foreground everything
    # goes to stderr, unless a library of --require has set another target.
    def open_log(facility = "daemon")
      unless @options.pid_file
        Logger.target = Logger::StderrTarget.new(color: @options.color) if Logger.target.instance_of?(Logger::StderrTarget)
        return
      end

      syslog = Logger.target if Logger.use_syslog(ident: @options.process_name, facility: facility)
      Logger.target = Logger::TerminalTarget.new(syslog, color: @options.color)
    end

    def start_daemon
      Daemon.new.launch do |channel|
        channel.tell_pid
        pid_file = PidFile.new(@options.pid_file)
        master(pid_file: pid_file, on_ready: -> { leave_terminal(channel) }).run
      end
      0
    end

    def master(**options)
      Master.new(folder: @folder, privileges: @privileges, **options)
    end

    # What was said is out before the invoked process ends.
    def leave_terminal(channel)
      [$stdout, $stderr].each(&:flush)
      channel.tell_ready
      [$stdout, $stderr].each { |stream| stream.reopen(File::NULL, "w") }
      OverSIP.daemonized = true
      Logger.target = Logger.target.log || Logger::StderrTarget.new
    end

    def raise_file_limit
      soft, hard = Process.getrlimit(:NOFILE)
      wanted = [OPEN_FILES, hard].min
      Process.setrlimit(:NOFILE, wanted, hard) if soft < wanted
    rescue SystemCallError => e
      log_system_error "cannot raise the limit of open files: #{e.message}"
    end
  end
end
