# frozen_string_literal: true

require_relative "../../../benches/support/report"

RSpec.describe Bench::Table do
  let(:table) { described_class.new("relay", "CPU us").add("one", "600 (590–610)").add("a|b", "5") }

  it "is aligned as text" do
    expect(table.to_text).to eq("relay  CPU us\none    600 (590–610)\na|b    5")
  end

  it "is a table in Markdown whose cells hide no bar" do
    expect(table.to_markdown).to eq("| relay | CPU us |\n| --- | --- |\n| one | 600 (590–610) |\n| a\\|b | 5 |")
  end
end

RSpec.describe Bench::Report do
  def sample(contestant, round, cpu, **more)
    { contestant: contestant, rate: 200, round: round, cpu_us: cpu, voluntary: 10.0, p50_ms: 1.0, p99_ms: 2.0, p999_ms: 3.0,
      failed: 0, retransmissions: 0, system_calls: nil, held_bytes: 8000.0, repeats: 0, longest_ms: 60.0, **more }
  end

  let(:machine) do
    { time: "2026-01-01 10:00 UTC", processor: "Processor X", cores: 2, kernel: "6.1", ruby: "3.1.2", sipp: "3.6.1", kamailio: nil,
      commit: "abc", load: 0.1, counter: "perf" }
  end
  let(:figures) do
    { machine: machine, transport: "udp", fine_clock: true, titles: { every: "ours", kamailio: "theirs" }, missing: {},
      costs: [sample("every", 1, 500.0), sample("kamailio", 1, 1000.0), sample("every", 2, 800.0), sample("kamailio", 2, 1200.0)] }
  end

  def report(more = {}, **options)
    described_class.new(figures.merge(more), **options).to_s
  end

  it "names processor, cores and commit" do
    expect(report).to start_with("Measured at 2026-01-01 10:00 UTC on Processor X, 2 cores,").and include("commit abc", "Kamailio not installed")
  end

  it "has medians with least and most, and ratios of the same round" do
    expect(report(markdown: true)).to include("| 200 | theirs | 1100 (1000–1200) | 1.75 (1.50–2) |")
  end

  it "leaves out a column that nobody has figures for" do
    expect(report).not_to include("system calls  ")
    expect(report({ costs: [sample("every", 1, 500.0, system_calls: 30.0)] })).to include("system calls  ")
  end

  it "warns of a machine that was not quiet, and of none that was" do
    expect(report).not_to include("not quiet")
    expect(report({ machine: machine.merge(load: 0.6) })).to include("load 0.6 before the start, so the machine was not quiet")
  end

  it "says what limits the figures: counters, the clock, missing contestants, pumps" do
    text = report({ machine: machine.merge(counter: "strace"), fine_clock: false, missing: { "Kamailio native" => "it is not installed" }, transport: "ws" })
    expect(text).to include("counted by strace", "in steps of 4 ms", "Not measured: Kamailio native: it is not installed.", "SIPp has no WebSocket")
    expect(report({ machine: machine.merge(counter: nil) })).to include("System calls are not counted")
  end

  it "shows the highest rate with what ended the search" do
    trials = [{ rate: 2000, passed: true, p99_ms: 4.0, cpu_us: 300.0, caller_cpu_us: 60.0 },
              { rate: 3000, passed: false, failed: 12, reached: 2990.0 }, { rate: 2500, passed: false, failed: 0, reached: 2100.4 }]
    expect(report({ highest: [{ contestant: "every", rate: 2000, trials: trials }] }, markdown: true))
      .to include("| ours | 2000 | 4 | 300 | 60 | 2500/s: SIPp reached 2100/s |")
  end

  it "shows a search that found no rate" do
    trials = [{ rate: 50, passed: false, failed: 3, reached: 50.0 }]
    expect(report({ highest: [{ contestant: "every", rate: 0, trials: trials }] }, markdown: true))
      .to include("| ours | 0 | – | – | – | 50/s: 3 calls lost |")
  end

  it "shows whether memory is level under a constant load" do
    memory = (1..120).map { |second| [second.to_f, 1_048_576.0 * ([second, 40].min + (second / 60.0))] }
    run = { contestant: "every", rate: 1500, minutes: 2.0, calls: 180_000, failed: 0, retransmissions: 1, cpu_us: 300.0, p99_ms: 4.0, p999_ms: 9.5,
            memory: memory }
    expect(report({ sustained: [run] }, markdown: true)).to include("| ours | 1500 | 2 | 180000 | 0 | 1 | 300 | 4 | 9.50 | 40.7 | 42 | 1.00 |")
  end

  it "has headings of the kind that was asked for, and none for what was not measured" do
    expect(report).to include("What a call costs\n=================").and not_include("A slow block")
    expect(report({ slow_block: figures[:costs] }, markdown: true)).to include("### What a call costs", "### A slow block", "longest ms")
  end

  it "shows what it costs to show calls, by what nothing of it costs" do
    expect(report({ trace: figures[:costs] }, markdown: true)).to include("### What it costs to show calls", "ratio")
  end

  it "has a row for each way in which blocks wait" do
    samples = [1.2, 1.4, 1.3].map do |seconds|
      { contestant: "every", rate: 100, requests: 1000, answered_after: seconds, p50_ms: 1.0, p99_ms: 3.0, longest_ms: 9.0, failed: 0 }
    end
    expect(report({ waiting: samples })).to include("1000 requests come at once, among 100 calls a second").and match(/^ours +1\.30 \(1\.20–1\.40\) +1 +3 +9 +0$/)
  end
end

RSpec::Matchers.define_negated_matcher :not_include, :include
