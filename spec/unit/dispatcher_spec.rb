# frozen_string_literal: true

require_relative "../support/fake_engine"

RSpec.describe OverSIP::Dispatcher do
  let(:engine) { FakeEngine.new }
  let(:seen) { Thread::Queue.new }

  before do
    stub_const("OverSIP::Engine", engine)
    engine.start(listeners: [])
    described_class.start
  end

  after do
    engine.stop(0)
    described_class.stop(2)
  end

  def event(&block)
    engine.schedule(0.0, block)
  end

  it "runs events in their order on one thread, each in a Fiber that is not the thread's own" do
    3.times { |number| event { seen << [number, Thread.current, Fiber.current == OverSIP.root_fiber] } }
    records = Array.new(3) { seen.pop }
    expect(records.map(&:first)).to eq([0, 1, 2])
    expect(records.map { |record| record[1] }.uniq).to contain_exactly(be_a(Thread).and(satisfy { |t| t != Thread.current }))
    expect(records.map(&:last)).to all(be(false))
  end

  it "knows its thread and Fiber from the first event on, though the thread that has made it does not go on meanwhile" do
    engine.stop(0)
    described_class.stop(2)
    engine.start(listeners: [])
    allow(Thread).to receive(:new).and_wrap_original do |original, &block|
      made = original.call(&block)
      event { seen << [described_class.current?, OverSIP.root_fiber] }
      @known = seen.pop
      made
    end
    described_class.start
    expect(@known).to match([true, an_instance_of(Fiber)])
    expect(OverSIP.root_fiber).to equal(@known.last)
  end

  it "uses a Fiber again when its event has ended" do
    2.times { event { seen << Fiber.current } }
    expect(seen.pop).to equal(seen.pop)
  end

  it "goes on while an event is suspended, and ends that one when it is resumed" do
    event do
      seen << Fiber.current
      seen << Fiber.yield
    end
    suspended = seen.pop
    event { seen << :meanwhile }
    expect(seen.pop).to eq(:meanwhile)
    event { suspended.resume(:resumed) }
    expect(seen.pop).to eq(:resumed)
    event { seen << :after }
    expect(seen.pop).to eq(:after)
  end

  it "starts another thread when a script kills it" do
    log = capture_log do
      event { seen << Thread.current }
      killed = seen.pop
      event { Thread.current.kill }
      killed.join(2)
      event { seen << Thread.current }
      expect(seen.pop).not_to equal(killed)
    end
    expect(log.map(&:body)).to include(/ended unexpectedly/)
  end

  it "does not start another thread when it is stopped" do
    event { seen << Thread.current }
    thread = seen.pop
    engine.stop(0)
    described_class.stop(2)
    expect(thread).not_to be_alive
    expect(described_class).not_to be_current
  end

  it "raises SystemExit and signals of an event in the main thread and goes on" do
    expect do
      event { raise Interrupt, "from a callback" }
      seen.pop
    end.to raise_error(Interrupt, "from a callback")
    event { seen << :alive }
    expect(seen.pop).to eq(:alive)
  end

  it "call runs a block there, returns its value and raises its error" do
    expect(described_class.call { described_class.current? }).to be(true)
    expect { described_class.call { raise KeyError, "x" } }.to raise_error(KeyError, "x")
    expect { described_class.call { exit 3 } }.to raise_error(SystemExit)
  end

  it "call gives up after its limit, or when the thread is killed" do
    event { seen.pop }
    expect(described_class.call(timeout: 0.05) { :never }).to be_nil
    seen << :go
    capture_log do
      expect { described_class.call { Thread.current.kill } }.to raise_error(OverSIP::RuntimeError, /killed/)
    end
  end

  it "call waits within its limit without a thread of its own" do
    caller = Thread.current
    before = Thread.list
    during = described_class.call(timeout: 60) do
      Thread.pass until caller.stop?
      Thread.list
    end
    expect(during - before).to be_empty
  end

  it "cuts off a callback that does not end" do
    event do
      seen << Thread.current
      Thread::Queue.new.pop
    end
    thread = seen.pop
    engine.stop(0)
    log = capture_log { described_class.stop(0.05) }
    expect(log.map(&:body)).to include(/still runs after 0.05 s/)
    expect(thread).not_to be_alive
  end

  describe "on_request" do
    let(:request) { double("request", sip_method: :INVITE, ruri: "sip:a@b", call_id: "7d1f") }
    let(:replies) { [] }

    before { allow(request).to receive(:reply) { |*arguments| replies << arguments } }

    def on_request(request)
      capture_log { described_class.on_request(request) }
    end

    def script(&)
      allow(OverSIP::SipEvents).to receive(:on_request, &)
    end

    it "hands the request to the script" do
      script { |given| seen << given }
      on_request(request)
      expect(seen.pop).to equal(request)
      expect(replies).to be_empty
    end

    [StandardError, NotImplementedError, SystemStackError, SecurityError].each do |error|
      it "logs #{error} and replies 500 without details" do
        script { raise error, "secret" }
        log = on_request(request)
        expect(replies).to eq([[500, "Internal Error"]])
        expect(log.map(&:severity).uniq).to eq([:error])
        expect(log.map(&:body)).to include(/exception in on_request \(INVITE sip:a@b, Call-ID 7d1f\)/, /secret \(#{error}\)/)
      end
    end

    it "does the same for an uncaught throw and for a break out of its method" do
      script { throw :nowhere }
      on_request(request)
      orphan = Object.new.instance_eval { def self.make = proc { break } || nil; make } # rubocop:disable Style/Semicolon -- one thought
      script { orphan.call }
      on_request(request)
      expect(replies).to eq([[500, "Internal Error"]] * 2)
    end

    it "does not answer an ACK" do
      allow(request).to receive(:sip_method).and_return(:ACK)
      script { raise "x" }
      on_request(request)
      expect(replies).to be_empty
    end

    it "shows the details on the wire where that is configured" do
      script { raise KeyError, "why" }
      allow(OverSIP).to receive(:configuration).and_return({ core: { error_details_on_wire: true } })
      on_request(request)
      expect(replies).to eq([[500, "Internal Error", ["Content-Type: text/plain"], "KeyError: why"]])
    end

    [SystemExit, Interrupt, NoMemoryError].each do |error|
      it "answers 500 and lets #{error} through" do
        script { raise error, "end" }
        expect { on_request(request) }.to raise_error(error)
        expect(replies).to eq([[500, "Internal Error"]])
      end
    end

    it "logs an error of the reply itself" do
      script { raise "x" }
      allow(request).to receive(:reply).and_raise(OverSIP::RuntimeError, "gone")
      expect(on_request(request).map(&:body)).to include(/gone \(OverSIP::RuntimeError\)/)
    end

    it "says what to change in an old script" do
      script { raise NameError.new("uninitialized constant Fixnum", :Fixnum) }
      expect(on_request(request).map(&:body)).to include(/write Integer instead/)
    end
  end
end
