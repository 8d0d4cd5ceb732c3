# frozen_string_literal: true

# What the engine knows of an event whose Fiber is suspended, and of the one that runs.
RSpec.describe "A suspended event", :native do
  let!(:alice) { udp_peer }
  let!(:seen) { mailbox }

  def context
    OverSIP::Engine.event_context
  end

  def running
    OverSIP::Engine.running_event&.last
  end

  def go_on(fiber)
    OverSIP.schedule { seen << OverSIP::Dispatcher.go_on(fiber) }
  end

  it "is the running one again when its Fiber goes on, and the event that resumed it after that" do
    start_oversip do
      seen << [Fiber.current, running, context]
      Fiber.yield
      seen << [running, context]
      Fiber.yield
      seen << running
    end
    request = SipText.new(call_from(alice, :MESSAGE))
    fiber, *before = seen.pop
    expect(before).to match(
      [/\Aon_request of MESSAGE/,
       { sip_method: :MESSAGE, ruri: "sip:bob@b.example", call_id: request.header("Call-ID"), branch: /\Az9hG4bK/ }]
    )
    OverSIP.schedule do
      OverSIP::Dispatcher.go_on(fiber)
      seen << [running, context]
    end
    expect([seen.pop, seen.pop]).to eq([before, ["a block given to OverSIP.schedule", nil]])
    go_on(fiber)
    expect([seen.pop, seen.pop]).to eq([before.first, true])
    go_on(fiber)
    expect(seen.pop).to be(false)
  end

  it "says since when it is suspended, and what it is about" do
    start_oversip do
      seen << Fiber.current
      Fiber.yield
      Fiber.yield
    end
    OverSIP::Testing.freeze
    request = SipText.new(call_from(alice, :MESSAGE))
    fiber = seen.pop
    dispatcher_caught_up
    event = OverSIP::Dispatcher.suspended_events.to_h[fiber].event
    expect(event).to have_attributes(
      since: OverSIP::Engine.clock, sip_method: :MESSAGE, ruri: "sip:bob@b.example", call_id: request.header("Call-ID"),
      to_s: a_string_starting_with("on_request of MESSAGE"), branch: event.context[:branch]
    )
    OverSIP::Testing.advance(2)
    expect(event.since).to eq(OverSIP::Engine.clock - 2_000_000_000)
    go_on(fiber)
    seen.pop
    expect(event.since).to eq(OverSIP::Engine.clock)
    go_on(fiber)
  end

  it "may be shared with a Fiber that goes on for itself" do
    shared = nil
    start_oversip { shared = OverSIP::Engine.share_event and seen << running }
    call_from(alice, :MESSAGE)
    about = seen.pop
    OverSIP.schedule do
      OverSIP::Engine.resume_event(shared) { seen << running }
      seen << running
    end
    expect([seen.pop, seen.pop]).to eq([about, "a block given to OverSIP.schedule"])
  end

  it "meets an exception where it waits" do
    start_oversip do
      seen << Fiber.current
      Fiber.yield
    rescue ArgumentError => e
      seen << [e.message, running]
    end
    call_from(alice, :MESSAGE)
    fiber = seen.pop
    OverSIP.schedule { OverSIP::Dispatcher.go_on(fiber, ArgumentError.new("late")) }
    expect(seen.pop).to match(["late", /\Aon_request of MESSAGE/])
  end

  it "is unknown to other threads, and while nothing runs" do
    start_oversip { |request| request.reply(200) }
    expect(context).to be_nil
    expect(OverSIP::Engine.suspend_event).to be_nil
    expect(OverSIP::Engine.share_event).to be_nil
  end
end
