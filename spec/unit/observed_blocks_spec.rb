# frozen_string_literal: true

require "support/simulated_world"
require "support/world_call"

# While there is an observer, it stands between the engine and each block of the script.
RSpec.describe OverSIP::Engine, ".observe_blocks" do
  include SimulatedWorld

  let(:seen) { [] }
  let(:observer) do
    lambda do |event, subject, arguments, callable, &block|
      seen << [event, subject, arguments, callable]
      block.call
    end
  end

  after { described_class.observe_blocks(nil) }

  def relay
    allow(OverSIP::SipEvents).to receive(:on_request) do |request|
      request.loose_route unless request.initial?
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_target { |target| target }
      proxy.on_success_response { |response| response }
      request.initial? ? proxy.route(request, "10.0.2.1", 5060, :udp) : proxy.route(request)
    end
  end

  it "calls the observer with the event, its subject, its arguments and what is called" do
    relay
    described_class.observe_blocks(observer)
    in_world { |world| WorldCall.new(world, talk: 1.0).begin.run }
    expect(seen.map(&:first)).to eq(%i[on_request on_target on_success_response on_request on_target on_request on_target on_success_response])
    expect(seen[0]).to match([:on_request, OverSIP::SIP::Request, [OverSIP::SIP::Request], Method])
    expect(seen[2]).to match([:on_success_response, OverSIP::SIP::Proxy, [OverSIP::SIP::Response], Proc])
    expect(seen[2].last.source_location.first).to eq(__FILE__)
  end

  it "calls it for blocks of OverSIP.schedule" do
    described_class.observe_blocks(observer)
    ran = []
    block = -> { ran << :block }
    in_world do |world|
      OverSIP.schedule(after: 1, &block)
      run(world)
    end
    expect([seen, ran]).to eq([[[:schedule, nil, [], block]], [:block]])
  end

  it "shows it what a block raises, before the dispatcher takes it" do
    raised = []
    allow(OverSIP::SipEvents).to receive(:on_request).and_raise(NotImplementedError, "not yet")
    described_class.observe_blocks(lambda do |*, &block|
      block.call
    rescue Exception => e # rubocop:disable Lint/RescueException -- that is what an observer is for
      raised << e
      raise
    end)
    capture_log do
      in_world do |world|
        WorldCall.new(world).begin.run
        expect(world.entries(0).last.last).to start_with("SIP/2.0 500")
      end
    end
    expect(raised).to contain_exactly(an_instance_of(NotImplementedError))
  end

  it "calls blocks alone again when there is none any more" do
    relay
    described_class.observe_blocks(observer)
    described_class.observe_blocks(nil)
    in_world { |world| expect(WorldCall.new(world).begin.run.state).to eq(:hung_up) }
    expect(seen).to be_empty
  end
end
