# frozen_string_literal: true

require_relative "../support/lossy_network"

# Calls over links on both sides of the relay that lose datagrams. Caller and callee repeat what RFC 3261 wants them to
# repeat, on the same clock as the relay, which moves by hand.
RSpec.describe "A relay between links that lose datagrams", :native do
  calls = 20
  step = 0.25

  let(:requests) { Hash.new(0) }
  let(:responses) { Hash.new(0) }

  # Runs calls to their end: 200 and BYE, or a failure.
  #
  # @return [Array] callers, callees and peers
  def run_calls(rate, status, calls, step)
    alice = LossyPeer.new(rate, 1).tap { |peer| opened << peer }
    bob = LossyPeer.new(rate, 2).tap { |peer| opened << peer }
    start_counting_relay(bob)
    callers = Array.new(calls) { |number| LossyCaller.new(alice, oversip_port, number) }.to_h { |caller| [caller.call_id, caller] }
    callees = Hash.new { |hash, call_id| hash[call_id] = LossyCallee.new(bob, status) }
    callers.each_value { |caller| caller.start(0) }
    (0..(100 / step)).each { |number| advance(number * step, step, [alice, callers], [bob, callees]) }
    [callers.values, callees.values, [alice, bob]]
  end

  def start_counting_relay(bob)
    start_oversip do |request|
      requests["#{request.sip_method} #{request.call_id}"] += 1
      proxy = OverSIP::SIP::Proxy.new
      %i[on_success_response on_failure_response].each do |event|
        proxy.public_send(event) { |response| responses["#{request.sip_method} #{response.status_code} #{request.call_id}"] += 1 }
      end
      next proxy.route(request, bob.ip, bob.port) if request.initial?

      proxy.route(request) if request.loose_route
    end
    OverSIP::Testing.freeze
  end

  # One step of time: both sides read received messages and send due ones.
  def advance(now, step, *sides)
    loop do
      engine_caught_up
      dispatcher_caught_up
      arrived = sides.map { |peer, users| peer.arrivals.each { |message| users[message.header("Call-ID")]&.take(message, now) } }
      break if arrived.all?(&:empty?)
    end
    sides.each { |_, users| users.each_value { |user| user.tick(now) } }
    OverSIP::Testing.advance(step)
  end

  # Rate, and how many calls have to come through: at 50 % a message and its answer pass one link once in four attempts, and
  # 64*T1 leave time for eleven.
  [[0.1, calls], [0.3, calls], [0.5, calls / 2]].each do |rate, least|
    it "sets up and ends calls with #{(rate * 100).to_i} % lost, and its script sees each request and answer once" do
      callers, callees, peers = run_calls(rate, 200, calls, step)
      lost = peers.sum(&:lost).fdiv(peers.sum { |peer| peer.lost + peer.passed })
      expect(lost).to be_within(0.1).of(rate)
      expect(callers.count { |caller| caller.log == [200, 200] }).to be >= least
      expect(callees.count { |callee| (%w[INVITE BYE] - callee.requests).empty? }).to be >= least
      # An ACK may come through more than once: each 2xx that the caller sees has its own.
      expect(requests.reject { |request, _| request.start_with?("ACK") }.values.uniq).to eq([1])
      expect(responses.values.uniq).to eq([1])
      expect(OverSIP.stats.slice(:server_transactions, :client_transactions).values).to eq([0, 0])
    end

    it "brings failures to the caller with #{(rate * 100).to_i} % lost, and acknowledges each to the callee" do
      callers, callees, = run_calls(rate, 486, calls, step)
      expect(callers.count { |caller| caller.log == [486] }).to be >= least
      expect(callees.count { |callee| callee.requests.include?("ACK") }).to be >= least
      expect(requests.values.uniq).to eq([1])
      expect(responses.values.uniq).to eq([1])
      expect(OverSIP.stats.slice(:server_transactions, :client_transactions).values).to eq([0, 0])
    end
  end
end
