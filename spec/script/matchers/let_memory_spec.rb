# frozen_string_literal: true

require "oversip/rspec/let_memory"

RSpec.describe OverSIP::Testing::LetMemory do
  subject(:memory) { described_class.new }

  def in_fiber(&)
    Fiber.new(&).resume
  end

  it "makes each value once" do
    made = []
    2.times { memory.fetch_or_store(:call) { made << :call } }
    expect(made).to eq([:call])
  end

  it "keeps nil and false" do
    memory.fetch_or_store(:nothing) { nil }
    expect(memory.fetch_or_store(:nothing) { raise "made again" }).to be_nil
  end

  it "makes a value in another Fiber while the value of the first one is made" do
    call = memory.fetch_or_store(:call) { in_fiber { memory.fetch_or_store(:gateway) { "gw1" } } }
    expect(call).to eq("gw1")
  end

  it "lets a value build on the one of the same name in an outer group" do
    expect(memory.fetch_or_store(:call) { memory.fetch_or_store(:call) { 1 } + 1 }).to eq(2)
    expect(memory.fetch_or_store(:call) { raise "made again" }).to eq(2)
  end

  it "says which value waits for itself in another Fiber" do
    circle = -> { memory.fetch_or_store(:call) { in_fiber { memory.fetch_or_store(:call) { 1 } } } }
    expect(&circle).to raise_error(OverSIP::RuntimeError, /a block reads `call` while the value of `call` is being made/)
  end

  it "makes a value again after it has failed" do
    expect { memory.fetch_or_store(:call) { raise "no call" } }.to raise_error("no call")
    expect(memory.fetch_or_store(:call) { 1 }).to eq(1)
  end

  it "lets another thread wait for a value" do
    waiter = nil
    memory.fetch_or_store(:call) do
      waiter = Thread.new { memory.fetch_or_store(:call) { raise "made twice" } }
      Thread.pass until waiter.stop?
      1
    end
    expect(waiter.value).to eq(1)
  end
end
