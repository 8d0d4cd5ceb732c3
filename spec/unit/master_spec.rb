# frozen_string_literal: true

require "oversip/launcher"

RSpec.describe OverSIP::Master do
  around do |example|
    previous = [OverSIP.pid, OverSIP.status]
    OverSIP.pid = Process.pid
    OverSIP.status = :loading
    example.run
  ensure
    OverSIP.pid, OverSIP.status = previous
  end

  it "is running before the process that started it may end" do
    seen = []
    master = described_class.new(folder: nil, privileges: nil, on_ready: -> { seen << [OverSIP.status, OverSIP.is_ready] })
    capture_log { master.send(:ready) }
    expect(seen).to eq([[:running, true]])
  end

  it "stays in its end when a start event ends late" do
    OverSIP.status = :terminating
    OverSIP::LifeCycle.ready
    expect(OverSIP.status).to eq(:terminating)
  end
end
