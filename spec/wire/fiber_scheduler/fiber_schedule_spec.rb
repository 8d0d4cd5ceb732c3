# frozen_string_literal: true

require_relative "../../support/scheduled_events"

RSpec.describe "Fiber.schedule, with the Fiber scheduler of the dispatcher", :native do
  include ScheduledEvents

  before do
    start_scheduled
    OverSIP::Testing.freeze
  end

  it "runs its block until that waits, and comes back with its Fiber" do
    seen = mailbox
    result = in_event do
      fiber = Fiber.schedule do
        seen << :begun
        sleep 1
        seen << :ended
      end
      seen << :behind
      fiber.class
    end
    expect(result.pop).to eq(Fiber)
    dispatcher_caught_up
    expect(seen.all).to eq(%i[begun behind])
    OverSIP::Testing.advance(1)
    expect(seen.pop).to eq(:ended)
  end

  it "does several things at the same time, and the event waits for them" do
    result = in_event do
      queue = Thread::Queue.new
      [3, 1, 2].each { |seconds| Fiber.schedule { sleep(seconds) && (queue << seconds) } }
      Array.new(3) { queue.pop }
    end
    dispatcher_caught_up
    # One after the other: the events of different times are queued in their order.
    3.times do
      OverSIP::Testing.advance(1)
      dispatcher_caught_up
    end
    expect(result.pop).to eq([1, 2, 3])
  end

  it "may stand in another one" do
    seen = mailbox
    in_event { Fiber.schedule { Fiber.schedule { sleep(1) && (seen << :inner) } && sleep(2) && (seen << :outer) } }.pop
    [1, 1].each do |seconds|
      OverSIP::Testing.advance(seconds)
      dispatcher_caught_up
    end
    expect(seen.all).to eq(%i[inner outer])
  end

  it "has Fiber-local data of its own" do
    result = in_event do
      Thread.current[:user] = "alice"
      found = nil
      Fiber.schedule { found = Thread.current[:user] }
      [found, Thread.current[:user]]
    end
    expect(result.pop).to eq([nil, "alice"])
  end

  it "goes on with a StandardError of its block in the log, with the request that it belongs to" do
    log = capture_log do
      on_request do |request|
        Fiber.schedule do
          sleep 1
          raise KeyError, "nobody"
        end
        request.reply(200)
      end
      alice = udp_peer
      call_from(alice, :OPTIONS)
      expect(alice.receive_final.status).to eq(200)
      dispatcher_caught_up
      OverSIP::Testing.advance(1)
      dispatcher_caught_up
    end
    expect(log.map(&:body)).to contain_exactly(/exception in a block given to Fiber\.schedule \(OPTIONS sip:.*, Call-ID/, /nobody/)
  end

  it "goes on for the event that has begun it, also when that is over" do
    seen = mailbox
    on_request do |request|
      Fiber.schedule do
        seen << OverSIP::Engine.event_context
        2.times { sleep(1) && (seen << OverSIP::Engine.event_context) }
      end
      request.reply(200)
    end
    alice = udp_peer
    request = SipText.new(call_from(alice, :OPTIONS))
    context = seen.pop
    expect(context).to include(sip_method: :OPTIONS, call_id: request.header("Call-ID"))
    2.times do
      dispatcher_caught_up
      OverSIP::Testing.advance(1)
      expect(seen.pop).to eq(context)
    end
    expect(OverSIP::Engine.running_event).to be_nil
  end

  it "does not keep the Client of its event waiting, nor count as an event" do
    in_event { Fiber.schedule { sleep } && nil }.pop
    dispatcher_caught_up
    expect(OverSIP.stats.values_at(:waiting_blocks, :suspended_fibers)).to eq([1, 0])
  end

  it "has a bound, together with the Fibers of events" do
    stub_const("OverSIP::Dispatcher::EventFibers::MAX_SUSPENDED", 5)
    OverSIP.stop
    capture_log do
      start_scheduled
      result = in_event { Array.new(5) { Fiber.schedule { sleep } } }
      expect(result.pop).to be_a(OverSIP::RuntimeError).and have_attributes(message: /no further Fiber can be begun: .* 5 at most/)
    end
  end

  it "is refused by Ruby without the scheduler" do
    OverSIP.stop
    start_oversip
    expect(in_event { Fiber.schedule { nil } }.pop).to have_attributes(message: "No scheduler is available!")
  end
end
