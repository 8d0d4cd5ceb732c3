# frozen_string_literal: true

# The thread of the blocks runs the engine while it waits for events. The engine's own thread takes over when it stays away, and
# gives back when it waits again.
RSpec.describe "The engine while the thread of the blocks is busy", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:gate) { Thread::Queue.new }

  after { gate.close }

  # INVITEs go to bob without any block; a MESSAGE keeps the thread of the blocks until the gate is opened.
  def start_relay
    start_oversip do |request|
      case request.sip_method
      when :INVITE then OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", bob.port)
      when :MESSAGE then @hold.call
      else request.reply(200)
      end
    end
  end

  def takeovers
    OverSIP.stats[:takeovers]
  end

  # An INVITE of alice's, as bob has it.
  def invite
    call_from(alice)
    bob.receive
  end

  # The final response to it.
  def final_response(status)
    alice.receive_until { |message| message.status == status && message.header("CSeq").end_with?("INVITE") }
  end

  # The thread of the blocks is in one while the block given here runs.
  def while_busy(hold:)
    begun = mailbox
    @hold = -> { (begun << true) && hold.call }
    call_from(alice, :MESSAGE)
    begun.pop
    yield
  ensure
    gate << :open
  end

  let(:waiting) { -> { gate.pop } }
  let(:computing) { -> { nil until gate.closed? || !gate.empty? } }

  it "relays what no block wants" do
    start_relay
    request = invite
    while_busy(hold: waiting) do
      bob.answer(request, 180)
      bob.answer(request, 200)
      final_response(200)
    end
  end

  it "fires timers" do
    start_relay
    invite
    OverSIP::Testing.freeze
    while_busy(hold: waiting) do
      OverSIP::Testing.advance(0.5)
      expect(bob.receive.method_name).to eq("INVITE")
    end
  end

  it "does so also for a block that computes" do
    start_relay
    request = invite
    while_busy(hold: computing) do
      bob.answer(request, 200)
      final_response(200)
    end
  end

  it "does so also when another thread computes while an event waits for the interpreter" do
    start_relay
    request = invite
    done = false
    busy = Array.new(3) { Thread.new { nil until done } }
    before = takeovers
    eventually do
      call_from(alice, :OPTIONS)
      takeovers > before
    end
    bob.answer(request, 200)
    final_response(200)
  ensure
    done = true
    busy&.each(&:join)
  end

  it "goes back to the thread of the blocks: later busy blocks lead to further takeovers" do
    start_relay
    before = takeovers
    eventually do
      request = invite
      while_busy(hold: waiting) do
        bob.answer(request, 404)
        final_response(404)
      end
      call_from(alice, :OPTIONS)
      alice.receive_until { |message| message.status == 200 }
      takeovers > before + 2
    end
  end

  it "serves on when the thread of the blocks is killed in a block, or while it runs the engine" do
    start_relay
    while_busy(hold: waiting) { OverSIP::Dispatcher.instance_variable_get(:@thread).kill }
    2.times do
      call_from(alice, :OPTIONS)
      alice.receive_until { |message| message.status == 200 }
      OverSIP::Dispatcher.instance_variable_get(:@thread).kill
    end
  end

  it "ends in order" do
    start_relay
    stopping = nil
    while_busy(hold: waiting) do
      stopping = Thread.new { OverSIP.stop }
      eventually { stopping.status == "sleep" }
    end
    expect(stopping.join(SipPeer::LIMIT)).to be(stopping)
  end
end
