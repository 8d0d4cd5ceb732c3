# frozen_string_literal: true

# The engine's Ruby half works on a simulated network as well: in the calling thread, in virtual time, without a socket.
RSpec.describe "A script on a simulated network" do
  def options(configuration)
    OverSIP::EngineOptions.build(configuration, OverSIP.proxies).merge(listeners: [[:udp, "10.0.0.1", 5060]])
  end

  def simulate(seed: 1, &block)
    OverSIP.configuration = OverSIP::Config.build(given: {}, scope: :loopback)
    OverSIP.proxies = OverSIP::ProxiesConfig.build(given: {}, configuration: OverSIP.configuration)
    OverSIP::Engine.send(:simulate, options(OverSIP.configuration), seed, &block)
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
