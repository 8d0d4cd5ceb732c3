# frozen_string_literal: true

require "support/simulated_world"

# Who waits for the end of a request lets the world go on; what other threads ask for happens between its steps.
RSpec.describe OverSIP::Engine::World, "and who waits in it" do
  include SimulatedWorld

  let(:target) { "10.0.2.1:5060" }

  def options
    OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@#{target}" })
  end

  # Lets the target answer, and the world go on by one step.
  # @return [Boolean] false when nothing was due
  def go_on(world, status)
    step = world.step(nil) or return false
    kind, peer, _, remote, _, bytes = step
    world.send_bytes(peer, answer(bytes, status), remote) if kind == :message && status
    true
  end

  def with_target(status: 200)
    in_world do |world|
      world.add_peer("target", :udp, target)
      world.driver = -> { go_on(world, status) }
      yield world
    end
  end

  it "Uac#call has the driver called until its response is there" do
    with_target do |world|
      expect(OverSIP::SIP::Uac.new.call(options).status_code).to eq(200)
      expect(world.now).to eq(0)
    end
  end

  it "Uac#call raises what the request ends with in virtual time" do
    with_target(status: nil) do |world|
      expect { OverSIP::SIP::Uac.new.call(options) }.to raise_error(OverSIP::SIP::ClientError, /408/)
      expect(world.now).to eq(32)
      expect { OverSIP::SIP::Uac.new.call(options, timeout: 5) }.to raise_error(OverSIP::SIP::ClientError)
      expect(world.now).to eq(37)
    end
  end

  it "Uac#call says what it awaits when nothing more is due" do
    with_target do |world|
      world.driver = -> { false }
      expect { OverSIP::SIP::Uac.new.call(options) }
        .to raise_error(OverSIP::RuntimeError, "the OPTIONS to sip:bob@10.0.2.1:5060 has no final response, and nothing more is due in the world")
      world.driver = nil
      expect { OverSIP::SIP::Uac.new.call(options) }.to raise_error(OverSIP::RuntimeError, /give it a driver/)
    end
  end

  it "Uac#call hands on what the driver raises, and gives the request up" do
    with_target do |world|
      world.driver = -> { raise KeyError, "from the driver" }
      expect { OverSIP::SIP::Uac.new.call(options) }.to raise_error(KeyError, "from the driver")
      run(world)
      expect(OverSIP::Engine.held_objects).to eq(0)
    end
  end

  it "Uac#call in a block suspends that until the response is there" do
    seen = []
    with_target(status: nil) do |world|
      OverSIP.schedule do
        OverSIP::SIP::Uac.new.call(options)
      rescue OverSIP::SIP::ClientError => e
        seen << e.status << world.now
      end
      OverSIP.schedule { seen << world.now }
      run(world)
      expect(OverSIP::Engine.held_objects).to eq(0)
    end
    expect(seen).to eq([0, 408, 32])
  end

  it "Uac#call in a Fiber that a block has made is refused, since it cannot be suspended" do
    complaints = []
    with_target do |world|
      OverSIP.schedule do
        Fiber.new { OverSIP::SIP::Uac.new.call(options) }.resume
      rescue OverSIP::RuntimeError => e
        complaints << e.message
      end
      run(world)
    end
    expect(complaints).to contain_exactly(/this Fiber cannot be suspended/)
  end

  it "Uac#call in another Thread gets its response while the world's thread steps" do
    with_target do |world|
      thread = Thread.new { OverSIP::SIP::Uac.new.call(options).status_code }
      Thread.pass while go_on(world, 200) || thread.alive?
      expect(thread.value).to eq(200)
    end
  end

  it "Uac#call in another Thread ends with the world" do
    thread = nil
    with_target do
      thread = Thread.new { OverSIP::SIP::Uac.new.call(options) }
      thread.report_on_exception = false
      Thread.pass until thread.stop?
    end
    expect { thread.value }.to raise_error(OverSIP::RuntimeError, /stopped while the request was pending/)
  end

  it "another Thread replies between two steps, while a block runs" do
    order = []
    allow(OverSIP::SipEvents).to receive(:on_request) do |request|
      @thread = Thread.new do
        request.reply(200)
        order << :replied
      end
      Thread.pass until @thread.stop?
      order << :block_ended
    end
    with_target do |world|
      alice = world.add_peer("alice", :udp, "10.0.1.1:5060")
      world.send_bytes(alice, request(method: "OPTIONS"), "10.0.0.1:5060")
      expect(run(world).last.last).to start_with("SIP/2.0 200")
      @thread.join
    end
    expect(order).to eq(%i[block_ended replied])
  end

  it "a block may wait for a Thread that replies" do
    allow(OverSIP::SipEvents).to receive(:on_request) { |request| Thread.new { request.reply(200) }.join }
    with_target do |world|
      alice = world.add_peer("alice", :udp, "10.0.1.1:5060")
      world.send_bytes(alice, request(method: "OPTIONS"), "10.0.0.1:5060")
      expect(run(world).last.last).to start_with("SIP/2.0 200")
    end
  end
end
