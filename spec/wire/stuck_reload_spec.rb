# frozen_string_literal: true

require "oversip/reload"

RSpec.describe OverSIP::Reload, "whose work nobody resumes", :native do
  before do
    start_oversip
    OverSIP::Testing.freeze
  end

  it "is given up after its limit: the rest of the work is done, and a remembered reload follows" do
    seen = []
    log = capture_log(level: :error) do
      reload = described_class.new("reload (HUP)", limit: 60) do
        seen << :began
        OverSIP::Dispatcher.stage("SystemCallbacks.on_reload") do |name|
          OverSIP::Dispatcher.guard(name) { Fiber.yield if seen.size == 1 }
        end
        seen << :ended
      end
      2.times { reload.request }
      eventually { OverSIP.stats[:suspended_fibers] == 1 }
      OverSIP::Testing.advance(59)
      dispatcher_caught_up
      expect(seen).to eq(%i[began])
      OverSIP::Testing.advance(1)
      eventually { seen.size == 4 }
      reload.request
      eventually { seen.size == 6 }
    end
    expect(seen).to eq(%i[began ended] * 3)
    expect(OverSIP.stats[:suspended_fibers]).to eq(0)
    expect(log.map(&:body)).to include(
      "reload (HUP) is not over after 60 s: SystemCallbacks.on_reload waits for something and is given up",
      "exception in a block given to SystemCallbacks.on_reload:", /given up by reload \(HUP\) after 60 s/
    )
  end

  it "is given up once more where its work waits again" do
    rounds = []
    reload = described_class.new("reload", limit: 60) do
      2.times { OverSIP::Dispatcher.guard("one") { rounds << :waits and Fiber.yield } }
      rounds << :over
    end
    capture_log do
      reload.request
      [1, 2].each do |count|
        eventually { rounds.size == count && OverSIP.stats[:suspended_fibers] == 1 }
        OverSIP::Testing.advance(60)
      end
      eventually { rounds.last == :over }
    end
  end

  it "is left alone by the limit when it was over in time" do
    fibers = mailbox
    reload = described_class.new("reload", limit: 60) { (fibers << Fiber.current) && Fiber.yield }
    log = capture_log do
      reload.request
      waiting = fibers.pop
      OverSIP.schedule { waiting.resume }
      dispatcher_caught_up
      OverSIP::Testing.advance(60)
      dispatcher_caught_up
    end
    expect(log).to be_empty
  end
end
