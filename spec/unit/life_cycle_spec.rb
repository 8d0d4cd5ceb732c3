# frozen_string_literal: true

require "tmpdir"
require_relative "../support/fake_engine"

RSpec.describe "Start and end of the engine" do
  let(:engine) { FakeEngine.new }
  let(:order) { [] }

  before do
    stub_const("OverSIP::Engine", engine)
    stub_const("OverSIP::SystemCallbacks", OverSIP::SystemCallbacks.clone)
    %i[on_started on_reload on_terminated].each do |name|
      OverSIP::SystemCallbacks.instance_variable_set(:"@#{name}_callbacks", [])
    end
  end

  # What the starts say is no part of the suite's output.
  around { |example| capture_log { example.run } }

  after { OverSIP.stop(timeout: 0) }

  it "listens by UDP and TCP, IPv4 before IPv6, and tells the port that was found" do
    OverSIP.start(configuration: { sip: { listen_port: 0, listen_ipv6: "::1" } })
    expect(engine.options[:listeners])
      .to eq([[:udp, "127.0.0.1", 0], [:udp, "::1", 0], [:tcp, "127.0.0.1", 0], [:tcp, "::1", 0]])
    expect(OverSIP.configuration[:sip][:listen_port]).to eq(40_000)
  end

  it "says at info where it listens, once it serves; a port that was not asked for only at debug" do
    said = lambda do |port|
      log = capture_log do
        OverSIP.start(configuration: { core: { syslog_level: "debug" }, sip: { listen_port: port, listen_ipv6: "::1", sip_tcp: false } })
      end
      OverSIP.stop(timeout: 0)
      log.map { |record| [record.severity, record.body] }.grep(->((_, body)) { body.start_with?("listening") })
    end
    expect(said.call(5070)).to eq([[:info, "listening on udp 127.0.0.1:5070"], [:info, "listening on udp [::1]:5070"]])
    expect(said.call(0)).to eq([[:debug, "listening on udp 127.0.0.1:40000"], [:debug, "listening on udp [::1]:40000"]])
  end

  it "hands the parameters to the engine" do
    OverSIP.start(configuration: { core: { product: "Mine/1", nameservers: "192.0.2.1" }, sip: { local_domains: "A.example" } })
    expect(engine.options).to include(product: "Mine/1", nameservers: ["192.0.2.1"], local_domains: ["a.example"],
                                      max_body_size: 1_048_576, connect_timeout: 2, tls_handshake_timeout: 4, flow_token_key: nil)
    expect(engine.options).not_to include(:error_details_on_wire)
  end

  it "names the product after this gem by default" do
    OverSIP.start
    expect(engine.options[:product]).to eq("OverSIP/#{OverSIP::VERSION}")
  end

  it "goes from loading to running to nothing" do
    expect(OverSIP.status).to be_nil
    allow(OverSIP::SystemEvents).to receive(:on_started) { order << [OverSIP.status, OverSIP.is_ready, engine.status] }
    OverSIP.start
    order << [OverSIP.status, OverSIP.is_ready, engine.status]
    allow(OverSIP::SystemEvents).to receive(:on_terminated) { order << [OverSIP.status, OverSIP.is_ready, engine.status] }
    OverSIP.stop
    expect(order).to eq([[:loading, false, :loading], [:running, true, :running], [:terminating, false, :terminating]])
    expect(OverSIP.status).to be_nil
  end

  it "runs the events of the start and of the end in their order, on the dispatcher" do
    events = OverSIP::SystemEvents
    allow(events).to receive(:on_initialize) { order << [:initialize, OverSIP::Dispatcher.current?] }
    allow(events).to receive(:on_started) { order << :started }
    allow(events).to receive(:on_terminated) { |error| order << [:terminated, error] }
    OverSIP::SystemCallbacks.on_started { order << :first }
    OverSIP::SystemCallbacks.on_started { order << :second }
    OverSIP::SystemCallbacks.on_terminated { |error| order << [:first, error] }
    OverSIP::SystemCallbacks.on_terminated { raise "does not keep the others from running" }
    OverSIP.start
    capture_log { OverSIP.stop }
    expect(order).to eq([[:initialize, true], :first, :second, :started, [:terminated, false], [:first, false]])
  end

  it "raises the exception of a start event, and is stopped then" do
    allow(OverSIP::SystemEvents).to receive(:on_started).and_raise(KeyError, "no database")
    expect { OverSIP.start }.to raise_error(KeyError, "no database")
    expect(OverSIP).not_to be_running
    expect(engine).not_to be_running
  end

  it "raises the engine's error about a port, and can be started again" do
    stub_const("OverSIP::Engine", FakeEngine.new(start_error: OverSIP::RuntimeError.new("cannot bind UDP 127.0.0.1:5060: x")))
    expect { OverSIP.start }.to raise_error(OverSIP::RuntimeError, /cannot bind UDP 127.0.0.1:5060/)
    expect(OverSIP.status).to be_nil
    stub_const("OverSIP::Engine", engine)
    OverSIP.start
    expect(OverSIP).to be_running
  end

  it "says what several processes do that ask for one port" do
    error = OverSIP::RuntimeError.new("cannot bind UDP 127.0.0.1:5060: Address already in use")
    stub_const("OverSIP::Engine", FakeEngine.new(start_error: error))
    expect { OverSIP.start }.to raise_error(OverSIP::RuntimeError, /\A#{error.message}: another process listens there.*Puma.*port of its own/)
  end

  it "names both parameters that ask for one port, before it opens any" do
    configuration = { sip: { listen_port: 5060, enable_ipv6: false }, websocket: { sip_ws: true, listen_port: 5060, enable_ipv6: false } }
    expect { OverSIP.start(configuration: configuration) }
      .to raise_error(OverSIP::ConfigurationError,
                      "configuration error: TCP IP '127.0.0.1' and port 5060 already in use: sip[listen_port] and websocket[listen_port] ask for it")
    expect(OverSIP.running?).to be(false)
    OverSIP.start(configuration: configuration.transform_values { |section| section.merge(listen_port: 0) })
  end

  it "refuses a second start and leaves the first one alone" do
    OverSIP.start
    expect { OverSIP.start }.to raise_error(OverSIP::RuntimeError, "already running: OverSIP.stop ends what an earlier start began")
    expect(OverSIP).to be_running
  end

  it "stops after a block, whatever happens in it, and returns its value" do
    expect(OverSIP.start { :value }).to eq(:value)
    expect { OverSIP.start { raise KeyError } }.to raise_error(KeyError)
    expect(OverSIP).not_to be_running
  end

  it "does nothing when it is stopped twice" do
    OverSIP.start
    2.times { OverSIP.stop(timeout: 1.5) }
    expect(engine.calls.grep(Array).select { |call| call.first == :stop }).to match([[:stop, a_value_within(0.5).of(1.5)]])
  end

  it "has come to its end when a second stop returns" do
    OverSIP.start
    entered = Thread::Queue.new
    gate = Thread::Queue.new
    allow(OverSIP::Dispatcher).to receive(:stop).and_wrap_original do |stop, *arguments|
      entered << true
      gate.pop
      stop.call(*arguments)
    end
    stopping = Thread.new { OverSIP.stop }
    entered.pop
    second = Thread.new { OverSIP.stop || OverSIP.status }
    Thread.pass until second.stop?
    gate << true << true
    expect([second.join(5), second.value, stopping.join(5)]).to eq([second, nil, stopping])
  end

  it "is not stopped by a callback of an earlier start" do
    OverSIP.start
    threads = Thread.list
    begun = Thread::Queue.new
    OverSIP::LifeCycle.instance_variable_get(:@lock).synchronize do
      OverSIP.schedule { OverSIP.stop || (begun << true) }
      begun.pop
      OverSIP.stop
      OverSIP.start
    end
    (Thread.list - threads).reject { |thread| thread.name.to_s.start_with?("oversip") }.each { |thread| thread.join(5) }
    expect(OverSIP).to be_running
  end

  it "can be stopped from a callback" do
    OverSIP.start
    done = Thread::Queue.new
    OverSIP::SystemCallbacks.on_terminated { done << true }
    OverSIP.schedule { OverSIP.stop }
    expect(done.pop).to be(true)
  end

  it "run waits for TERM or INT, or for a stop from a callback" do
    %w[TERM INT].each do |signal|
      OverSIP.run { Process.kill(signal, Process.pid) }
      expect(OverSIP).not_to be_running
    end
    OverSIP.run { OverSIP.schedule { OverSIP.stop } }
    expect(OverSIP).not_to be_running
  end

  it "does not exist in a forked child, which may start its own" do
    OverSIP.start
    reader, writer = IO.pipe
    child = fork do
      states = [OverSIP.running?, OverSIP.status]
      OverSIP.start
      states.push(OverSIP.running?, OverSIP.status)
      writer.write(Marshal.dump(states))
      exit!(0)
    end
    writer.close
    expect(Marshal.load(reader.read)).to eq([false, nil, true, :running]) # rubocop:disable Security/MarshalLoad -- from our own child
    Process.wait(child)
    expect(OverSIP).to be_running
  end

  it "schedule checks its arguments and logs exceptions of its block" do
    OverSIP.start
    expect { OverSIP.schedule }.to raise_error(ArgumentError, "no block given")
    [-1, Float::NAN, Float::INFINITY, "1"].each do |after|
      expect { OverSIP.schedule(after: after) { nil } }.to raise_error(after.is_a?(Numeric) ? ArgumentError : TypeError, /after:/)
    end
    log = capture_log do
      OverSIP.schedule { raise "oops" }
      OverSIP::Dispatcher.call { nil }
    end
    expect(log.map(&:body)).to include(/block given to OverSIP.schedule/, /oops \(RuntimeError\)/)
  end

  describe "with a folder" do
    around { |example| Dir.mktmpdir { |dir| (@dir = dir) && example.run } }

    def write(name, text)
      File.write(File.join(@dir, name), text)
    end

    it "reads its files, those it has, and lets arguments go over them" do
      write("oversip.conf", "sip: {listen_ipv4: 127.0.0.1, listen_port: 5080, enable_ipv6: no}")
      write("proxies.conf", "default_proxy: {timer_B: 4}\nother: {timer_B: 5}")
      write("server.rb", "$before_configuration = OverSIP.configuration")
      previous = OverSIP.configuration
      OverSIP.start(config_dir: @dir, proxies: { other: { timer_B: 6 } })
      expect(OverSIP.configuration[:sip][:listen_port]).to eq(5080)
      expect(OverSIP.proxies.transform_values { |profile| profile[:timer_B] }).to eq({ default_proxy: 4, other: 6 })
      expect($before_configuration).to eq(previous) # rubocop:disable Style/GlobalVars -- set by the script above
    end

    it "needs oversip.conf" do
      expect { OverSIP.start(config_dir: @dir) }
        .to raise_error(OverSIP::ConfigurationError, /error loading Main Configuration file .*oversip.conf': No such file/)
    end

    it "says which line of YAML is wrong" do
      write("oversip.conf", "sip:\n  a: [")
      expect { OverSIP.start(config_dir: @dir) }.to raise_error(OverSIP::ConfigurationError, /oversip\.conf.*line 3/)
    end

    it "says what to change in an old server.rb" do
      write("oversip.conf", "")
      write("server.rb", "raise NameError.new('uninitialized constant Fixnum', :Fixnum)")
      expect { OverSIP.start(config_dir: @dir) }
        .to raise_error(OverSIP::ConfigurationError, /error loading Server file .*Fixnum.*write Integer instead/m)
    end
  end
end
