# frozen_string_literal: true

# Any thread may step the engine. Messages leave in the order of the calls that caused them, whichever threads have called.
RSpec.describe "What two threads send", :native do
  let!(:requests) { Thread::Queue.new }
  let!(:handed_over) { Thread::Queue.new }
  let!(:stranger) { udp_peer }
  # As many calls at a time as the system's buffer of a UDP socket holds messages of.
  let(:calls) { 20 }
  let(:rounds) { 20 }

  # INVITEs wait for the example, everything else is answered at once.
  def start_waiting
    start_oversip do |request|
      if request.sip_method == :INVITE
        request.create_transaction
        requests << request
      else
        request.reply(200)
      end
    end
    OverSIP::Testing.freeze
  end

  # Keeps the engine's thread and the dispatcher at work until the block ends.
  def with_traffic
    done = false
    busy = Thread.new do
      until done
        call_from(stranger, :OPTIONS)
        stranger.receive
      end
    end
    yield
  ensure
    done = true
    busy.join
  end

  # Two threads: what the first one makes of each call goes to the second one, and both go on with the next call at once.
  def race(first, second)
    [Thread.new { calls.times { handed_over << first.call(requests.pop) } },
     Thread.new { calls.times { second.call(handed_over.pop) } }].each(&:join)
  end

  def call_often(alice)
    calls.times { |n| alice.send_text(alice.build(:INVITE, "sip:bob@b.example", call_id: "#{n}-#{SecureRandom.hex(4)}"), oversip_port) }
  end

  # [number of the call, status] in the order in which alice gets them, but for the 100.
  def answers_at(alice, count)
    messages = Array.new(count) { alice.receive_until { |message| message.status > 100 } }
    messages.map { |message| [message.header("Call-ID").to_i, message.status] }
  end

  { "UDP" => :udp_peer, "TCP" => :tcp_peer }.each do |protocol, peer|
    it "leaves over #{protocol} in the order of their calls: 180 from one thread, then 200 from the other" do
      start_waiting
      alice = send(peer)
      with_traffic do
        rounds.times do
          call_often(alice)
          race(->(request) { request.reply(180) and request }, ->(request) { request.reply(200) })
          answers = answers_at(alice, 2 * calls)
          of = ->(status) { answers.filter_map { |n, seen| n if seen == status } }
          expect([of[180], of[200]]).to eq([[*0...calls]] * 2)
          expect((0...calls).reject { |n| answers.index([n, 180]) < answers.index([n, 200]) }).to eq([])
        end
      end
    end
  end

  it "leaves in the order of their calls: a request from one thread, then what cancels it from the other" do
    bob = tcp_server
    start_waiting
    alice = tcp_peer
    client = OverSIP::SIP::Proxy.new
    call_often(alice)
    race(->(request) { client.route(request, "127.0.0.1", bob.port, :tcp) or request }, ->(request) { request.reply(480) })
    at_bob = bob.accept
    forwarded = Array.new(calls) { at_bob.receive }
    expect(forwarded.map { |request| [request.method_name, request.header("Call-ID").to_i] }).to eq((0...calls).map { |n| ["INVITE", n] })
    expect(answers_at(alice, calls)).to eq((0...calls).map { |n| [n, 480] })
    forwarded.each { |request| at_bob.answer(request, 180) }
    cancels = Array.new(calls) { at_bob.receive }
    expect(cancels.map { |request| [request.method_name, request.header("Call-ID").to_i] }).to eq((0...calls).map { |n| ["CANCEL", n] })
  end
end
