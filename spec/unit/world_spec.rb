# frozen_string_literal: true

require "support/simulated_world"
require "support/world_call"
require "timeout"

# The engine's Ruby half works on a simulated network as well: in the calling thread, in virtual time, without a socket.
RSpec.describe OverSIP::Engine::World do
  include SimulatedWorld

  def relayed_call(seed: 1)
    in_world(seed:) do |world|
      call = WorldCall.new(world).begin.run
      [call.state, world.now, world.entries(0)]
    end
  end

  let(:seen) { [] }

  before do
    seen = self.seen
    allow(OverSIP::SipEvents).to receive(:on_request) do |request|
      seen << request.sip_method
      request.loose_route unless request.initial?
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_success_response { |response| seen << response.status_code }
      request.initial? ? proxy.route(request, "10.0.2.1", 5060, :udp) : proxy.route(request)
    end
  end

  it "relays a call whose minute of talk takes no time" do
    state, now, entries = relayed_call
    expect([state, now]).to match([:hung_up, be > 62])
    expect(seen).to eq([:INVITE, 200, :ACK, :BYE, 200])
    expect(entries.map(&:last)).to include(a_string_starting_with("BYE sip:"))
  end

  it "has the same messages each time that the seed is the same" do
    first, second, other = [1, 1, 2].map { |seed| relayed_call(seed:).last }
    expect(second).to eq(first)
    expect(other).not_to eq(first)
  end

  # A program of its own, so that nothing of this process decides: it writes the messages of one relayed call.
  let(:program) do
    <<~'RUBY'
      require "oversip"
      require "support/world_call"

      def (OverSIP::SipEvents).on_request(request)
        request.loose_route unless request.initial?
        proxy = OverSIP::SIP::Proxy.new
        request.initial? ? proxy.route(request, "10.0.2.1", 5060, :udp) : proxy.route(request)
      end

      OverSIP.configuration = OverSIP::Config.build(given: {}, scope: :loopback)
      OverSIP.proxies = OverSIP::ProxiesConfig.build(given: {}, configuration: OverSIP.configuration)
      options = OverSIP::EngineOptions.build(OverSIP.configuration, OverSIP.proxies)
      world = OverSIP::Engine.send(:open_world, options.merge(listeners: [[:udp, "10.0.0.1", 5060]]), 1)
      WorldCall.new(world).begin.run
      puts world.entries(0).map(&:inspect)
    RUBY
  end

  it "has the same messages in each process" do
    folders = %w[../../lib ..].flat_map { |folder| ["-I", File.expand_path(folder, __dir__)] }
    records = Array.new(2) { IO.popen([RbConfig.ruby, *folders, "-e", program], &:read) }
    expect(records.first).to include("BYE sip:")
    expect(records.last).to eq(records.first)
  end

  it "runs no block that was taken back before its time" do
    in_world do |world|
      first, second = [1, 2].map { |after| OverSIP::Engine.schedule(after.to_f, -> { seen << after }) }
      expect([OverSIP::Engine.unschedule(first), OverSIP::Engine.unschedule(first)]).to eq([true, false])
      world.step(nil) while seen.empty?
      expect([seen, OverSIP::Engine.unschedule(second), OverSIP::Engine.held_objects]).to eq([[2], false, 0])
    end
  end

  it "runs blocks of OverSIP.schedule at their time" do
    times = []
    in_world do |world|
      OverSIP.schedule(after: 20) { times << world.now }
      run(world)
    end
    expect(times).to eq([20])
  end

  # What a request of the script's own looks like at the callee.
  def own_request(seed:)
    in_world(seed:) do |world|
      call = WorldCall.new(world, answer_after: 0.0)
      request = OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:bob@10.0.2.1:5060" })
      OverSIP.schedule { OverSIP::SIP::Uac.new.route(request) }
      call.run
      world.entries(0)
    end
  end

  it "draws Call-ID, tags and CSeq of its own requests from the seed too" do
    first, second, other = [1, 1, 2].map { |seed| own_request(seed:) }
    expect(first.first.last).to start_with("INVITE sip:bob@10.0.2.1")
    expect(second).to eq(first)
    expect(other).not_to eq(first)
  end

  it "answers detached requests with the product of the configuration" do
    sent = []
    in_world(core: { product: "Example/1" }) do
      request = OverSIP::SIP::Request.parse("OPTIONS sip:a@b SIP/2.0\r\n\r\n")
      request.connection = Class.new { define_method(:send_sip_msg) { |text, *| sent << text } }.new
      request.source_ip = "192.0.2.6"
      request.reply(404)
    end
    expect(sent.first).to include("\r\nServer: Example/1\r\n")
  end

  it "hands the records of the element to OverSIP's logger" do
    allow(OverSIP::SipEvents).to receive(:on_request) do |request|
      request.reply(486)
      OverSIP::SIP::Proxy.new.route(request, "10.0.2.1", 5060, :udp)
    end
    records = capture_log(level: :info) { relayed_call }
    expect(records.map { |record| [record.severity, record.body, record.system] })
      .to eq([[:info, "the request is not routed: it was answered already", true]])
  end

  describe "its clock" do
    it "stands at the limit of a step in which nothing is due" do
      in_world do |world|
        expect([run(world, 12.5), world.now]).to eq([[], 12.5])
        expect([world.step(3), world.now]).to eq([nil, 12.5])
      end
    end

    it "reaches the end of a transaction at exactly its time, since network and DNS take none" do
      in_world do |world|
        world.add_peer("target", :udp, "10.0.2.1:5060")
        alice = world.add_peer("alice", :udp, "10.0.1.1:5060")
        world.send_bytes(alice, request, "10.0.0.1:5060")
        told = run(world)
        expect(told.map { |event| event[0..4] }.uniq).to contain_exactly([:message, 1, :udp, "10.0.0.1:5060", "10.0.1.1:5060"],
                                                                         [:message, 0, :udp, "10.0.0.1:5060", "10.0.2.1:5060"])
        timed_out = world.entries(0).find { |entry| entry.last.start_with?("SIP/2.0 408") }
        expect(timed_out).to match([32.0, "oversip", "alice", :udp, "10.0.0.1:5060", "10.0.1.1:5060", :sent, /\ASIP/]).and be_frozen
      end
    end

    it "tells of the timers of its user in the order of their times" do
      in_world do |world|
        { 5 => 1, 2.5 => 2, 0 => 3 }.each { |seconds, key| world.start_timer(seconds, key) }
        expect(run(world)).to eq([[:timer, 3], [:timer, 2], [:timer, 1]])
        expect(world.now).to eq(5)
      end
    end
  end

  describe "its names" do
    # @return [Array<String>] where an INVITE goes in turn, when nobody answers, and the status of its end
    def destinations(domain = "b.example")
      allow(OverSIP::SipEvents).to receive(:on_request) { |request| OverSIP::SIP::Proxy.new.route(request) }
      in_world do |world|
        yield world
        alice = world.add_peer("alice", :udp, "10.0.1.1:5060")
        world.send_bytes(alice, request(to: "bob@#{domain}"), "10.0.0.1:5060")
        run(world)
        sent = world.entries(1).map { |entry| entry[7].start_with?("SIP/2.0") ? entry[7][8, 3] : entry[5] }
        sent.uniq - ["100"]
      end
    end

    it "lead from NAPTR by SRV and CNAME to addresses" do
      found = destinations do |world|
        world.add_record("b.example", :naptr, 10, 10, "SIP+D2U", "_sip._udp.b.example")
        world.add_record("_sip._udp.b.example", :srv, 1, 0, 5070, "gw1.b.example")
        world.add_record("_sip._udp.b.example", :srv, 2, 0, 5080, "gw2.b.example")
        world.add_record("gw1.b.example", :a, "10.0.2.1")
        world.add_record("gw2.b.example", :cname, "host.b.example")
        world.add_record("host.b.example", :a, "10.0.2.2")
      end
      expect(found).to eq(["10.0.2.1:5070", "10.0.2.2:5080", "408"])
    end

    it "fail where the name servers do, and work again" do
      expect(destinations do |world|
        world.add_record("b.example", :a, "10.0.2.1")
        world.trouble("b.example", :server_failure)
      end.last).to eq("404")
      expect(destinations do |world|
        world.add_record("b.example", :a, "10.0.2.1")
        world.trouble("b.example", :silence)
        world.trouble("b.example", nil)
      end.first).to eq("10.0.2.1:5060")
    end

    it "refuse records that do not fit" do
      in_world do |world|
        expect { world.add_record("b.example", :mx, "a") }.to raise_error(ArgumentError, "there are no records of the kind mx")
        expect { world.add_record("b.example", :a, "nowhere") }.to raise_error(ArgumentError, /no IP address/)
        expect { world.add_record("b.example", :aaaa, "10.0.0.1") }.to raise_error(ArgumentError, /other kind/)
        expect { world.add_record("b.example", :srv, 1) }.to raise_error(ArgumentError, /do not fit/)
        expect { world.trouble("b.example", :fire) }.to raise_error(ArgumentError, /server_failure or silence/)
      end
    end
  end

  describe "used without care" do
    # @return [String] of the error that the block raises
    def complaint_of(error = OverSIP::RuntimeError)
      yield
    rescue error => e
      e.message
    end

    def complaint(error = ArgumentError)
      in_world { |world| complaint_of(error) { yield world } }
    end

    it "refuses a second party at one address, and says what to do" do
      expect(complaint { |it| 2.times { it.add_peer("a", :udp, "10.0.2.1:5060") } })
        .to eq("udp:10.0.2.1:5060 is taken: give each party of a world an address or a port of its own")
      expect(complaint { |it| it.add_peer("a", :udp, "10.0.0.1:5060") }).to start_with("udp:10.0.0.1:5060 is taken")
    end

    it "refuses listeners at one address" do
      expect { in_world(listeners: [[:udp, "10.0.0.1", 5060]] * 2) { nil } }.to raise_error(ArgumentError, /udp:10.0.0.1:5060 is taken/)
    end

    it "refuses what no host, no transport, no time, no share and no number can be" do
      ["0.0.0.0:5060", "10.0.0.9:0"].each do |address|
        expect(complaint { |it| it.add_peer("a", :udp, address) }).to include("is no address of a host")
      end
      expect(complaint { |it| it.add_peer("a", :udp, "nowhere") }).to include("no address with a port")
      expect(complaint { |it| it.add_peer("a", :sctp, "10.0.2.1:5060") }).to eq("sctp is no transport, such as udp")
      expect(complaint { |it| it.step(Float::NAN) }).to include("seconds must be")
      expect(complaint { |it| it.set_conditions({ loss: 1001 }) }).to include("loss is a share per mille, from 0 to 1000")
      expect(complaint { |it| it.set_conditions({ losses: 1 }) }).to start_with("unknown condition losses")
      expect(complaint { |it| it.set_conditions({ loss: 1 }, "10.0.0.1") }).to include("a way has two ends")
      expect(complaint { |it| it.cut_off("10.0.2.1:5060", :broken) }).to include("as refused or silent")
      expect(complaint { |it| it.send_bytes(7, "x", "10.0.0.1:5060") }).to eq("there is no peer 7: there are 0")
    end

    it "is of no use when it is closed, and can be closed twice" do
      kept = in_world { |world| world }
      kept.close
      uses = [-> { kept.step(nil) }, -> { kept.now }, -> { kept.entries(0) }, -> { kept.openings(0) }, -> { kept.start_timer(1, 1) },
              -> { kept.add_peer("a", :udp, "10.0.2.1:5060") }, -> { kept.send_bytes(0, "", "10.0.2.1:5060") }, -> { kept.run_event },
              -> { kept.driver = nil }]
      expect(uses).to all(raise_error(OverSIP::RuntimeError, "the world is closed"))
      expect(kept).not_to be_open
    end

    it "refuses a step and its end inside of a step" do
      in_world do |world|
        OverSIP.schedule { seen << complaint_of { world.step(nil) } << complaint_of { world.close } }
        run(world)
      end
      expect(seen).to match([start_with("the world goes on just now"), start_with("the world goes on just now")])
    end

    it "refuses a step in another thread than its own" do
      in_world do |world|
        expect(Thread.new { complaint_of { world.step(nil) } }.value).to eq("a world goes on in the thread that has opened it")
      end
    end

    it "ends a run that never ends at one instant" do
      again = -> { OverSIP.schedule(&again) }
      endless = lambda do |world|
        again.call
        run(world)
      end
      expect(complaint(OverSIP::RuntimeError, &endless)).to start_with("time does not go on")
    end

    it "can be interrupted" do
      ended = in_world do |world|
        OverSIP.schedule(after: 1_000_000_000) { nil }
        complaint_of(Timeout::Error) { Timeout.timeout(0.1) { run(world) } }
      end
      expect(ended).to eq("execution expired")
    end
  end

  it "leaves nothing behind: an engine can be started afterwards, and not meanwhile" do
    in_world do |world|
      expect { OverSIP.start(configuration: { sip: { listen_port: 0 } }) }.to raise_error(OverSIP::RuntimeError, /a world is open/)
      run(world)
    end
    expect(OverSIP::Engine.held_objects).to eq(0)
    OverSIP.start(configuration: { sip: { listen_port: 0 } })
    expect(OverSIP.stats[:server_transactions]).to eq(0)
    expect { open_world }.to raise_error(OverSIP::RuntimeError, /OverSIP runs/)
  ensure
    OverSIP.stop
  end

  it "is one at a time" do
    in_world do
      expect { OverSIP::Engine.send(:open_world, {}, 1) }.to raise_error(OverSIP::RuntimeError, /a world is open already/)
    end
  end
end
