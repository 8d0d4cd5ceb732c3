# frozen_string_literal: true

# Each event has a Fiber of its own; a callback that suspends it holds up nothing but its own Client.
RSpec.describe "A suspended callback", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:seen) { mailbox }
  let!(:fibers) { mailbox }

  # Suspends the Fiber of the event that runs.
  def suspend
    fibers << Fiber.current
    Fiber.yield
  end

  def resume(fiber)
    OverSIP.schedule { fiber.resume }
  end

  def statuses_at(peer, count)
    Array.new(count) { peer.receive_until { |message| message.status.to_i > 100 }.status }
  end

  # A call whose 180 waits in a suspended block.
  def ring_and_suspend
    @invite = call_from(alice)
    @forwarded = bob.receive
    bob.answer(@forwarded, 180, "Ringing")
    fibers.pop
  end

  it "keeps its event and the Client's next one until it is resumed" do
    start_relay_to(bob) do |proxy, _|
      proxy.on_provisional_response { suspend }
      proxy.on_success_response { seen << :success }
    end
    fiber = ring_and_suspend
    bob.answer(@forwarded, 200, "OK")
    engine_caught_up
    dispatcher_caught_up
    expect(seen).to be_empty
    expect(messages_at(alice).map(&:status)).to eq([100])
    resume(fiber)
    expect(statuses_at(alice, 2)).to eq([180, 200])
    expect(seen.pop).to eq(:success)
  end

  it "shares its Fiber with the other blocks of its event, which run in order" do
    start_relay_to(bob) do |proxy, _|
      proxy.on_provisional_response do
        suspend
        seen << Fiber.current
      end
      proxy.on_provisional_response { seen << Fiber.current }
    end
    fiber = ring_and_suspend
    dispatcher_caught_up
    expect(seen).to be_empty
    resume(fiber)
    expect(Array.new(2) { seen.pop }).to eq([fiber, fiber])
  end

  it "delays no other Client" do
    start_relay_to(bob) do |proxy, request|
      proxy.on_provisional_response { suspend if request.header("X-Slow") }
      proxy.on_success_response { seen << request.call_id }
    end
    slow = call_from(alice, headers: { "X-Slow" => "yes" })
    bob.answer(bob.receive, 180, "Ringing")
    fiber = fibers.pop
    carol = udp_peer
    quick = SipText.new(call_from(carol))
    forwarded = bob.receive
    bob.answer(forwarded, 180, "Ringing")
    bob.answer(forwarded, 200, "OK")
    expect(statuses_at(carol, 2)).to eq([180, 200])
    expect(seen.pop).to eq(quick.header("Call-ID"))
    resume(fiber)
    expect(statuses_at(alice, 1)).to eq([180])
    expect(SipText.new(slow).header("Call-ID")).not_to eq(quick.header("Call-ID"))
  end

  it "may be on_request itself: its request stays pending and others are served" do
    start_oversip do |request|
      suspend if request.sip_method == :INVITE
      seen << request.sip_method
      request.reply(200)
    end
    OverSIP::Testing.freeze
    invite = call_from(alice)
    fiber = fibers.pop
    call_from(bob, :OPTIONS)
    expect(bob.receive_final.status).to eq(200)
    alice.send_text(invite, oversip_port)
    engine_caught_up
    resume(fiber)
    expect(final_for(alice).status).to eq(200)
    dispatcher_caught_up
    expect(seen.all).to eq(%i[OPTIONS INVITE])
    expect(fibers).to be_empty
  end

  it "may route after it was resumed" do
    start_oversip do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_target { seen << Fiber.current }
      suspend
      proxy.route(request, "127.0.0.1", bob.port)
    end
    call_from(alice)
    fiber = fibers.pop
    resume(fiber)
    expect(seen.pop).to eq(fiber)
    expect(bob.receive.method_name).to eq("INVITE")
  end

  it "is bounded by the transaction's timers: timer C cancels the call under it" do
    start_relay_to(bob, profile: { timer_C: 10 }) do |proxy, _|
      proxy.on_provisional_response { suspend }
      proxy.on_invite_timeout { seen << :timeout }
    end
    fiber = ring_and_suspend
    OverSIP::Testing.advance(10)
    expect(bob.receive_until(&:request?).method_name).to eq("CANCEL")
    dispatcher_caught_up
    expect(seen).to be_empty
    resume(fiber)
    expect(seen.pop).to eq(:timeout)
    expect(statuses_at(alice, 2)).to eq([180, 408])
  end

  it "is bounded by the transaction's timers: on_request cannot keep a client waiting for ever" do
    start_oversip do |request|
      request.create_transaction
      suspend
      seen << request.reply(200)
    end
    OverSIP::Testing.freeze
    call_from(alice)
    fiber = fibers.pop
    OverSIP::Testing.advance(182)
    expect(final_for(alice).status).to eq(408)
    resume(fiber)
    expect(seen.pop).to be(false)
  end

  it "is resumed by OverSIP.schedule from any thread, after a time of the engine's clock" do
    start_oversip do |request|
      suspend
      request.reply(200)
    end
    OverSIP::Testing.freeze
    call_from(alice, :OPTIONS)
    fiber = fibers.pop
    Thread.new { OverSIP.schedule(after: 5) { fiber.resume } }.join
    OverSIP::Testing.advance(4.999)
    dispatcher_caught_up
    engine_caught_up
    expect(messages_at(alice)).to be_empty
    OverSIP::Testing.advance(0.001)
    expect(alice.receive.status).to eq(200)
  end

  it "is one of many: a thousand wait at the same time" do
    start_oversip do |request|
      suspend
      request.reply(200)
    end
    OverSIP::Testing.freeze
    1000.times { call_from(alice, :OPTIONS) and fibers.pop.then { |fiber| seen << fiber } }
    waiting = seen.all
    expect(waiting.uniq.size).to eq(1000)
    # One after the other: a socket's buffer does not hold a thousand answers.
    expect(waiting.map { |fiber| resume(fiber) || alice.receive.status }.uniq).to eq([200])
  end

  it "does not end the dispatcher when it is resumed once too often" do
    start_oversip do |request|
      suspend if request.sip_method == :INVITE
      request.reply(200)
    end
    call_from(alice)
    fiber = fibers.pop
    2.times { resume(fiber) }
    expect(final_for(alice).status).to eq(200)
    call_from(bob, :OPTIONS)
    expect(bob.receive_final.status).to eq(200)
  end
end
