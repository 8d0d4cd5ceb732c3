# frozen_string_literal: true

require "oversip/config_printer"
require "oversip/privileges"
require "oversip/reload"

module OverSIP
  # The server process of the `oversip` command, from the options to the exit status.
  class Launcher
    extend Logger
    include Logger

    # Raised by {Launcher.fatal}: ends the process with status 1 and without on_terminated events.
    class Fatal < SystemExit
      def initialize(message)
        super(1, message)
      end
    end

    # Files that may be open at once, as far as the system lets us.
    OPEN_FILES = 65_536

    # What is handled, if only with a line in the log.
    SIGNALS = %w[TERM QUIT INT HUP USR1 USR2 ALRM PROF WINCH].freeze
    # What ends the server.
    TERMINATION = %w[TERM QUIT INT].freeze

    # Logs a message or an exception and ends the server with status 1 at once. May be called from any callback.
    #
    # @param message [String, Exception]
    def self.fatal(message)
      log_system_crit message
      log_system_crit "exiting with error status"
      raise Fatal, message.to_s
    end

    # @param options [CommandLine::Options]
    def initialize(options)
      @options = options
      @log_id = "launcher"
    end

    # @return [Integer] the exit status
    def run
      prepare
      serve
    rescue Fatal
      finish(error: true, callbacks: false)
    rescue SystemExit, SignalException => e
      log_system_notice "ended by #{e.class}" unless e.is_a?(SystemExit)
      finish(error: false)
    rescue Exception => e # rubocop:disable Lint/RescueException -- whatever it is, it is said and ends with status 1
      report(e)
      finish(error: true, callbacks: e.is_a?(NoMemoryError))
    end

    private

    def prepare
      Encoding.default_external = Encoding::UTF_8
      Logger.level = :debug
      log_system_notice "#{PROGRAM_NAME} #{VERSION} starting"
      if @options.pid_file
        raise ConfigurationError, "running as a daemon (--pid) is not available in this version: " \
                                  "leave --pid out to run in the foreground"
      end

      @privileges = Privileges.new(@options.user, @options.group)
      OverSIP.master_name = @options.process_name
      Process.setproctitle(@options.process_name)
      OverSIP.daemonized = false
      raise_file_limit
    end

    def serve
      @folder = Folder.new(@options.config_dir, file: @options.config_file, complete: true)
      LifeCycle.start(folder: @folder) do |stage|
        case stage
        when :configured then puts ConfigPrinter.new(color: @options.color).text(OverSIP.configuration)
        when :bound then @privileges.drop
        end
      end
      Signals.trap(*SIGNALS) do |signals|
        LifeCycle.on_end = signals.method(:wake)
        log_system_notice "running, process #{Process.pid}"
        wait_for_end(signals)
      end
      finish(error: false)
    end

    def wait_for_end(signals)
      system_reload = Reload.new("reload (HUP)") { reload }
      user_reload = Reload.new("user reload (USR1)") { user_reload_event }
      while (signal = signals.wait)
        case signal
        when *TERMINATION then return log_system_notice("#{signal} received: terminating")
        when "HUP" then system_reload.request
        when "USR1" then user_reload.request
        else log_system_notice "#{signal} received: ignored"
        end
      end
    end

    # @return [Integer] the exit status
    def finish(error:, callbacks: true)
      grace = OverSIP.configuration&.dig(:core, :termination_grace_time) || 0
      LifeCycle.stop(timeout: error ? 0 : grace, error: error, callbacks: callbacks)
      log_system_notice "terminated"
      error ? 1 : 0
    end

    # Each step says what failed in it and leaves the others alone.
    def reload
      log_system_notice "reloading #{ProxiesConfig::FILE_NAME} and #{Folder::SCRIPT}"
      attempt do
        @folder.read_proxies
        LifeCycle.reload_proxies(@folder)
      rescue Folder::LoadError
        raise
      rescue ConfigurationError => e
        log_system_crit "error reloading #{ProxiesConfig::TITLE} file '#{@folder.proxies_file}': #{e.message}"
      end
      attempt { @folder.reload_script }
      SystemCallbacks.on_reload_callbacks.each do |callback|
        Dispatcher.guard("SystemCallbacks.on_reload") { callback.call }
      end
    end

    def attempt
      yield
    rescue Folder::LoadError => e
      report(e)
    end

    def user_reload_event
      SystemEvents.on_user_reload
    rescue *Dispatcher::FATAL
      raise
    rescue Exception => e # rubocop:disable Lint/RescueException -- the server goes on
      log_system_crit "error in SystemEvents.on_user_reload:"
      log_system_crit e
    end

    def report(exception)
      case exception
      when Folder::LoadError
        log_system_crit exception.summary
        log_system_crit exception.cause
      when OverSIP::Error then log_system_crit exception.message
      else log_system_crit exception
      end
      hint = ScriptHints.for(exception.cause || exception)
      log_system_crit hint if hint
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
