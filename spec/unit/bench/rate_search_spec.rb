# frozen_string_literal: true

require_relative "../../../benches/support/rate_search"

RSpec.describe Bench::RateSearch do
  # @param short [Integer] the highest rate that passes a short trial
  # @param long [Integer] the same of a long one
  def search(short, long = short, from: 1000)
    @trials = []
    described_class.new(from: from) do |rate, is_long|
      @trials << [rate, is_long]
      rate <= (is_long ? long : short)
    end.run
  end

  [120, 990, 1000, 3333, 7000, 20_000].each do |limit|
    it "finds a limit of #{limit}/s to a twentieth" do
      found = search(limit)
      expect(found).to be_between((limit * 0.94).floor - described_class::STEP, limit)
    end
  end

  it "takes no rate that passes short trials only" do
    expect(search(5000, 2000)).to be_between(1800, 2000)
  end

  it "gives a result that has passed a long trial" do
    found = search(4000, 3100)
    expect(@trials).to include([found, true])
  end

  it "tries no rate twice in the same way, and few in all" do
    search(6000, 4000)
    expect(@trials.uniq).to eq(@trials)
    expect(@trials.count(&:last)).to be <= 10
  end

  it "gives 0 if no rate passes" do
    expect(search(0)).to eq(0)
    expect(search(1000, 0)).to eq(0)
  end

  it "ends at its ceiling" do
    expect(search(10**9)).to be_between(described_class::CEILING / described_class::GROWTH, described_class::CEILING * described_class::GROWTH)
  end
end
