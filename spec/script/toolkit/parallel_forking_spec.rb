# frozen_string_literal: true

require "support/toolkit_world"

# What the record has of a request that goes to several targets at once.
RSpec.describe OverSIP::Testing::World, :native do
  include ToolkitWorld

  def outcomes
    world.record.events.grep(OverSIP::CallRecord::Attempt).map { |attempt| [world.name_of(attempt.target), attempt.outcome] }
  end

  it "has the outcome of each target, that of a cancelled branch too" do
    open_world do |request|
      %w[gw1 gw2 gw3].each { |name| OverSIP::SIP::Proxy.new.route(request, "#{name}.example") } if request.initial?
    end
    { "gw1.example" => [180], "gw2.example" => [180, 200], "gw3.example" => [486] }.each_with_index do |(name, statuses), index|
      world.target(name).answers(*statuses).after(index)
    end
    alice.invite("sip:bob@example.com")
    expect(world.ladder.scan(/tries (\S+) \S+: (\w+)/)).to eq([%w[gw1.example waiting], %w[gw2.example waiting], %w[gw3.example waiting]])
    world.advance 2
    expect(outcomes).to eq([["gw1.example", 487], ["gw2.example", 200], ["gw3.example", 486]])
    expect(world.ladder).not_to include("tries")
  end
end
