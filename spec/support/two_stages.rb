# frozen_string_literal: true

require "oversip/testing/world"
require_relative "chance_mask"
require_relative "socket_world"

# The same script and the same steps twice: in a simulated world, and beside a real engine over real sockets. Personas act the
# same in both, at the same addresses, so what they see can be compared message for message.
module TwoStages
  # Addresses of this process: examples of two processes do not meet.
  NET = "127.#{1 + (Process.pid % 200)}.#{Process.pid / 200 % 250}".freeze
  ELEMENT = ["#{NET}.100", 5060].freeze

  KEY = "the key of both, so that both make the same flow tokens"

  # What either has for the steps, beside `told`: what peers were told, each as time, peer, transport, bytes.
  module Stage
    def client(name, **options)
      (@clients ||= {})[name] ||= super(name, address: "#{next_ip}:5060", **options)
    end

    # Its name is known to DNS.
    def target(name, **options)
      (@hosts ||= {})[name] ||= next_ip.tap { |ip| zone { a name, ip } }
      super
    end

    private

    def next_ip
      "#{NET}.#{@last_ip = (@last_ip || 0) + 1}"
    end
  end

  # Notes what peers are told, and what they do by their timers.
  module Noted
    attr_accessor :told, :plan

    def step(limit)
      event = super
      case event
      when nil then plan << []
      when :happened then nil
      else note(*event)
      end
      event
    end

    private

    def note(kind, peer, transport = nil, _remote = nil, _local = nil, bytes = nil)
      plan.last << [kind, now, peer] if %i[message timer].include?(kind)
      told << [now, peer, transport, bytes] if kind == :message
    end
  end

  # A simulated world as a stage.
  module Simulation
    include Stage

    def self.extended(world)
      super
      world.begin_notes
    end

    def begin_notes
      @native.extend(Noted)
      @native.told = []
      @native.plan = [[]]
    end

    def plan
      @native.plan
    end

    def told
      @native.told
    end
  end

  # A real engine and sockets.
  class Wire
    include OverSIP::Testing::World::People
    include Stage

    # @param plan [Array] of the simulation
    # @yield starts the engine, with the name server's address
    def initialize(plan)
      @dns = ScriptedDns.new
      yield @dns.address
      OverSIP::Testing.freeze
      @native = SocketWorld.new(plan, @dns, ELEMENT) { caught_up }
      own = %i[udp tcp].to_h { |transport| [transport, ELEMENT.join(":")] }
      @names = OverSIP::Testing::World::Names.new(@native, own, ELEMENT.first => ELEMENT.first)
      @network = OverSIP::Testing::World::Network.new(@native, own, @names, ->(&block) { block.call }, -> { "a block" })
    end

    def zone(&)
      OverSIP::Testing::World::Zone.new(@names, @native, self).instance_exec(&)
    end

    def advance(seconds)
      @network.run_until(@native.now + seconds)
    end

    def told
      @native.told
    end

    def close
      OverSIP.stop(timeout: 0)
      [@native, @stranger, @dns].compact.each(&:close)
    end

    private

    # The engine has dealt with all datagrams, and the dispatcher with its queue, twice: each may have asked the other.
    def caught_up
      2.times do
        probe
        done = RelayHelpers::Mailbox.new
        OverSIP.schedule { done << true }
        done.pop
        OverSIP::Testing.advance(0)
      end
    end

    # A CANCEL that matches nothing is answered at once and in its turn.
    def probe
      @stranger ||= UdpPeer.new("#{NET}.200")
      @stranger.send_text(@stranger.build(:CANCEL, "sip:nobody@b.example"), *ELEMENT.reverse)
      @stranger.receive
    end
  end

  # Does the steps on both stages.
  #
  # @param script [String, nil] a file
  # @param options [Hash] `configuration:` and `profile:` beside what both need
  # @yield the steps, evaluated in the stage
  # @return [Array<Array>] of the simulation and of the wire: what the steps gave back, and what peers saw
  def on_both_stages(on_request, script: nil, configuration: {}, profile: {}, &steps)
    conf = { core: { syslog_level: "crit" }, sip: { listen_ipv4: ELEMENT.first, listen_port: ELEMENT.last, enable_ipv6: false,
                                                    flow_token_key: KEY, **configuration } }
    common = { configuration: conf, proxies: { default_proxy: profile } }
    plan, *simulated = simulated(script, on_request, common, steps)
    [simulated, on_the_wire(plan, script, on_request, common, steps)]
  end

  private

  def simulated(script, on_request, common, steps)
    stage = OverSIP::Testing::World.open(script:, **common, &on_request).extend(Simulation)
    result = stage.instance_exec(&steps)
    stage.verify!
    [stage.plan, result, seen(stage)]
  ensure
    stage&.close
  end

  def on_the_wire(plan, script, on_request, common, steps)
    loaded = OverSIP::Testing::World::Script.new(script, on_request)
    loaded.load
    stage = Wire.new(plan) do |nameserver|
      OverSIP.start(**common, configuration: common[:configuration].merge(core: { syslog_level: "crit", nameservers: nameserver }))
    end
    [stage.instance_exec(&steps), seen(stage)]
  ensure
    stage&.close
    loaded&.undo
  end

  def seen(stage)
    mask = ChanceMask.new
    stage.told.map { |at, peer, transport, bytes| "#{at.round(6)} s, peer #{peer}, #{transport}: #{mask.mask(bytes)}" }
  end
end
