# frozen_string_literal: true

RSpec.describe OverSIP::FiberPool do
  let(:pool) { described_class.new(2) }
  let(:seen) { [] }

  it "runs blocks at once, in Fibers that are used again" do
    fibers = Array.new(3) { |number| pool.spawn { seen << number } }
    expect(seen).to eq([0, 1, 2])
    expect(fibers.uniq.size).to eq(1)
  end

  it "lets a block wait while all Fibers are suspended" do
    first = pool.spawn { seen << Fiber.yield }
    pool.spawn { Fiber.yield }
    expect(pool.spawn { seen << :third }).to be_nil
    expect(seen).to be_empty
    first.resume(:first)
    expect(seen).to eq(%i[first third])
  end

  it "logs the exception of a block and goes on" do
    log = capture_log { pool.spawn { raise KeyError, "oops" } }
    expect(log.map(&:body)).to include(/oops \(KeyError\)/)
    pool.spawn { seen << :next }
    expect(seen).to eq([:next])
  end

  it "gives each block a Fiber without data of earlier blocks, even after errors" do
    found = []
    fibers = nil
    capture_log do
      fibers = Array.new(2) do
        pool.spawn do
          found << Thread.current.keys
          Thread.current[:user] = "alice"
          raise "oops"
        end
      end
    end
    expect(found).to eq([[], []])
    expect(fibers.uniq.size).to eq(1)
  end

  it "has a hundred Fibers by default, and refuses an invalid number and a missing block" do
    expect { described_class.new }.not_to raise_error
    expect { described_class.new(0) }.to raise_error(ArgumentError, /count/)
    expect { pool.spawn }.to raise_error(ArgumentError, "no block given")
  end
end
