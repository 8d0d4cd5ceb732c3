# frozen_string_literal: true

require "oversip/life_cycle"
require "oversip/main_thread"
require "oversip/signals"

# Start, end and numbers of the engine of this process.
module OverSIP
  class << self
    # Opens the listeners and begins to serve. Returns when they are bound and the start events have run.
    #
    # Without a folder it listens on 127.0.0.1 and, where there is one, ::1, by UDP and TCP, on port 5060. Port 0 takes any
    # port that is free for all of them; `OverSIP.configuration[:sip][:listen_port]` tells which. A {SIP::Uac} reaches other
    # hosts nevertheless, see `docs/client.md` for its source address. A program that receives requests of other hosts sets
    # `listen_ipv4` or `listen_ipv6`.
    #
    # With a block: stops after it, even after an exception.
    #
    # @param config_dir [String, nil] a folder with oversip.conf and, if wanted, proxies.conf and server.rb
    # @param configuration [Hash] parameters by section, as in {OverSIP.configuration}; they go over the file
    # @param proxies [Hash] parameters by profile, as in {OverSIP.proxies}; they go over the file
    # @param fiber_scheduler [Boolean, nil] `core: fiber_scheduler` of the configuration: whether `sleep`, sockets, queues
    #   and their like in a block suspend its Fiber; nil: as the configuration says
    # @raise [ConfigurationError] a value cannot be used; the message names parameter, value and rule
    # @raise [OverSIP::RuntimeError] an address or port cannot be bound, or the engine runs already
    # @return [nil, Object] with a block, what it returned
    def start(config_dir: nil, configuration: {}, proxies: {}, fiber_scheduler: nil)
      unless fiber_scheduler.nil?
        configuration = Config.given_sections(configuration)
        configuration[:core] = { **configuration.fetch(:core, {}), fiber_scheduler: }
      end
      LifeCycle.start(config_dir: config_dir, configuration: configuration, proxies: proxies)
      return unless block_given?

      begin
        yield
      ensure
        stop
      end
    end

    # Closes the listeners, runs the callbacks of the end, waits for live transactions, and ends the dispatcher. Does nothing
    # if no engine runs, and waits for the end that another thread has begun. In a callback, and in work of {await} or
    # {async}, it only begins the end and returns.
    #
    # Blocks that wait go on as long as transactions do. Then requests without a final response get 503 (RFC 3261 21.5.4),
    # and what is pending downstream for them is cancelled. Blocks meet {StoppedError} where they wait, so that their
    # `ensure` runs, and work that still runs is killed. No event of the queue begins any more.
    #
    # @param timeout [Numeric] seconds that all of this is given: blocks that run, callbacks of the end (a second at least),
    #   transactions, blocks that wait, and work. Blocks that do not come back cost two seconds more at most
    # @raise [TypeError] this is no number
    # @raise [ArgumentError] it is negative, or more than a billion
    def stop(timeout: 5)
      timeout = Seconds.check("timeout:", timeout)
      LifeCycle.stop(timeout: timeout, callback_limit: timeout)
      nil
    end

    # {start}, then wait for TERM, INT or a {stop} from a callback, then {stop} with its 5 seconds. The arguments are those
    # of {start}.
    #
    # @yield runs once, when everything listens
    # @raise [SystemExit] with status 1: the script, or a library of it, has killed the main thread
    def run(**options)
      start(**options) do
        Signals.trap("TERM", "INT") do |signals|
          LifeCycle.on_end = signals.method(:wake)
          yield if block_given?
          signals.wait
        end
      end
      nil
    rescue SystemExit => e
      raise unless MainThread.killed?(e)

      LifeCycle.log_system_crit MainThread::KILLED
      raise SystemExit.new(1, MainThread::KILLED)
    end

    # @return [Boolean] whether this process has a running engine; false in a forked child
    def running?
      LifeCycle.running?
    end

    # @return [Symbol, nil] :loading, :running or :terminating; nil while nothing is started, and in a forked child
    def status
      @status if LifeCycle.own_process?
    end

    # Present states and counts since the start. The section "Numbers" of docs/configuration.md explains each with its unit.
    #
    # @return [Hash{Symbol => Numeric, Hash{Symbol => Integer}}] nested: `:rejected` by cause, `:dropped` and `:malformed` by
    #   reason
    # @raise [OverSIP::RuntimeError] nothing is started
    def stats
      Engine.stats.merge(script_stats) { |_, engine, log| engine.merge(log) { |_, former, further| former + further } }
    end

    # What of {stats} the engine does not know.
    #
    # @api private
    # @return [Hash{Symbol => Numeric, Hash{Symbol => Integer}}]
    def script_stats
      profiles = OverSIP.proxies&.values || []
      { suspended_fibers: Dispatcher.suspended, **Dispatcher.wait_stats, **Waiting.stats,
        dns_cache: profiles.sum { |profile| profile[:dns_cache].size },
        blacklist: profiles.sum { |profile| profile[:blacklist].size },
        **Logger.stats }
    end

    # The bounds of what {script_stats} counts.
    #
    # @api private
    # @return [Hash{Symbol => Integer}]
    def script_limits
      core = OverSIP.configuration&.fetch(:core, nil) || {}
      { suspended_fibers: Dispatcher::EventFibers::MAX_SUSPENDED, await_running: core[:await_threads],
        await_queued: core[:await_queue] }.compact
    end

    # What Server and User-Agent say: `core: product`, else the name of this library.
    #
    # @api private
    def product(configuration = self.configuration)
      configuration&.dig(:core, :product) || "#{PROGRAM_NAME}/#{VERSION}"
    end

    # Runs a block on the dispatcher, like all other callbacks. May be called from any thread, to resume a suspended Fiber
    # for example.
    #
    # @param after [Numeric] seconds to wait
    # @return [nil]
    # @raise [TypeError] this is no number
    # @raise [ArgumentError] it is negative, or more than a billion; there is no block
    def schedule(after: 0, &block)
      raise ArgumentError, "no block given" unless block

      Engine.schedule(Seconds.check("after:", after), ->(observer = nil) { Dispatcher.run_scheduled(block, observer) })
      nil
    end
  end
end
