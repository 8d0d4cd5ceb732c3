# frozen_string_literal: true

require "rexml/document"
require_relative "../../../benches/support/plot"
require_relative "../../../benches/support/waiting"

RSpec.describe Bench::Scale do
  it "has even marks from 0 to above the highest value" do
    expect(described_class.linear(859, [0, 100]).marks).to eq([0, 200, 400, 600, 800, 1000])
    expect(described_class.linear(1120, [0, 100]).marks).to eq([0, 250, 500, 750, 1000, 1250])
  end

  it "has marks in powers of ten around the values" do
    expect(described_class.logarithmic(1.5, 84, [0, 100]).marks).to eq([1, 2, 5, 10, 20, 50, 100])
    expect(described_class.logarithmic(3, 3, [0, 100]).marks).to eq([2, 5])
  end

  it "puts values between the ends of its place" do
    up = described_class.linear(1000, [300, 100])
    expect([0, 500, 1000].map { |value| up.at(value) }).to eq([300, 200, 100])
    across = described_class.logarithmic(1, 100, [0, 100])
    expect([1, 10, 100].map { |value| across.at(value) }).to eq([0, 50, 100])
  end

  it "puts a single rate in the middle" do
    expect(described_class.named([200], [0, 100]).at(200)).to eq(50)
  end
end

RSpec.describe Bench::Plot do
  def sample(contestant, rate, round, cpu, p99)
    { contestant: contestant, rate: rate, round: round, cpu_us: cpu, p99_ms: p99 }
  end

  let(:samples) do
    [["one", 600], ["two", 900]].flat_map do |name, cost|
      [200, 500].product([1, 2, 3]).map { |rate, round| sample(name, rate, round, cost - rate + round, 2.0 + round) }
    end
  end
  let(:figures) { { titles: { one: "the first", two: "a < b & c" }, costs: samples } }
  let(:drawing) { REXML::Document.new(described_class.new(figures).to_s) }
  let(:texts) { REXML::XPath.match(drawing, "//*[local-name()='text']").map(&:text) }

  it "says what its axes show, in which units, and whose lines they are" do
    expect(texts.map { |text| CGI.unescapeHTML(text) })
      .to include("CPU time of the relay for a call (us)", "INVITE to 200, p99 (ms)", "calls a second", "200", "500", "the first", "a < b & c")
  end

  it "has colours for light and for dark grounds" do
    style = REXML::XPath.first(drawing, "//*[local-name()='style']").text
    light, dark = style.split("prefers-color-scheme:dark")
    expect([light, dark]).to all(match(/--ground:#\h{6}.*--ink:#\h{6}.*--s0:#\h{6};--s1:#\h{6}/))
  end

  it "stays in its frame" do
    numbers = REXML::XPath.match(drawing, "//@x1 | //@x2 | //@cx | //@x").map { |place| place.value.to_f }
    expect(numbers).to all(be_between(0, described_class::WIDTH))
  end

  it "draws a round without any answer without its time" do
    samples.each { |one| one[:p99_ms] = nil }
    expect(texts).to include("INVITE to 200, p99 (ms): no figures")
  end

  it "refuses figures without costs" do
    expect { described_class.new(figures.merge(costs: [])) }.to raise_error(Bench::Failure, /no table of costs/)
  end
end
