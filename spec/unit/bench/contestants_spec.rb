# frozen_string_literal: true

require_relative "../../../benches/support/contestants"

RSpec.describe Bench::Contestants do
  it "has nothing that is shown first, and then more and more of it, up to a collector that does not read" do
    given = []
    allow(Bench::OversipRelay).to receive(:run) { |_, _, sections:| given << sections }
    described_class.that_show(build: false).each { |contestant| contestant.start.call(nil) { nil } }
    expect(given.map(&:keys)).to eq([%w[trace], %w[trace], %w[trace metrics], %w[trace metrics hep], %w[trace metrics hep]])
    expect(given.map { |sections| sections.dig("trace", "enabled") }).to eq([false, true, true, true, true])
    collectors = given.filter_map { |sections| sections.dig("hep", "collectors") }
    expect(collectors).to match([/\Audp:127\.0\.0\.1:\d+\z/, /\Atcp:127\.0\.0\.1:\d+\z/])
  end
end
