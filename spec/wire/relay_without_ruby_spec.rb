# frozen_string_literal: true

require_relative "../support/callbacks"

# What no block wants to see, no Ruby runs for.
RSpec.describe "A response that no block wants", :native do
  let(:seen) { mailbox }
  let(:gate) { Thread::Queue.new }
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }

  after { gate.close }

  # Counts of Response objects, and of events that Ruby took, without any collection between two looks.
  def counts
    stats = OverSIP.stats
    [ObjectSpace.each_object(OverSIP::SIP::Response).count, stats[:dispatched_events], stats[:engine_relayed_responses]]
  end

  # What a block adds to the counts.
  def difference
    GC.start
    GC.disable
    before = counts
    yield
    counts.zip(before).map { |now, then_| now - then_ }
  ensure
    GC.enable
  end

  # A call up to its final response; without a block the callee answers 180, 183 and 200.
  def call
    call_from(alice)
    request = bob.receive
    dispatcher_caught_up
    difference do
      [180, 183, 200].each do |status|
        bob.answer(request, status)
        alice.receive_until { |message| message.status == status }
      end
      engine_caught_up
    end
  end

  it "is relayed by the engine: no Response object, no event for Ruby" do
    start_relay_to(bob)
    expect(call).to eq([0, 0, 3])
  end

  it "is relayed by the engine also where blocks want other events" do
    start_relay_to(bob) { |proxy, _| record(proxy, into: seen, only: %i[failure_response error canceled invite_timeout target]) }
    expect(call).to eq([0, 0, 3])
  end

  it "is relayed by the engine where the block that wanted it was cleared" do
    start_relay_to(bob) do |proxy, _|
      record(proxy, into: seen)
      proxy.clear_callbacks
    end
    expect(call).to eq([0, 0, 3])
  end

  it "stands beside those that a block wants: each of these costs one event and one object" do
    start_relay_to(bob) { |proxy, _| record(proxy, into: seen, only: [:success_response]) }
    expect(call).to eq([1, 1, 2])
  end

  it "is relayed by the engine when it is repeated, as a failure, or answers another request than INVITE" do
    start_relay_to(bob)
    call_from(alice, :MESSAGE)
    request = bob.receive
    dispatcher_caught_up
    relayed = difference do
      2.times { bob.answer(request, 404) }
      alice.receive_final
      engine_caught_up
    end
    expect(relayed).to eq([0, 0, 1])
  end

  describe "while another call's block holds up the dispatcher" do
    let!(:carol) { udp_peer }

    # The first call waits in its on_provisional_response until the gate opens.
    before do
      first = true
      start_relay_to(bob) do |proxy, _|
        proxy.on_provisional_response { (seen << :blocked) && gate.pop } if first
        first = false
      end
      call_from(alice)
      blocking = bob.receive
      call_from(carol)
      @request = bob.receive
      carol.receive # 100
      dispatcher_caught_up
      bob.answer(blocking, 180)
      seen.pop
    end

    it "arrives all the same, for 3 s and longer" do
      [180, 183, 200].each do |status|
        OverSIP::Testing.advance(1)
        bob.answer(@request, status)
        expect(carol.receive.status).to eq(status)
      end
      expect(gate.num_waiting).to eq(1)
    end

    it "and a failure arrives, is acknowledged and repeated to the caller" do
      bob.answer(@request, 486)
      expect(carol.receive.status).to eq(486)
      expect(bob.receive_until { |message| message.method_name == "ACK" }.branch).to eq(@request.branch)
      OverSIP::Testing.advance(0.5)
      expect(carol.receive.status).to eq(486)
      expect(gate.num_waiting).to eq(1)
    end

    it "and its INVITE is sent again" do
      OverSIP::Testing.advance(0.5)
      expect(messages_at(bob).map(&:branch)).to eq([@request.branch])
    end
  end
end
