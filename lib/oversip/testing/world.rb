# frozen_string_literal: true

require "oversip"
require "oversip/call_record"
require "oversip/testing/arguments"
require "oversip/testing/client"
require "oversip/testing/target"
require "oversip/testing/world/errors"
require "oversip/testing/world/expected_errors"
require "oversip/testing/world/former_state"
require "oversip/testing/world/happenings"
require "oversip/testing/world/in_turn"
require "oversip/testing/world/log"
require "oversip/testing/world/names"
require "oversip/testing/world/network"
require "oversip/testing/world/observer"
require "oversip/testing/world/people"
require "oversip/testing/world/script"
require "oversip/testing/world/settings"
require "oversip/testing/world/traffic"
require "oversip/testing/world/zone"

module OverSIP
  module Testing
    # A simulated network with one element, which runs a script, and with peers that a spec plays: the real transactions,
    # failover, DNS and timers, in the thread of the spec and on a clock that moves when it is told to. No socket is opened.
    #
    # The element is at 192.0.2.100 and 2001:db8::100, unless its configuration names other addresses than local ones.
    # Targets get addresses from 192.0.2.1, clients from 198.51.100.1, NATs from 203.0.113.1.
    #
    # @example
    #   world = OverSIP::Testing::World.open(script: "server.rb")
    #   world.zone { srv "_sip._udp.example.com", "gw1.example", "gw2.example" }
    #   world.target("gw1.example").never_answers
    #   world.target("gw2.example").answers 180, 200
    #   call = world.client(:alice).invite("sip:bob@example.com")
    #   world.advance 32
    #   call.answered_by # => "gw2.example"
    #   world.close
    class World
      include ExpectedErrors
      include People

      # The name of the element among the parties.
      ELEMENT = CallRecord::ELEMENT

      # Threads of a spec may open worlds at the same time.
      OPENING = Mutex.new
      private_constant :OPENING

      # What is raised when there is a world.
      SECOND = "a world is open already, opened at %s: close it first. A process has one world at a time, so tests that " \
               "run in parallel need a process each"
      private_constant :SECOND

      LIBRARY = File.expand_path("..", __dir__)
      private_constant :LIBRARY

      class << self
        # @return [World, nil] the one that is open
        attr_reader :current

        # Opens a world and starts the script in it, as a server does: `on_initialize` and `on_started` have run when this
        # returns.
        #
        # @param script [String, Pathname, nil] path of server.rb, evaluated with `load`
        # @param proxies [String, Pathname, Hash, nil] path of proxies.conf, or parameters by profile
        # @param configuration [String, Pathname, Hash, nil] path of oversip.conf, or parameters by section
        # @param seed [Integer] of everything that is drawn: the same seed leads to the same messages
        # @yieldparam request [SIP::Request] the block takes the place of the script's `on_request`
        # @return [World]
        # @raise [OverSIP::RuntimeError] a world is open, OverSIP runs, or the script extends an event module by a module
        #   that was there before
        # @raise [Exception] what the script raises while it is loaded, and what its `on_initialize` and `on_started` raise:
        #   LoadError, SyntaxError, its own
        # @raise [ArgumentError] the script is no path, or the seed no number
        # @raise [ConfigurationError] a value cannot be used, or there is no such section or parameter
        def open(script: nil, proxies: nil, configuration: nil, seed: 1, &on_request)
          world = new(Script.new(Settings.path(:script, script), on_request), Arguments.seed(seed))
          OPENING.synchronize do
            raise OverSIP::RuntimeError, format(SECOND, @current.opened_at) if @current

            @current = world
          end
          started(world, configuration, proxies)
        end

        # Closes a world that a test has opened by itself and left open.
        #
        # @return [OverSIP::RuntimeError, nil] what fails the test; nil when there is none
        # @api private
        def close_forgotten
          world = @current or return
          world.close
          OverSIP::RuntimeError.new("the world that was opened at #{world.opened_at} was left open")
        end

        # @param transport [Symbol]
        # @return [Integer]
        # @api private
        def default_port(transport)
          { tls: 5061, ws: 80, wss: 443 }.fetch(transport, 5060)
        end

        # @api private
        def forget(world)
          @current = nil if @current.equal?(world)
        end

        private

        def started(world, configuration, proxies)
          world.start(configuration, proxies)
          world
        rescue Exception # rubocop:disable Lint/RescueException -- raised again: only the clean-up is ours
          world.finish
          raise
        end
      end

      # @return [String] file and line of who has opened it
      # @api private
      attr_accessor :opened_at

      # @api private
      def initialize(script, seed)
        @opened_at = caller_locations.find { |place| !place.path.start_with?(LIBRARY) }.to_s[/\A.+?:\d+/]
        @script = script
        @seed = seed
        @conditions = {}
        @record = CallRecord.new(element: ELEMENT)
        @observer = Observer.new(self, script.on_request)
      end

      # @api private
      def start(configuration, proxies)
        @busy = true
        take_over
        @script.load
        settings = Settings.new(configuration, proxies)
        OverSIP.configuration = settings.configuration
        OverSIP.proxies = settings.profiles
        Logger.level = settings.configuration.dig(:core, :syslog_level)
        @script.warnings.each { |text| LifeCycle.log_system_warn(text) }
        open_native(settings)
        run_start_events
        drain
        @script.check
        @busy = false
      end

      # The end: `on_terminated` runs, and everything that the script has made is undone. Does nothing when it is closed.
      # What has happened can still be read.
      #
      # @return [nil]
      # @raise [OverSIP::RuntimeError] a block of the script or of a persona asks for it: the world goes on just now
      def close
        return if @closed
        raise OverSIP::RuntimeError, "close in a block: the world goes on just now" if @busy || @network&.runs?

        finish
        nil
      end

      # The end, also of a world that could not be opened.
      #
      # @api private
      def finish
        @busy = true
        InTurn.call(-> { end_script if @native }, -> { take_last_state }, -> { Dispatcher.end_waits if @native },
                    -> { @native&.close }, -> { @former&.hand_back }, -> { @script.undo })
      end

      # @return [Boolean]
      def closed?
        @closed == true
      end

      # Says what DNS knows, see {Zone} for the words of the block. Names that nothing is said of do not exist, except those
      # of {#target}.
      #
      # @yieldparam zone [Zone] for a block that wants it as an argument
      # @return [nil]
      # @raise [ArgumentError] there is no block, or a record that cannot be
      # @raise [OverSIP::RuntimeError] a word of the block that there is not
      def zone(&block)
        raise ArgumentError, "zone needs a block" unless block

        zone = Zone.new(@names, @native, block.binding.receiver)
        block.arity.zero? ? zone.evaluate(&block) : yield(zone)
        nil
      end

      # The date of the beginning and of what follows, by which certificates are judged. It is the system's, unless this says
      # otherwise.
      #
      # @param time [Time]
      # @raise [ArgumentError] it is none
      def date=(time)
        raise ArgumentError, "date is a Time, not #{Arguments.shown(time)}" unless time.is_a?(Time)

        @native.date = time.to_f
      end

      # @return [Float] seconds since the beginning
      def now
        @closed ? @ended_at : @native&.now || 0.0
      end

      # Moves the clock; everything that is due within that time happens, in the order of its time.
      #
      # @param seconds [Numeric]
      # @return [nil]
      # @raise [OverSIP::RuntimeError] a block of the script or of a persona asks for it: the world goes on just now
      def advance(seconds)
        Seconds.check("seconds", seconds)
        raise OverSIP::RuntimeError, "advance in a block: the world goes on just now" if @network.runs?

        @network.run_until(now + seconds)
        note_sent
      end

      # Lets everything happen that is due at this instant. Requests of personas do this by themselves.
      #
      # @return [nil]
      def drain
        @network.settle
        note_sent
      end

      # Each `OverSIP.await` and `OverSIP.async` takes this long from now on. The work itself runs at once, in the thread of
      # the world; its value comes when the time is over.
      #
      # @param seconds [Numeric] of the world's clock; 0 at the beginning
      # @return [nil]
      # @raise [TypeError] this is no number
      # @raise [ArgumentError] it is negative, or more than a billion
      def await_takes(seconds)
        Waiting.pool.takes = Seconds.check("seconds", seconds)
        nil
      end

      # The network loses datagrams from now on. What is not given stays as it was: nothing is lost, and everything takes no
      # time.
      #
      # @param share [Numeric] 0.1 is every tenth; in thousandths
      # @param seed [Integer, nil] another number draws other ones; that of the world unless it is given
      # @param delay [Numeric, nil] seconds that everything takes
      # @param jitter [Numeric, nil] seconds that a datagram takes longer at most
      # @return [nil]
      # @raise [TypeError] a time is no number
      # @raise [ArgumentError] this is no share, or a time is out of range
      def loss(share = nil, seed: nil, delay: nil, jitter: nil)
        given = { loss: share && Arguments.thousandths("loss", share), delay: delay && Seconds.check("delay", delay),
                  jitter: jitter && Seconds.check("jitter", jitter) }.compact
        @native.seed = Arguments.seed(seed) if seed
        @native.set_conditions(@conditions = { loss: 0, delay: 0.0, jitter: 0.0, **@conditions, **given })
      end

      # @return [CallRecord] messages, blocks and what else has happened, in order
      def record
        note_sent unless @closed || @noting
        @record
      end

      # @return [Array<CallRecord::Message>] all messages that were sent, in order
      def messages
        record.messages
      end

      # @return [Array<CallRecord::Block>] the blocks of the script that have run
      def blocks
        record.events.grep(CallRecord::Block)
      end

      # @return [Array<LogRecord>] what the script and the element have logged, from the level of the configuration on
      def log
        @log ? @log.records : []
      end

      # @return [Array<String>] targets that the element leaves out for a time: "udp:192.0.2.1:5060"
      def blacklist
        @closed ? @last_blacklist : @native.blacklist
      end

      # @param target [String] "udp:192.0.2.1:5060"
      # @return [String, nil] the name of who is there
      def name_of(target)
        @network.name_of(target)
      end

      # @param target [String] "udp:192.0.2.1:5060"
      # @return [Array<String>] the name of who is there, else the names of its host in the zone
      # @api private
      def names_of(target)
        name = name_of(target)
        name ? [name] : @names.hosts_at(target)
      end

      # @return [Array<String>] what the parties are called, and the hosts of the zone
      # @api private
      def party_names
        [ELEMENT, *@network.party_names, *@names.hosts].uniq
      end

      # What is sent to addresses where nobody is does not fail the example.
      #
      # @return [nil]
      def allow_unknown_destinations
        @traffic.allow_unknown_destinations
        nil
      end

      # @return [Array<Exception>] what must fail the example: exceptions of blocks and personas, messages to where nobody
      #   is, script errors that were expected and did not come
      def errors
        note_sent unless @closed
        unexpected(@observer.raised) + (@traffic ? @traffic.errors : []) + missing
      end

      # Raises the first of {#errors}.
      #
      # @return [nil]
      def verify!
        error = errors.first
        raise error if error
      end

      # @param call [Call, Exchange, String, nil] or a Call-ID; nil: everything
      # @param width [Integer, IO] columns
      # @return [String] what has happened, as text
      def ladder(call = nil, width: 80, color: false)
        CallRecord::TextLadder.new(events_of(call), width: width, color: color).to_s
      end

      # @param call [Call, Exchange, String, nil] or a Call-ID; nil: everything
      # @return [String] what has happened, as an SVG
      def svg(call = nil)
        CallRecord::SvgLadder.new(events_of(call)).to_s
      end

      # Adds to the record, behind what was sent before.
      #
      # @param event [CallRecord::Event]
      # @api private
      def note_event(event)
        @record.add(event)
      end

      # Takes what was sent since the last time into the record.
      #
      # @return [nil]
      # @api private
      def note_sent
        return if @noting || @traffic.nil?

        @noting = true
        @happenings.note
        @traffic.note { |message| @happenings.note_before(message) }
        @happenings.note_rest
      ensure
        @noting = false
      end

      # @return [String]
      def inspect
        "#<#{self.class} at #{now} s>"
      end

      private

      def take_over
        raise OverSIP::RuntimeError, "OverSIP runs: a world has to wait for its end" if OverSIP.running?

        @former = FormerState.new
        @log = Log.new(-> { now })
        Logger.target = @log
        OverSIP.pid = Process.pid
        OverSIP.status = :loading
      end

      def open_native(settings)
        @native = Engine.__send__(:open_world, settings.engine_options, @seed)
        Listeners.note(settings.configuration, @native.listeners)
        @names = Names.new(@native, settings.listeners, settings.own_names)
        @network = Network.new(@native, settings.listeners, @names, method(:guard), @observer.method(:last_block))
        @happenings = Happenings.new(@native, @record)
        @traffic = Traffic.new(@network, @record)
        @native.driver = @network.method(:step)
        Dispatcher.attend(driver: @network.method(:step), on_failure: @observer.method(:keep))
        AroundCallback.observer = @observer
        Notifications.begin
      end

      def run_start_events
        LifeCycle.run_start_events
        OverSIP.status = :running
        OverSIP.is_ready = true
      end

      # As the server's end does, but an exception fails the example.
      def end_script
        note_sent
        OverSIP.status = :terminating
        guard { terminated(SystemEvents, SystemEvents.method(:on_terminated)) }
        SystemCallbacks.on_terminated_callbacks.reverse_each do |callback|
          guard { terminated(SystemCallbacks, callback) }
        end
        @native.stop
        note_sent
      end

      # What can be read of a world that is closed. Another one can be opened from now on, whatever the clean-up raises.
      def take_last_state
        @ended_at = now
        @last_blacklist = @native ? @native.blacklist : []
      ensure
        @closed = true
        World.forget(self)
      end

      def terminated(place, callable)
        AroundCallback.run(:on_terminated, place, [false], callable)
      end

      # Runs a block of the spec or of the script's end: what it raises is kept.
      def guard
        yield
      rescue *Dispatcher::FATAL
        raise
      rescue Exception => e # rubocop:disable Lint/RescueException -- expectations and mocks raise Exceptions
        @observer.keep(e)
        nil
      end

      def events_of(call)
        call_id = call.respond_to?(:call_id) ? call.call_id : call
        call_id ? record.for(call_id) : record
      end
    end
  end
end
