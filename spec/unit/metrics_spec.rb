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

  it "says which block of a gauge has failed, and asks the others" do
    metrics.gauge(name(:bad)) { raise KeyError, "no" }
    metrics.gauge(name(:text)) { "many" }
    good = metrics.gauge(name(:good)) { 1 }
    log = capture_log { metrics.ask_gauges }
    expect(log.map(&:body)).to include("the block of the gauge #{name(:bad)} has failed: no (KeyError)",
                                       "the block of the gauge #{name(:text)} has failed: a number is needed, not \"many\" (TypeError)")
    expect(good.value).to eq(1.0)
    [name(:bad), name(:text)].each { |word| metrics.gauge(word) { 0 } }
  end

  it "asks the others when a block raises what is no StandardError" do
    metrics.gauge(name(:bad)) { raise NotImplementedError, "not yet" }
    good = metrics.gauge(name(:good)) { 1 }
    log = capture_log { metrics.ask_gauges }
    expect(log.map(&:body)).to include("the block of the gauge #{name(:bad)} has failed: not yet (NotImplementedError)")
    expect(good.value).to eq(1.0)
    metrics.gauge(name(:bad)) { 0 }
  end

  it "waits for the blocks of all gauges half a second together, and asks the others first the next time" do
    metrics = described_class.new
    gate = Thread::Queue.new
    2.times { |number| metrics.gauge(name("slow#{number}")) { gate.pop } }
    good = metrics.gauge(name(:good)) { 1 }
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    log = capture_log { metrics.ask_gauges }
    expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - began).to be < 0.9
    expect(log.map(&:body)).to eq(["the blocks of all gauges have 0.5 s together: that of #{name("slow0")} was ended, and 2 others were not asked"])
    2.times { capture_log { metrics.ask_gauges } }
    expect(good.value).to eq(1.0)
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
