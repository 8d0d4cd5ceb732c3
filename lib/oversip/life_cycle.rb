# frozen_string_literal: true

require "monitor"
require "oversip/active_record_check"
require "oversip/deadline"
require "oversip/engine_options"
require "oversip/folder"
require "oversip/monitoring"
require "oversip/script_events"

module OverSIP
  # Start and end of the engine in this process, with the steps in Ruby around them.
  #
  # @api private
  module LifeCycle
    extend Logger

    # Seconds that callbacks of the end, and blocks that still run, have when the process leaves anyway.
    EXIT_LIMIT = 1

    # Seconds after which a block that still runs no longer keeps the callbacks of the server's end from running.
    BUSY_LIMIT = 3

    # The system's words for EADDRINUSE.
    IN_USE = "Address already in use"
    private_constant :IN_USE

    @lock = Monitor.new

    class << self
      # @return [#call, nil] called once, when the engine has come to its end
      attr_writer :on_end

      # See {OverSIP.start}.
      def start(config_dir: nil, configuration: {}, proxies: {})
        begin_in_this_process
        @lock.synchronize do
          raise OverSIP::RuntimeError, "already running: OverSIP.stop ends what an earlier start began" if running?

          undone_unless_started do
            become(:loading)
            configure(config_dir && Folder.new(config_dir), configuration, proxies)
            serve
            open_monitor
            run_start_events
            ready
          end
        end
      end

      # Reads a folder and makes `OverSIP.configuration` and `OverSIP.proxies` of it. Starts nothing.
      #
      # @param folder [Folder]
      def load(folder)
        configure(folder, {}, {}, command: true, &:run)
      end

      # Opens the listeners and starts the dispatcher, after {load}. A server does the work of {start} in several steps.
      # Requests are refused until {ready}.
      def open
        begin_in_this_process
        @lock.synchronize do
          undone_unless_started do
            become(:loading)
            serve
          end
        end
      end

      # Shows what there is to see from now on, where the configuration says, and by the control socket. After {open}.
      #
      # @param default [String, nil] the control socket where the configuration says nothing of one
      # @raise [OverSIP::RuntimeError] a place that the configuration names cannot be used
      def open_monitor(default: nil)
        Monitoring.open(OverSIP.configuration, default: default, folder: @folder&.path)
      end

      # Runs the events and callbacks of the start on the dispatcher and waits for their end. Scripts rely on
      # their order: the first event, the modules' callbacks, the last event.
      def run_start_events
        Dispatcher.call do
          Dispatcher.system_callback(SystemEvents, :on_initialize)
          SystemCallbacks.on_started_callbacks.each do |callback|
            Dispatcher.system_callback(SystemCallbacks, :on_started, callback)
          end
          Dispatcher.system_callback(SystemEvents, :on_started)
        end
      end

      # From now on requests are served, unless the end has come first.
      def ready
        return unless OverSIP.status == :loading

        warn_of_script
        become(:running)
        say_listeners
      end

      # Says which events a folder's script lacks, or has defined in vain, and which profiles it names in vain.
      def warn_of_script
        source = @folder&.source or return

        source.profiles.except(*OverSIP.proxies.keys).each do |name, place|
          log_system_warn "#{place}: #{ProxiesConfig.lacks(name, OverSIP.proxies.keys)}"
        end
        ScriptEvents.warnings.each { |text| log_system_warn text }
      end

      # See {OverSIP.stop}.
      #
      # @param error [Boolean] what on_terminated callbacks are told
      # @param callbacks [Boolean] whether they run
      # @param callback_limit [Numeric, nil] seconds after which the end no longer waits for them
      # @param run [Object, nil] of which start this is the end
      def stop(timeout:, error: false, callbacks: true, callback_limit: nil, run: @run)
        return unless running? || (own_process? && @abandoning)

        arguments = { timeout: timeout, error: error, callbacks: callbacks, callback_limit: callback_limit, run: run }
        return Thread.new { stop(**arguments) } if Dispatcher.current? || Waiting.working?

        # Who comes while another one ends OverSIP waits for that.
        @lock.synchronize do
          # It may have been started anew meanwhile.
          next unless running? && run.equal?(@run)

          begin
            become(:terminating)
            deadline = Deadline.new(timeout.to_f)
            left = callbacks ? terminated(error, callback_limit, deadline) : deadline.left
            Engine.stop(let_blocks_end(left))
          ensure
            # Also when a signal or a kill cuts the waiting short.
            abandon
          end
        end
      end

      # @return [Boolean] whether the callbacks of the end run
      def last_callbacks?
        !@last_outcome.nil?
      end

      # They are not waited for any more.
      def insist
        @last_outcome&.settle(:returned)
      end

      # Reads proxies.conf again; the profiles are replaced as a whole or not at all.
      #
      # @raise [ProxiesConfig::InvalidFile] a value cannot be used, or a profile is missing that is there now and that the
      #   script uses
      def reload_proxies(folder)
        profiles = load_proxies(folder, @given_proxies)
        used, mentioned = folder.mentioned(@profile_names).map { |names| names.except(*profiles.keys) }
        unless used.empty?
          reasons = used.map { |name, place| "the profile '#{name}' is missing, which #{place} names" }
          raise ProxiesConfig::InvalidFile.new(folder.proxies_file, reasons.join("; "))
        end

        mentioned.each { |name, place| log_system_warn "the profile '#{name}' is gone; #{place} has that word" }
        use_profiles(profiles)
      end

      # Reads the files of the section `tls` again if they have changed.
      #
      # @return [OpenSSL::X509::Certificate, nil] the one that is shown from now on; nil when nothing has changed
      # @raise [ConfigurationError] they cannot be used: the old ones stay
      def reload_certificates
        tls = OverSIP.configuration.fetch(:tls)
        TLS.renew(tls) if tls.values_at(:public_cert, :private_cert).all?
      end

      def running?
        own_process? && @running == true
      end

      def own_process?
        OverSIP.pid == Process.pid
      end

      private

      # After fork nothing of the parent's engine lives here: forget it, do not close it.
      def begin_in_this_process
        # A world has the dispatcher's place and the configuration.
        raise OverSIP::RuntimeError, "a world is open: close it before OverSIP is started" if Engine.world_open?
        return if own_process?

        @lock = Monitor.new
        @running = @abandoning = false
        Dispatcher.forget
        MonitorThread.forget
        Waiting.forget
        at_exit { leave } unless OverSIP.pid
        OverSIP.pid = Process.pid
      end

      def configure(folder, configuration, proxies, command: false)
        folder&.load
        @folder = folder
        OverSIP.configuration = Config.build(file: folder&.configuration, given: configuration, config_dir: folder&.path,
                                             scope: folder ? :network : :loopback, command: command)
        bind_check = Config::BindCheck.new(OverSIP.configuration)
        bind_check.refuse_clashes
        ActiveRecordCheck.refuse_shared_connections(OverSIP.configuration)
        yield bind_check if block_given?
        Logger.level = OverSIP.configuration.dig(:core, :syslog_level)
        Logger.format = OverSIP.configuration.dig(:core, :log_format)
        Logger.max_like_records = OverSIP.configuration.dig(:core, :max_like_records)
        use_profiles(load_proxies(folder, proxies))
      end

      # What a script adds to them later is its own matter.
      def use_profiles(profiles)
        @profile_names = profiles.keys
        OverSIP.proxies = profiles
      end

      def load_proxies(folder, given)
        @given_proxies = given
        ProxiesConfig.build(file: folder&.proxies, path: folder&.proxies_file, given: given,
                            configuration: OverSIP.configuration)
      end

      def serve
        bound = open_engine
        @running = true
        @run = Object.new
        Waiting.open
        Notifications.begin
        become(:loading)
        note_listeners(bound)
        Dispatcher.start
      end

      def open_engine
        Engine.start(EngineOptions.build(OverSIP.configuration, OverSIP.proxies))
      rescue OverSIP::RuntimeError => e
        raise unless e.message.end_with?(IN_USE)

        raise OverSIP::RuntimeError,
              "#{e.message}: another process listens there. Each process, such as a worker of Puma or Sidekiq, needs a " \
              "port of its own (0 takes any that is free), or only one of them starts OverSIP"
      end

      def undone_unless_started
        yield
      rescue Exception # rubocop:disable Lint/RescueException -- raised again: only the clean-up is ours
        abandon
        raise
      end

      # Runs the callbacks of the end. A block that does not come back makes way for them, and none that is queued comes
      # before them.
      #
      # @return [Float] what is left of the time. Callbacks that have no limit take nothing of it
      def terminated(error, limit, deadline)
        limit = [limit, EXIT_LIMIT].max if limit
        busy = limit || BUSY_LIMIT
        busy = nil if Dispatcher.caught_up?(busy)
        left = deadline.left
        @last_outcome = Dispatcher::Outcome.new
        Dispatcher.call_first(busy: busy, patience: EXIT_LIMIT, timeout: limit && [left, EXIT_LIMIT].max,
                              outcome: @last_outcome) { run_last_callbacks(error) }
        limit ? deadline.left : left
      ensure
        @last_outcome = nil
      end

      def run_last_callbacks(error)
        last_callback(SystemEvents, SystemEvents.method(:on_terminated), error)
        SystemCallbacks.on_terminated_callbacks.reverse_each do |callback|
          last_callback(SystemCallbacks, callback, error)
        end
      end

      # Blocks that wait go on as long as transactions do.
      #
      # @return [Float] what is left of the time
      def let_blocks_end(limit)
        deadline = Deadline.new(limit)
        # Either may begin while the other one is waited for.
        until (Dispatcher.waits.empty? && Waiting.quiet?) || deadline.over?
          Dispatcher.let_waits_end(deadline.left)
          Waiting.let_work_end(deadline.left)
        end
        deadline.left
      end

      def last_callback(place, callable, error)
        Dispatcher.system_callback(place, :on_terminated, callable, [error], guarded: true)
      rescue *Dispatcher::FATAL
        # The exception ends the process. (A signal for the waiting thread does not come here.)
      end

      def become(status)
        OverSIP.status = status
        OverSIP.is_ready = status == :running
        Engine.status = status if @running
      end

      # Stops all parts that have been started.
      def abandon
        @abandoning = true
        Engine.stop(0.0) if @running && Engine.running?
        @running = false
        Dispatcher.stop(EXIT_LIMIT)
        Waiting.close(EXIT_LIMIT)
        MonitorThread.stop(EXIT_LIMIT)
        ConnectionClasses.note([])
        OverSIP.status = nil
        OverSIP.is_ready = false
        @on_end&.call
        @on_end = nil
      ensure
        @abandoning = false
      end

      # The at_exit block: the engine must be down before the interpreter frees what it points to.
      def leave
        stop(timeout: 0, callback_limit: EXIT_LIMIT) if running?
      end

      def note_listeners(bound)
        # Nobody knows a program that takes any free port.
        @unnamed = Listeners.unnamed(OverSIP.configuration)
        @bound = bound
        Listeners.note(OverSIP.configuration, bound)
      end

      def say_listeners
        Array(@bound).each do |listener|
          text = Listeners.text(listener)
          @unnamed.include?(listener[:transport]) ? log_system_debug(text) : log_system_info(text)
        end
        @bound = nil
      end
    end
  end
end
