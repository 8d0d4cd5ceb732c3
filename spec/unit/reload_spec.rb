# frozen_string_literal: true

require "oversip/reload"

RSpec.describe OverSIP::Reload do
  let(:scheduled) { [] }
  let(:runs) { [] }

  before { allow(OverSIP::Dispatcher).to receive(:later) { |&block| scheduled << block } }

  it "remembers one request that comes during the work and refuses further ones with a record" do
    log = capture_log do
      reload = described_class.new("reload (HUP)") do
        runs << :run
        2.times { reload.request } if runs.size == 1
      end
      reload.request
      scheduled.shift.call until scheduled.empty?
    end
    expect(runs.size).to eq(2)
    expect(log.map(&:body)).to eq(["reload (HUP) waits until the one before it is over",
                                   "reload (HUP) refused: one is running and another is waiting"])
  end

  it "works again after work that failed" do
    reload = described_class.new("reload") { runs << :run and raise "oops" }
    2.times do
      reload.request
      expect { scheduled.shift.call }.to raise_error("oops")
    end
    expect(runs.size).to eq(2)
  end
end
