# frozen_string_literal: true

# What a script counts by itself. Metrics belong to the process: each example has names of its own.
RSpec.describe OverSIP::Metrics, :native do
  subject(:metrics) { OverSIP.metrics }

  # Runs of the suite in one process must not count for each other.
  def name(word)
    @names ||= Hash.new { |names, key| names[key] = :"#{key}_#{OverSIP::Engine.random_hex(8)}" }
    @names[word]
  end

  it "counts without an engine, by labels in any order" do
    counter = metrics.counter(name(:logins), labels: %i[outcome realm], help: "Logins.")
    counter.increment(outcome: "ok", realm: :a)
    counter.increment(2.5, realm: "a", outcome: "ok")
    expect(counter.value(outcome: "ok", realm: "a")).to eq(3.5)
    expect(counter.value(outcome: "bad", realm: "a")).to eq(0.0)
    expect(counter.name).to eq("#{name(:logins)}_total")
    expect(counter.inspect).to eq("#<OverSIP::Metrics::Counter #{name(:logins)}_total by outcome, realm>")
  end

  it "takes any bytes as the value of a label, up to a length" do
    counter = metrics.counter(name(:logins), labels: [:user])
    ["\xff", "\xff".b, "\u00e4".encode("ISO-8859-1"), "x" * 5_000, nil].each { |user| counter.increment(user: user) }
    expect(["\ufffd", "\u00e4", "x" * 128, ""].map { |user| counter.value(user: user) }).to eq([2.0, 1.0, 1.0, 1.0])
  end

  it "shows control characters and those that turn the direction of writing by their numbers" do
    counter = metrics.counter(name(:logins), labels: [:user], help: "a\e[2Jb")
    counter.increment(user: "\e[31m\u202Ea\nb")
    expect(counter.value(user: '\x1B[31m\u{202E}a\x0Ab')).to eq(1.0)
  end

  it "takes the value of a label in any encoding" do
    counter = metrics.counter(name(:logins), labels: [:user])
    expect { Encoding.list.each { |encoding| counter.increment(user: "\xff".dup.force_encoding(encoding)) } }.not_to raise_error
  end

  it "has gauges that grow and fall" do
    gauge = metrics.gauge(name(:users))
    gauge.set(5)
    gauge.increment
    gauge.decrement(3)
    expect(gauge.value).to eq(3.0)
  end

  it "asks the block of a gauge when somebody looks, the last one that was given" do
    metrics.gauge(name(:users)) { raise "the former one" }
    gauge = metrics.gauge(name(:users)) { 7 }
    expect { metrics.ask_gauges }.to change(gauge, :value).from(0.0).to(7.0)
  end

  describe "with gauges whose blocks" do
    subject(:metrics) { described_class.new }

    let!(:first) { metrics.gauge(name(:first)) { 1 } }
    # @return [Array<String>] what is logged while all are asked, so many times
    def asked(times = 1)
      capture_log { times.times { metrics.ask_gauges } }.map(&:body)
    end

    def bad(&block)
      @line = block.source_location.last
      metrics.gauge(name(:bad), &block)
    end

    def record(what)
      "the block of the gauge #{name(:bad)} at #{__FILE__}:#{@line} #{what}; this is said once until it works again"
    end

    it "fail keep their value: the others are asked, and the log has it once, with the place" do
      {
        -> { raise KeyError, "no" } => "has failed: no (KeyError)",
        -> { "many" } => "has failed: a number is needed, not \"many\" (TypeError)",
        -> { raise NotImplementedError, "not yet" } => "has failed: not yet (NotImplementedError)",
        -> { raise Exception, "all" } => "has failed: all (Exception)", # rubocop:disable Lint/RaiseException -- scripts do
        -> { exit } => "has failed: exit (SystemExit)",
        -> { throw :anything } => "has failed: uncaught throw :anything (UncaughtThrowError)",
        -> { Thread.current.kill } => "has ended its thread",
        -> { raise Class.new(StandardError) { define_method(:message) { Thread.exit } } } => "has ended its thread"
      }.each do |block, failure|
        # Another block under the name of the one before it.
        gauge = bad(&block)
        last = metrics.gauge(name(:last)) { 2 }
        expect(asked(3)).to eq([record(failure)])
        expect([first, gauge, last].map(&:value)).to eq([1.0, 0.0, 2.0])
      end
      expect(metrics.failures).to eq(24)
    end

    it "do not come back are ended after half a second for all, and asked last the next time" do
      gate = Thread::Queue.new
      gauge = bad { gate.pop }
      last = metrics.gauge(name(:last)) { 2 }
      began = OverSIP::Deadline.now
      expect(asked).to eq([record("was ended: the blocks of all gauges have 0.5 s together")])
      expect(OverSIP::Deadline.now - began).to be < 0.9
      expect { asked }.to change(last, :value).from(0.0).to(2.0)
      gate << 5
      expect { asked }.to change(gauge, :value).from(0.0).to(5.0)
    end

    it "have been left no time by others are not ended for that, and are asked first the next time" do
      now = OverSIP::Deadline.now
      allow(OverSIP::Deadline).to receive(:now) { now }
      slow = bad { (now += 0.48) && 3 }
      last = metrics.gauge(name(:last)) { 2 }
      expect(asked).to be_empty
      expect([slow, last].map(&:value)).to eq([3.0, 0.0])
      expect { asked }.to change(last, :value).to(2.0)
    end

    describe "take some time" do
      before do
        @now = OverSIP::Deadline.now
        allow(OverSIP::Deadline).to receive(:now) { @now }
      end

      # Takes so many seconds, and does not come back when the time for all blocks is over.
      def take(seconds)
        @now += seconds
        Thread.stop if @now >= @end
      end

      def asked
        @end = @now + 0.5
        super
      end

      it "have a value at one of the next times where that is too long for all of them, and none of them has failed" do
        begun = 0
        slow = metrics.gauge(name(:slow)) { ((begun += 1) && take(0.42)) || begun }
        quick = metrics.gauge(name(:quick)) { take(0.1) || 2 }
        expect([asked, slow.value, quick.value]).to eq([[], 1.0, 0.0])
        expect([asked, quick.value]).to eq([[], 2.0])
        expect { asked }.to change(slow, :value).to(2.0)
        # It was not begun to be ended.
        expect([begun, metrics.failures]).to eq([2, 0])
      end

      it "are asked last the next time when they take the longest time" do
        order = []
        durations = [0.08, 0.02, 0.05]
        durations.each { |time| metrics.gauge(name("takes_#{(time * 100).to_i}")) { ((order << time) && take(time)) || 1 } }
        asked
        expect { asked }.to change { order.last(3) }.from(durations).to(durations.sort)
      end
    end

    it "have a thread of their own that lasts until it is ended" do
      connections = []
      works = true
      metrics.gauge(name(:users)) do
        connections << (Thread.current[:connection] ||= Object.new)
        works ? 1 : Thread.stop
      end
      other = nil
      metrics.gauge(name(:other)) { (other = Thread.current) && 1 }
      2.times { metrics.ask_gauges }
      expect(connections.uniq.size).to eq(1)
      expect(other).not_to be_nil
      expect(other.name).to eq("oversip gauge #{name(:other)}")
      works = false
      capture_log { metrics.ask_gauges }
      works = true
      capture_log { eventually { metrics.ask_gauges || connections.size > 3 } }
      expect(connections.uniq.size).to eq(2)
    end

    it "get no thread from the system have failed" do
      bad { 1 }
      allow(Thread).to receive(:new).and_raise(ThreadError, "can't create Thread")
      expect(asked).to include(record("has no thread: can't create Thread"))
      allow(Thread).to receive(:new).and_call_original
      expect { asked }.to change(first, :value).to(1.0)
    end

    it "are given anew have a thread anew: the former one ends" do
      former = nil
      metrics.gauge(name(:users)) { (former = Thread.current) && 1 }
      metrics.ask_gauges
      gauge = metrics.gauge(name(:users)) { Thread.current == former ? 0 : 2 }
      expect { metrics.ask_gauges }.to change(gauge, :value).to(2.0)
      expect(former.join(5)).to eq(former)
    end

    it "are asked by somebody who is killed are ended" do
      running = Thread::Queue.new
      metrics.gauge(name(:users)) { (running << Thread.current) && Thread.stop }
      asking = Thread.new { metrics.ask_gauges }
      block = running.pop
      asking.kill.join
      expect(block.join(5)).to eq(block)
    end

    it "do not come back count as work only as long as they are waited for" do
      workers = 0
      allow(OverSIP::Engine).to receive(:worker_begins) { workers += 1 }
      allow(OverSIP::Engine).to receive(:worker_ends) { workers -= 1 }
      gate = Thread::Queue.new
      bad do
        gate.pop
      ensure
        gate.pop
      end
      asked
      expect(workers).to eq(0)
    ensure
      2.times { gate << 1 }
    end

    it "do not even come back when they are ended are not begun a second time" do
      gate = Thread::Queue.new
      begun = 0
      bad do
        begun += 1
        gate.pop
      ensure
        gate.pop
      end
      last = metrics.gauge(name(:last)) { 2 }
      expect(asked(3)).to eq([record("was ended: the blocks of all gauges have 0.5 s together")])
      expect([begun, last.value, metrics.failures]).to eq([1, 2.0, 3])
    ensure
      2.times { gate << 1 }
    end

    it "work again are told of, and fail anew at most once a minute" do
      works = false
      bad { works ? 1 : raise("no") }
      failure = record("has failed: no (RuntimeError)")
      expect(asked).to eq([failure])
      works = true
      expect(asked(2)).to eq(["the block of the gauge #{name(:bad)} at #{__FILE__}:#{@line} works again"])
      works = false
      expect(asked(2)).to be_empty
      now = OverSIP::Deadline.now + 60
      allow(OverSIP::Deadline).to receive(:now).and_return(now)
      expect(asked(2)).to eq([failure])
    end
  end

  it "has histograms, which time blocks too" do
    histogram = metrics.histogram(name(:took), labels: [:kind], buckets: [1, 2])
    histogram.observe(1.5, kind: "a")
    expect(histogram.time(kind: "a") { :value }).to eq(:value)
    expect { histogram.time(kind: "a") { raise "no" } }.to raise_error("no")
    expect(histogram.count(kind: "a")).to eq(3)
    expect(histogram.sum(kind: "a")).to be_between(1.5, 5)
    expect { |block| histogram.time(other: 1, &block) }.to raise_error(ArgumentError)
  end

  it "hands out the same metric each time, and refuses another one under its name" do
    first = metrics.counter(name(:logins), labels: [:outcome])
    first.increment(outcome: "ok")
    expect(metrics.counter(name(:logins), labels: ["outcome"], help: "Other words.").value(outcome: "ok")).to eq(1.0)
    expect { metrics.counter(name(:logins), labels: [:other]) }.to raise_error(OverSIP::RuntimeError, /there is a metric '\w+' already/)
  end

  it "has one value for all labels beyond a bound, and says so once" do
    counter = metrics.counter(name(:calls), labels: [:user])
    log = capture_log { 1_010.times { |number| counter.increment(user: number) } }
    expect(log.map(&:body)).to contain_exactly(/#{counter.name} has no room for more combinations of labels/)
    expect(counter.value(user: "other")).to eq(10.0)
  end

  it "says what is wrong with an argument" do
    counter = metrics.counter(name(:logins), labels: [:outcome])
    {
      -> { counter.increment } => [ArgumentError, "#{counter.name} has the labels outcome, not none"],
      -> { counter.increment(other: 1) } => [ArgumentError, "#{counter.name} has the labels outcome, not other"],
      -> { counter.increment(-1, outcome: 1) } => [ArgumentError, "a counter does not fall: -1.0"],
      -> { counter.increment("1", outcome: 1) } => [TypeError, "a number is needed, not \"1\""],
      -> { counter.increment(Float::NAN, outcome: 1) } => [TypeError, "a number is needed, not NaN"],
      -> { metrics.gauge(name(:a)).set(nil) } => [TypeError, "a number is needed, not nil"],
      -> { metrics.gauge(name(:a)).set(1, x: 1) } => [ArgumentError, "#{name(:a)} has no labels, not x"],
      -> { metrics.gauge(5) } => [TypeError, "the name has to be a Symbol or a String, not 5"],
      -> { metrics.gauge(:b, labels: :x) } => [TypeError, "labels: has to be an Array, not :x"],
      -> { metrics.gauge(:b, labels: [1]) } => [TypeError, "a label has to be a Symbol or a String, not 1"],
      -> { metrics.gauge(:b, help: nil) } => [TypeError, "help: has to be a String, not nil"],
      -> { metrics.gauge(:b, labels: [:x]) { 1 } } => [ArgumentError, "a gauge with a block has no labels"],
      -> { metrics.histogram(:b, buckets: ["1"]) } => [TypeError, "buckets: has to be an Array of numbers, not [\"1\"]"],
      -> { metrics.histogram(:b, buckets: [2, 1]) } => [OverSIP::RuntimeError, "buckets have to be numbers that grow"],
      -> { metrics.gauge("a b") } => [OverSIP::RuntimeError, /'a b' is no name of a metric/],
      -> { metrics.counter("") } => [OverSIP::RuntimeError, /'' is no name of a metric/],
      -> { metrics.gauge("x" * 100_000) } => [OverSIP::RuntimeError, /\A.{1,200}\z/],
      -> { metrics.gauge("a\e[2J") } => [OverSIP::RuntimeError, /\A'a\\u\{1b\}\[2J' is no name of a metric/],
      -> { metrics.gauge("\xff") } => [OverSIP::RuntimeError, /is no name of a metric/],
      -> { metrics.gauge("\xff".b) } => [OverSIP::RuntimeError, /is no name of a metric/],
      -> { metrics.gauge(:b, labels: ["\xff"]) } => [OverSIP::RuntimeError, /is no name of a label/],
      -> { metrics.gauge(:b, labels: ["x" * 129]) } => [OverSIP::RuntimeError, /is no name of a label/],
      -> { metrics.gauge(:b, help: "") } => [OverSIP::RuntimeError, "the help of a metric has to say what it counts"],
      -> { metrics.gauge(:up) } => [OverSIP::RuntimeError, /'up' is a name that Prometheus gives by itself/],
      -> { metrics.counter(:scrape_errors) } => [OverSIP::RuntimeError, /'scrape_errors' is a name that Prometheus gives/],
      -> { metrics.gauge(name(:logins)) } => [OverSIP::RuntimeError, /and the metric '\w+_total' would have names in common/],
      -> { metrics.gauge(:oversip_calls) } => [OverSIP::RuntimeError, /begins like the library's own metrics/],
      -> { metrics.gauge(:process_open_fds) } => [OverSIP::RuntimeError, /begins like the library's own metrics/],
      -> { metrics.gauge(:b, labels: [:le]) } => [OverSIP::RuntimeError, /'le' is no name of a label/]
    }.each { |call, (error, message)| expect(&call).to raise_error(error, message) }
  end

  it "counts from several threads at once" do
    counter = metrics.counter(name(:calls))
    Array.new(4) { Thread.new { 1_000.times { counter.increment } } }.each(&:join)
    expect(counter.value).to eq(4_000.0)
  end
end
