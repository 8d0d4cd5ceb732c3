# frozen_string_literal: true

require "open3"
require "oversip/testing"
require "rbconfig"
require_relative "../support/fake_engine"

RSpec.describe OverSIP::Testing do
  let(:engine) { FakeEngine.new }

  before { stub_const("OverSIP::Engine", engine) }

  it "stops and moves the engine's clock" do
    described_class.freeze
    described_class.advance(32)
    described_class.advance(0.5)
    expect(engine.calls).to eq([[:freeze], [:advance, 32.0], [:advance, 0.5]])
  end

  [-1, Float::INFINITY, Float::NAN, "1", nil].each do |seconds|
    it "does not move it by #{seconds.inspect}" do
      expect { described_class.advance(seconds) }.to raise_error(seconds.is_a?(Numeric) ? ArgumentError : TypeError, /seconds must be/)
      expect(engine.calls).to be_empty
    end
  end

  it "seeds the draws among servers" do
    [0, (2**64) - 1].each { |number| described_class.seed(number) }
    expect(engine.calls).to eq([[:seed, 0], [:seed, (2**64) - 1]])
  end

  [-1, 2**64, 1.5, "1", nil].each do |number|
    it "does not seed them with #{number.inspect}" do
      expect { described_class.seed(number) }.to raise_error(ArgumentError, /seed must be/)
      expect(engine.calls).to be_empty
    end
  end

  it "alone brings what no server has", :native do
    program = <<~RUBY
      require "oversip"
      tests = %i[freeze advance panic seed]
      before = OverSIP::Engine.singleton_methods(false) & tests
      require "oversip/testing"
      p before, (OverSIP::Engine.singleton_methods(false) & tests).sort
    RUBY
    output, = Open3.capture2e(RbConfig.ruby, "-I#{File.expand_path("../../lib", __dir__)}", "-e", program)
    expect(output).to eq("[]\n[:advance, :freeze, :panic, :seed]\n")
  end
end
