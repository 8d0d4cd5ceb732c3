# frozen_string_literal: true

require "oversip/config_printer"
require "oversip/daemon"
require "oversip/life_cycle"
require "oversip/log/file_target"
require "oversip/log/finish"
require "oversip/logger/terminal_target"
require "oversip/main_thread"
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
        when MainThread.method(:killed?) then log_system_crit MainThread::KILLED
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
      @options.pid_file ? start_daemon : master(interrupt_ends: true, on_ready: -> { leave_terminal_log }).run
    rescue SystemExit => e
      return failed(e) if MainThread.killed?(e)

      log_system_notice "ended by exit with status #{e.status}"
      e.status
    rescue SignalException => e
      log_system_notice "ended by #{Signal.signame(e.signo)}"
      e.is_a?(Interrupt) ? CommandLine::INTERRUPTED : 0
    rescue Exception => e # rubocop:disable Lint/RescueException -- whatever it is, it is said and ends with status 1
      failed(e)
    end

    private

    def failed(exception)
      Launcher.report(exception)
      1
    end

    def prepare
      ignored = @options.pid_file ? [*NOT_YET, "INT"] : NOT_YET
      ignored.each { |signal| Signal.trap(signal, "IGNORE") }
      # Ruby up to 3.3 tells this one from Kernel#exit by nothing.
      Thread.main.define_singleton_method(:exit) { kill }
      Logger.level = :debug
      Process.setproctitle(@options.process_name)
      open_log
      log_system_notice "#{PROGRAM_NAME} #{VERSION} starting"
      Predecessor.hint&.then { |hint| log_system_warn hint }

      @privileges = Privileges.new(@options.user, @options.group)
      give_log
      OverSIP.master_name = @options.process_name
      load_configuration
      raise_file_limit
    end

    def load_configuration
      PidFile.new(@options.pid_file).refuse_running if @options.pid_file
      @folder = Folder.new(@options.config_dir, file: @options.config_file, complete: true)
      LifeCycle.load(@folder)
      print_configuration
      open_log(OverSIP.configuration.dig(:core, :syslog_facility))
      insist_on_log
    end

    # Stdout may be closed or full, or may have no reader. This must not prevent the start, so it is written for a moment
    # only. It is unbuffered, so that the end of the process does not wait for it.
    def print_configuration
      printer = Thread.new do
        sync = $stdout.sync
        $stdout.sync = true
        $stdout.puts ConfigPrinter.new(color: @options.color && $stdout.tty?).text(OverSIP.configuration)
      rescue SystemCallError, IOError
        # The message has no reader.
      ensure
        $stdout.sync = sync unless sync.nil?
      end
      printer.join(Logger::FLUSH_LIMIT) || printer.kill.join
    end

    # A daemon logs to syslog, or where --log-file says, and its system records go to the terminal as long as it has one; in
    # the foreground everything goes to stderr. Another target, of a library of --require or of server.rb, takes the place of
    # syslog or stderr.
    def open_log(facility = "daemon")
      @given = Logger.target unless Logger.target.instance_of?(Logger::StderrTarget) || Logger.target.equal?(@log)
      @unlogged = nil
      Logger.target = @log = log(facility)
    end

    def log(facility)
      return @given if @given && !@options.pid_file
      return Logger::StderrTarget.new(color: @options.color) unless @options.log_file || @options.pid_file

      with_terminal(@given || (@options.log_file ? log_file : syslog(facility)))
    end

    def with_terminal(target)
      Logger::TerminalTarget.new(target, color: @options.color)
    end

    def log_file
      wary = Process.euid.zero? && (@options.user || @options.group)
      @log_file ||= Log::FileTarget.new(@options.log_file, wary: wary)
    rescue SystemCallError, ConfigurationError => e
      @unlogged = "the log file of --log-file cannot be opened: #{e.message}"
      nil
    end

    def syslog(facility)
      Logger.syslog(@options.process_name, facility)
    rescue SystemCallError => e
      @unlogged = "there is no log for a daemon: syslog cannot be reached (#{e.message}); start a syslog daemon, name a " \
                  "file with --log-file FILE, or leave --pid out and let the server log to stderr"
      nil
    end

    # A server without a log would hide its faults.
    def insist_on_log
      raise ConfigurationError, @unlogged if @unlogged
    end

    def give_log
      return unless @log_file && (@privileges.user || @privileges.group)
      return if @log_file.give_to(@privileges.user, @privileges.group)

      owner = [@options.user, @options.group].compact.join(":")
      owner = ":#{owner}" unless @options.user
      log_system_warn "the log file belongs to somebody else and cannot be opened again at HUP: " \
                      "chown #{owner} #{@options.log_file}"
    rescue SystemCallError => e
      log_system_warn "cannot give the log file to who the server runs as: #{e.message}"
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

    # Flushes the output before the invoked process ends.
    def leave_terminal(channel)
      leave_terminal_log
      channel.tell_ready
      [$stdout, $stderr].each { |stream| stream.reopen(File::NULL, "w") }
      OverSIP.daemonized = true
    end

    # With --log-file everything goes to the file alone once the server serves.
    def leave_terminal_log
      Logger.target = Logger.target.log if Logger.target.is_a?(Logger::TerminalTarget)
      Log.finish
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
