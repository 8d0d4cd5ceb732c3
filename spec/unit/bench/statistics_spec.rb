# frozen_string_literal: true

require_relative "../../../benches/support/statistics"
require_relative "../../../benches/support/numbers"

RSpec.describe Bench::Statistics do
  it "has the median of an odd and of an even number of rounds, with the least and the most" do
    expect(described_class.spread([30, 10, 20]).to_a).to eq([20, 10, 30])
    expect(described_class.spread([40, 10, 20, 30]).to_a).to eq([25.0, 10, 40])
  end

  it "leaves out rounds without a value, and knows nothing without any" do
    expect(described_class.spread([nil, 5, nil]).to_a).to eq([5, 5, 5])
    expect(described_class.spread([nil, nil])).to be_nil
  end

  it "has the value that a part of all values does not exceed" do
    values = (1..1000).to_a
    expect([0.5, 0.99, 0.999, 1.0].map { |part| described_class.percentile(values, part) }).to eq([500, 990, 999, 1000])
    expect(described_class.percentile([7.0], 0.99)).to eq(7.0)
    expect(described_class.percentile([], 0.99)).to be_nil
  end

  it "compares each round with the same round of the first contestant" do
    first = { 1 => 100, 2 => 200, 3 => 400 }
    expect(described_class.ratio({ 1 => 50, 2 => 100, 3 => 100 }, first).to_a).to eq([0.5, 0.25, 0.5])
  end

  it "compares no round that either of them lacks" do
    expect(described_class.ratio({ 1 => 50, 2 => nil, 3 => 80 }, { 1 => 100, 2 => 100 }).to_a).to eq([0.5, 0.5, 0.5])
    expect(described_class.ratio({ 1 => 50 }, { 1 => nil })).to be_nil
    expect(described_class.ratio({ 1 => 50 }, { 1 => 0 })).to be_nil
  end

  it "has the slope of points" do
    expect(described_class.slope([[0, 1], [1, 3], [2, 5]])).to be_within(1e-9).of(2)
    expect(described_class.slope([[0, 5], [1, 7], [2, 5], [3, 7], [4, 6]])).to be_within(1e-9).of(0.2)
    expect(described_class.slope([[3, 3]])).to eq(0)
  end
end

RSpec.describe Bench::Numbers do
  it "show three digits that count" do
    expect([1234.5, 123.4, 12.34, 1.234, 0.0412, 3, 3.0, 0, -0.256].map { |value| described_class.short(value) })
      .to eq(%w[1235 123 12.3 1.23 0.04 3 3 0 -0.26])
  end

  it "show a dash for what is not known" do
    expect([described_class.short(nil), described_class.spread(nil)]).to eq(%w[– –])
  end

  it "show the least and the most beside the median unless all read the same" do
    expect(described_class.spread(Bench::Statistics::Spread.new(20.0, 10.25, 30.5))).to eq("20 (10.2–30.5)")
    expect(described_class.spread(Bench::Statistics::Spread.new(20, 20, 20))).to eq("20")
    expect(described_class.spread(Bench::Statistics::Spread.new(200.2, 199.8, 200.4))).to eq("200")
  end
end
