# frozen_string_literal: true

# The events of one Client leave in the order in which they came.
RSpec.describe "The order of a Client's events", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:gate) { Thread::Queue.new }
  let!(:entered) { mailbox }
  let!(:seen) { mailbox }

  # A proxy whose on_provisional_response does not end before the gate opens.
  def start_slow_proxy
    start_relay_to(bob) do |proxy, request|
      proxy.on_provisional_response do |response|
        entered << proxy
        gate.pop
        seen << response.status_code
      end
      yield proxy, request if block_given?
    end
  end

  # The INVITE as bob got it, after his 180 has reached the block.
  def ring
    @invite = call_from(alice)
    bob.receive.tap do |forwarded|
      bob.answer(forwarded, 180, "Ringing")
      @proxy = entered.pop
    end
  end

  def statuses_at(peer, count)
    Array.new(count) { peer.receive_until { |message| message.status.to_i > 100 }.status }
  end

  it "keeps an immediate 200 behind a slow on_provisional_response" do
    start_slow_proxy
    bob.answer(ring, 200, "OK")
    engine_caught_up
    expect(messages_at(alice).map(&:status)).to eq([100])
    gate.close
    expect(statuses_at(alice, 2)).to eq([180, 200])
  end

  it "keeps every later response behind it, in order" do
    start_slow_proxy
    forwarded = ring
    bob.answer(forwarded, 183, "Progress")
    bob.answer(forwarded, 181, "Forwarded")
    bob.answer(forwarded, 486, "Busy Here")
    engine_caught_up
    gate.close
    expect(statuses_at(alice, 4)).to eq([180, 183, 181, 486])
    expect(seen.all).to eq([180, 183, 181])
  end

  it "does not delay another Client" do
    start_slow_proxy { |proxy, request| proxy.clear_on_provisional_response if request.header("X-Quick") }
    # Both calls are under way before the dispatcher is blocked.
    carol = udp_peer
    call_from(carol, headers: { "X-Quick" => "yes" })
    quick = bob.receive
    ring
    bob.answer(quick, 180, "Ringing")
    bob.answer(quick, 200, "OK")
    expect(statuses_at(carol, 2)).to eq([180, 200])
    gate.close
  end

  it "reads the list of callbacks at the turn of a response" do
    start_slow_proxy
    bob.answer(ring, 200, "OK")
    engine_caught_up
    @proxy.on_success_response { |response| seen << [:added, response.status_code] }
    gate.close
    expect(statuses_at(alice, 2)).to eq([180, 200])
    expect(seen.all).to eq([180, [:added, 200]])
  end

  it "runs no callback that was cleared while its response waited" do
    start_slow_proxy { |proxy, _| proxy.on_failure_response { seen << :cleared } }
    bob.answer(ring, 486, "Busy Here")
    engine_caught_up
    @proxy.clear_on_failure_response
    gate.close
    expect(statuses_at(alice, 2)).to eq([180, 486])
    expect(seen.all).to eq([180])
  end

  it "reads the drop flag at the turn of a response" do
    start_relay_to(bob) do |proxy, _|
      proxy.on_provisional_response do
        entered << proxy
        gate.pop
        proxy.drop_response
      end
    end
    bob.answer(ring, 200, "OK")
    engine_caught_up
    gate.close
    expect(statuses_at(alice, 1)).to eq([200])
  end

  it "sees at the turn of a provisional response that the request was cancelled meanwhile" do
    start_slow_proxy { |proxy, _| proxy.on_canceled { seen << :canceled } }
    forwarded = ring
    bob.answer(forwarded, 183, "Progress")
    cancel_from(alice, @invite)
    engine_caught_up
    gate.close
    expect(seen.pop).to eq(180)
    expect(seen.pop).to eq(:canceled)
    expect(statuses_at(alice, 1)).to eq([180])
    dispatcher_caught_up
    expect(messages_at(alice)).to be_empty
  end

  it "sees at the turn of a failure that the request was cancelled meanwhile" do
    start_slow_proxy do |proxy, _|
      proxy.on_canceled { seen << :canceled }
      proxy.on_failure_response { seen << :failure }
    end
    forwarded = ring
    bob.answer(forwarded, 503, "Service Unavailable")
    cancel_from(alice, @invite)
    engine_caught_up
    gate.close
    expect(statuses_at(alice, 2)).to eq([180, 500])
    dispatcher_caught_up
    expect(seen.all).to eq([180, :canceled])
  end

  it "runs Ruby for none of the responses of a class without callbacks" do
    start_relay_to(bob)
    call_from(alice)
    forwarded = bob.receive
    dispatcher_caught_up
    before = OverSIP.stats
    bob.answer(forwarded, 180, "Ringing")
    bob.answer(forwarded, 200, "OK")
    expect(statuses_at(alice, 2)).to eq([180, 200])
    eventually { OverSIP.stats[:engine_relayed_responses] == before[:engine_relayed_responses] + 2 }
    expect(OverSIP.stats[:dispatched_events]).to eq(before[:dispatched_events])
  end
end
