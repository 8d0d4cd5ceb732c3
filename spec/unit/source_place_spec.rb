# frozen_string_literal: true

require "oversip/source_place"

RSpec.describe OverSIP::SourcePlace do
  it "is file and line of what stands in a script" do
    block = proc { 1 }
    expect(described_class.of(block)).to eq([__FILE__, __LINE__ - 1])
  end

  it "is nowhere for what Ruby itself has, in C or in Ruby" do
    places = [[].method(:push), :to_s.to_proc, 1.method(:then), Thread::Queue.new.method(:pop)].map { |callable| described_class.of(callable) }
    expect(1.method(:then).source_location.first).to start_with("<internal:")
    expect(places).to all be_nil
  end
end
