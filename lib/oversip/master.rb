# frozen_string_literal: true

require "oversip/deadline"
require "oversip/control_socket"
require "oversip/reload"
require "oversip/service_manager"
require "oversip/signals"

module OverSIP
  # The serving process, from the opened ports to its end. In the foreground it is the invoked process, otherwise a daemon.
  #
  # @api private
  class Master
    include Logger

    # Signals that end the server.
    TERMINATION = %w[TERM QUIT].freeze
    # Signals that are handled, some of them only with a record.
    SIGNALS = %w[TERM QUIT INT HUP USR1 USR2 ALRM POLL PROF WINCH].select { |name| Signal.list.key?(name) }.freeze

    # Seconds that on_terminated has at least where `callback_warning_time` is 0.
    CALLBACK_PATIENCE = 5

    # Exceptions that end the process in order. Any other exception is a failure.
    ORDERLY = [SystemExit, SignalException].freeze

    # @param folder [Folder] loaded
    # @param privileges [Privileges]
    # @param pid_file [PidFile, nil]
    # @param on_ready [#call, nil] called when the server serves
    # @param interrupt_ends [Boolean] whether INT ends the server as TERM does
    def initialize(folder:, privileges:, pid_file: nil, on_ready: nil, interrupt_ends: false)
      @log_id = "launcher (master)"
      @folder = folder
      @privileges = privileges
      @pid_file = pid_file
      @on_ready = on_ready
      @termination = interrupt_ends ? [*TERMINATION, "INT"] : TERMINATION
      @service_manager = ServiceManager.new
    end

    # @return [Integer] the exit status
    def run
      serve
      finish(error: false)
    rescue Launcher::Fatal
      finish(error: true, callbacks: false)
    rescue *ORDERLY => e
      return failed(e) if MainThread.killed?(e)

      log_system_notice "ended by #{e.class}" unless e.is_a?(SystemExit)
      finish(error: false)
    rescue Exception => e # rubocop:disable Lint/RescueException -- whatever it is, it is said and ends with status 1
      failed(e)
    end

    private

    def serve
      LifeCycle.open
      default = ControlSocket.default(name: OverSIP.master_name, pid_file: @pid_file&.path)
      ControlSocket.prepare(OverSIP.configuration.dig(:core, :control_socket) || default, @privileges)
      @privileges.drop
      @pid_file&.create
      LifeCycle.open_monitor(default: default)
      Signals.trap(*SIGNALS) do |signals|
        LifeCycle.on_end = signals.method(:wake)
        run_start_events(signals)
        handle(signals)
      end
    end

    # The events may suspend their Fiber: signals are handled meanwhile.
    def run_start_events(signals)
      # The thread inherits the deferral: a kill that comes before it runs would find no `ensure`.
      Thread.handle_interrupt(Object => :never) do
        Thread.new do
          outcome = :not_started
          Thread.handle_interrupt(Object => :immediate) { LifeCycle.run_start_events }
          outcome = :started
        rescue Exception => e # rubocop:disable Lint/RescueException -- handed to the main thread
          @start_failure = e
        ensure
          signals.wake(outcome)
        end
      end
    end

    def handle(signals)
      reload = Reload.new("reload (HUP)", limit: Reload::LIMIT) { reload_files }
      user_reload = Reload.new("user reload (USR1)", limit: Reload::LIMIT) { user_reload_event }
      while (signal = signals.wait)
        case signal
        when :started then ready
        when :not_started then not_started
        when *@termination then return log_system_notice("#{signal} received: terminating")
        when "HUP" then reload.request
        when "USR1" then user_reload.request
        else log_system_notice "#{signal} received: ignored"
        end
      end
    end

    def ready
      LifeCycle.ready
      log_system_notice "running, process #{Process.pid}"
      @service_manager.ready
      @on_ready&.call
    end

    # A start event failed, perhaps with SystemExit. The end before a complete start is not orderly.
    def not_started
      @start_failure ||= OverSIP::RuntimeError.new("the start was killed by the script or a library of it")
      raise @start_failure if @start_failure.is_a?(Launcher::Fatal)

      log_system_crit "error in a start event:"
      Launcher.report(@start_failure)
      raise Launcher::Fatal, @start_failure.message
    end

    def failed(exception)
      Launcher.report(exception)
      finish(error: true, callbacks: LifeCycle.running?)
    end

    # From here on no exception of a callback and no kill changes the exit status.
    def finish(error:, callbacks: true)
      Thread.handle_interrupt(Object => :never) do
        @service_manager.stopping
        grace = OverSIP.configuration&.dig(:core, :termination_grace_time) || 0
        insisting { LifeCycle.stop(timeout: error ? 0 : grace, error: error, callbacks: callbacks) }
        @pid_file&.remove
        log_system_notice "terminated"
        error ? 1 : 0
      end
    end

    # A callback of the end may wait for ever. A further signal ends it after the time of the warning in the log; an earlier
    # signal changes nothing.
    def insisting
      Signals.trap(*@termination) do |signals|
        patience = Deadline.new(callback_patience)
        insistence = Thread.new do
          while (signal = signals.wait) != :over
            insist(signal, patience.left)
          end
        end
        yield
      ensure
        signals.wake(:over)
        insistence&.join
      end
    end

    def insist(signal, left)
      return log_system_notice "#{signal} received: terminating already" unless LifeCycle.last_callbacks?

      if left.positive?
        log_system_notice "#{signal} received: on_terminated still runs; a further one ends it in #{left.ceil} s or later"
      else
        log_system_warn "#{signal} received: on_terminated is not waited for any more"
        LifeCycle.insist
      end
    end

    def callback_patience
      limit = OverSIP.configuration&.dig(:core, :callback_warning_time).to_i
      limit.positive? ? limit : CALLBACK_PATIENCE
    end

    # Each step logs its own failure; the other steps run.
    def reload_files
      @service_manager.reloading do
        @reload_complete = true
        reopen_log
        log_system_notice "reloading #{ProxiesConfig::FILE_NAME} and #{Folder::SCRIPT}"
        reload_proxies
        reload_certificates
        reload_script
        SystemCallbacks.on_reload_callbacks.each do |callback|
          Dispatcher.system_callback(SystemCallbacks, :on_reload, callback, guarded: true)
        end
        Engine.count_reload(@reload_complete)
      end
    end

    # For logrotate.
    def reopen_log
      Logger.reopen
    rescue SystemCallError => e
      @reload_complete = false
      log_system_error "the log file cannot be opened again, the old one is used further: #{e.message}"
    end

    def reload_proxies
      @folder.read_proxies
      LifeCycle.reload_proxies(@folder)
    rescue Folder::LoadError, ProxiesConfig::InvalidFile => e
      @reload_complete = false
      log_system_crit "error reloading #{ProxiesConfig::TITLE} file '#{@folder.proxies_file}': #{e.detail}"
    end

    # Established connections stay; new handshakes use the new certificate.
    def reload_certificates
      certificate = LifeCycle.reload_certificates or return

      log_system_notice "certificate read again: #{certificate.subject}, valid until #{certificate.not_after}"
    rescue StandardError => e
      @reload_complete = false
      log_system_error "certificate not read again, the old one stays: #{e.message}"
    end

    def reload_script
      before = SystemCallbacks.count
      @folder.reload_script
      LifeCycle.warn_of_script
      added = SystemCallbacks.count - before
      return unless added.positive?

      log_system_warn "#{Folder::SCRIPT} has registered #{added} more callbacks with SystemCallbacks: those registered " \
                      "at its top level run once more with each reload"
    rescue Folder::LoadError => e
      @reload_complete = false
      Launcher.report(e)
    end

    def user_reload_event
      Dispatcher.system_callback(SystemEvents, :on_user_reload)
    rescue *Dispatcher::FATAL
      raise
    rescue Exception => e # rubocop:disable Lint/RescueException -- the server goes on
      log_system_crit "error in SystemEvents.on_user_reload:"
      log_system_crit e
    end
  end
end
