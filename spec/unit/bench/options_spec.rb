# frozen_string_literal: true

require_relative "../../../benches/support/options"

RSpec.describe Bench::Options do
  def read(text)
    described_class.read(text.split)
  end

  it "measure five relays at three rates over UDP if nothing is said" do
    expect(read("").to_h).to include(rates: [200, 500, 1500], rounds: 3, only: nil, against: [], minutes: 0.0, build: true, plot: nil)
    expect(read("").transport.name).to eq("udp")
  end

  it "take rates, relays in their order, and several commits" do
    values = read("--rates 100,300 --only kamailio,every --against main --against v1 --transport ws --minutes 0.5 --no-build")
    expect(values.to_h).to include(rates: [100, 300], only: %w[kamailio every], against: %w[main v1], minutes: 0.5, build: false)
    expect(values.transport.onward).to eq("udp")
  end

  it "leave out the table of costs" do
    expect(read("--rates none --highest").to_h).to include(rates: [], highest: true)
  end

  it "take the two files of a picture" do
    expect(read("--plot raw.json costs.svg").plot).to eq(%w[raw.json costs.svg])
  end

  ["--rates 0", "--rates 200,x", "--rounds -1", "--only every,nobody", "--transport sctp", "--plot raw.json", "--minutes x", "raw.json", "--unknown"]
    .each do |mistake|
    it "refuse #{mistake}" do
      expect { read(mistake) }.to raise_error(OptionParser::ParseError)
    end
  end
end
