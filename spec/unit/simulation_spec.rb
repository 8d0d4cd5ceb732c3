# frozen_string_literal: true

# The engine's Ruby half works on a simulated network as well: in the calling thread, in virtual time, without a socket.
require "timeout"

RSpec.describe "A script on a simulated network" do
  def simulate(seed: 1, core: {}, listeners: [[:udp, "10.0.0.1", 5060]], &block)
    OverSIP.configuration = OverSIP::Config.build(given: { core: }, scope: :loopback)
    OverSIP.proxies = OverSIP::ProxiesConfig.build(given: {}, configuration: OverSIP.configuration)
    options = OverSIP::EngineOptions.build(OverSIP.configuration, OverSIP.proxies)
    OverSIP::Engine.send(:simulate, options.merge(listeners:), seed, &block)
  ensure
    OverSIP.configuration = OverSIP.proxies = nil
  end

  def relayed_call(seed: 1)
    simulate(seed:) do |simulation|
      simulation.callee("10.0.2.1:5060", 200, 2.0)
      caller = simulation.caller("10.0.1.1:5060", "10.0.0.1:5060")
      call = simulation.call(caller, "sip:bob@b.example", 60.0)
      simulation.run
      [simulation.state(caller, call), simulation.now, simulation.record]
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
    state, now, record = relayed_call
    expect([state, now]).to match([:hung_up, be > 62])
    expect(seen).to eq([:INVITE, 200, :ACK, :BYE, 200])
    expect(record).to include("BYE sip:")
  end

  it "has the same messages each time that the seed is the same" do
    first, second, other = [1, 1, 2].map { |seed| relayed_call(seed:).last }
    expect(second).to eq(first)
    expect(other).not_to eq(first)
  end

  # A program of its own, so that nothing of this process decides: it writes the record of one relayed call.
  let(:program) do
    <<~'RUBY'
      require "oversip"

      def (OverSIP::SipEvents).on_request(request)
        request.loose_route unless request.initial?
        proxy = OverSIP::SIP::Proxy.new
        request.initial? ? proxy.route(request, "10.0.2.1", 5060, :udp) : proxy.route(request)
      end

      OverSIP.configuration = OverSIP::Config.build(given: {}, scope: :loopback)
      OverSIP.proxies = OverSIP::ProxiesConfig.build(given: {}, configuration: OverSIP.configuration)
      options = OverSIP::EngineOptions.build(OverSIP.configuration, OverSIP.proxies)
      OverSIP::Engine.send(:simulate, options.merge(listeners: [[:udp, "10.0.0.1", 5060]]), 1) do |simulation|
        simulation.callee("10.0.2.1:5060", 200, 2.0)
        simulation.call(simulation.caller("10.0.1.1:5060", "10.0.0.1:5060"), "sip:bob@b.example", 60.0)
        simulation.run
        print simulation.record
      end
    RUBY
  end

  it "has the same messages in each process" do
    library = File.expand_path("../../lib", __dir__)
    records = Array.new(2) { IO.popen([RbConfig.ruby, "-I", library, "-e", program], &:read) }
    expect(records.first).to include("BYE sip:")
    expect(records.last).to eq(records.first)
  end

  it "runs blocks of OverSIP.schedule at their time" do
    times = []
    simulate do |simulation|
      OverSIP.schedule(after: 20) { times << simulation.now }
      simulation.run
    end
    expect(times).to eq([20])
  end

  # What a request of the script's own looks like at the callee.
  def own_request(seed:)
    simulate(seed:) do |simulation|
      simulation.callee("10.0.2.1:5060", 200, 0.0)
      request = OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:bob@10.0.2.1:5060" })
      OverSIP.schedule { OverSIP::SIP::Uac.new.route(request) }
      simulation.run
      simulation.record
    end
  end

  it "draws Call-ID, tags and CSeq of its own requests from the seed too" do
    first, second, other = [1, 1, 2].map { |seed| own_request(seed:) }
    expect(first).to include("INVITE sip:bob@10.0.2.1")
    expect(second).to eq(first)
    expect(other).not_to eq(first)
  end

  it "answers detached requests with the product of the configuration" do
    sent = []
    simulate(core: { product: "Example/1" }) do
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

  describe "used without care" do
    # @return [String] of the error that the block raises
    def complaint_of(error = OverSIP::RuntimeError)
      yield
    rescue error => e
      e.message
    end

    def complaint(error = ArgumentError)
      simulate { |simulation| complaint_of(error) { yield simulation } }
    end

    it "refuses a second party at one address, and says what to do" do
      expect(complaint { |it| 2.times { it.callee("10.0.2.1:5060", 200, 0.0) } })
        .to eq("udp:10.0.2.1:5060 is taken: give each party of a simulation an address or a port of its own")
      expect(complaint { |it| it.caller("10.0.0.1:5060", "10.0.0.1:5060") }).to start_with("udp:10.0.0.1:5060 is taken")
    end

    it "refuses listeners at one address" do
      expect { simulate(listeners: [[:udp, "10.0.0.1", 5060]] * 2) { nil } }.to raise_error(ArgumentError, /udp:10.0.0.1:5060 is taken/)
    end

    it "refuses what no host, no status, no URI, no time and no number can be" do
      ["0.0.0.0:5060", "10.0.0.9:0"].each do |address|
        expect(complaint { |it| it.callee(address, 200, 0.0) }).to include("is no address of a host")
      end
      expect(complaint { |it| it.callee("nowhere", 200, 0.0) }).to include("no address with a port")
      expect(complaint { |it| it.callee("10.0.2.1:5060", 99, 0.0) }).to eq("a status is from 100 to 699, not 99")
      expect(complaint { |it| it.callee("10.0.2.1:5060", 200, Float::NAN) }).to include("seconds must be")
      expect(complaint { |it| it.call(7, "sip:bob@b.example", 1.0) }).to eq("there is no number 7: there are 0")
      expect(complaint { |it| it.call(it.caller("10.0.1.1:5060", "10.0.0.1:5060"), "no uri\r\n", 1.0) }).to include("is no URI")
    end

    it "is over with its block" do
      kept = simulate { |simulation| simulation }
      uses = [-> { kept.run }, -> { kept.now }, -> { kept.record }, -> { kept.state(0, 0) }, -> { kept.call(0, "sip:b", 1.0) },
              -> { kept.callee("10.0.2.1:5060", 200, 0.0) }, -> { kept.caller("10.0.1.1:5060", "10.0.0.1:5060") }]
      expect(uses).to all(raise_error(OverSIP::RuntimeError, "the simulation is over: it can be used in the block of simulate only"))
    end

    it "refuses a run inside of a run" do
      inside = lambda do |simulation|
        OverSIP.schedule { seen << complaint_of { simulation.run } }
        simulation.run
      end
      simulate(&inside)
      expect(seen).to match([start_with("the simulation runs")])
    end

    it "ends a run that never ends at one instant" do
      again = -> { OverSIP.schedule(&again) }
      endless = lambda do |simulation|
        again.call
        simulation.run
      end
      expect(complaint(OverSIP::RuntimeError, &endless)).to start_with("time does not go on")
    end

    it "can be interrupted" do
      ended = simulate do |simulation|
        OverSIP.schedule(after: 1_000_000_000) { nil }
        complaint_of(Timeout::Error) { Timeout.timeout(0.1) { simulation.run } }
      end
      expect(ended).to eq("execution expired")
    end

    it "does not wait for an answer that can never come" do
      request = OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@10.0.2.1:5060" })
      expect(complaint(OverSIP::RuntimeError) { OverSIP::SIP::Uac.new.call(request) }).to include("a simulation stands still meanwhile")
    end
  end

  it "leaves nothing behind: an engine can be started afterwards, and not meanwhile" do
    simulate do |simulation|
      expect { OverSIP.start(configuration: { sip: { listen_port: 0 } }) }.to raise_error(OverSIP::RuntimeError)
      simulation.run
    end
    expect(OverSIP::Engine.held_objects).to eq(0)
    OverSIP.start(configuration: { sip: { listen_port: 0 } })
    expect(OverSIP.stats[:server_transactions]).to eq(0)
  ensure
    OverSIP.stop
  end
end
