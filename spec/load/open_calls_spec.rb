# frozen_string_literal: true

require "oversip/testing"

# The clock stands still meanwhile, so that nothing is retransmitted or forgotten before the example says so.
RSpec.describe "1 000 calls at the same time", :native do
  let(:calls) { 1000 }
  # So many are under way between two looks at the sockets: less than a socket's buffer holds.
  let(:at_once) { 20 }

  let(:callee) { udp_peer }
  let(:caller) { udp_peer }

  before do
    start_oversip do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_provisional_response { nil }
      proxy.on_success_response { nil }
      request.loose_route if request.in_dialog?
      request.in_dialog? ? proxy.route(request) : proxy.route(request, "127.0.0.1", callee.port)
    end
    OverSIP::Testing.freeze
  end

  # @return [Array<SipText>] so many messages with this method or status
  def collect(peer, number, what)
    Array.new(number) { peer.receive_until { |message| [message.status, message.method_name].include?(what) } }
  end

  # @return [Array<Array>] the INVITEs as sent and as they arrived, once all ring
  def ring
    (1..calls).each_slice(at_once).flat_map do |numbers|
      sent = numbers.map { caller.send_text(caller.build(:INVITE, "sip:bob@b.example"), oversip_port) }
      arrived = collect(callee, numbers.size, "INVITE").each { |invite| callee.answer(invite, 180, "Ringing") }
      collect(caller, numbers.size, 180)
      sent.zip(arrived)
    end
  end

  def answer(invites)
    invites.each_slice(at_once).flat_map do |some|
      some.each { |invite| callee.answer(invite, 200, "OK") }
      answers = collect(caller, some.size, 200)
      answers.each { |response| caller.send_text(caller.in_dialog(:ACK, response, cseq: 1), oversip_port) }
      collect(callee, some.size, "ACK")
      answers
    end
  end

  def hang_up(answers)
    answers.each_slice(at_once).flat_map do |some|
      some.each { |response| caller.send_text(caller.in_dialog(:BYE, response, cseq: 2), oversip_port) }
      collect(callee, some.size, "BYE").each { |bye| callee.answer(bye, 200, "OK") }
      collect(caller, some.size, 200)
    end
  end

  # @return [Array<SipText>] the 487s
  def give_up(invites)
    invites.each_slice(at_once).flat_map do |some|
      some.each { |sent, _| caller.send_text(caller.companion(sent, :CANCEL), oversip_port) }
      collect(callee, some.size, "CANCEL").each { |cancel| callee.answer(cancel, 200, "OK") }
      some.each { |_, arrived| callee.answer(arrived, 487, "Request Terminated") }
      collect(callee, some.size, "ACK")
      failures = collect(caller, some.size, 487)
      some.each { |sent, _| caller.send_text(caller.companion(sent, :ACK), oversip_port) }
      failures
    end
  end

  def live
    OverSIP.stats.values_at(:server_transactions, :client_transactions, :dispatcher_queue)
  end

  def ids(messages)
    messages.map { |message| message.header("Call-ID") }.uniq.size
  end

  it "all ring, are answered and end well, and leave nothing behind" do
    ringing = ring.map(&:last)
    expect(ids(ringing)).to eq(calls)
    expect(live).to eq([calls, calls, 0])

    answers = answer(ringing)
    expect(ids(answers)).to eq(calls)

    byes = hang_up(answers)
    expect([ids(byes), byes.map(&:status).uniq]).to eq([calls, [200]])
    expect(live).to eq([2 * calls, 2 * calls, 0])

    # RFC 6026: Timers L and M last for 64 T1, longer than Timers J and K of the BYEs.
    OverSIP::Testing.advance(32)
    eventually(message: "transactions are still there") { live == [0, 0, 0] }
  end

  it "all are given up while they ring, and leave nothing behind" do
    failures = give_up(ring)
    expect([ids(failures), failures.map(&:status).uniq]).to eq([calls, [487]])
    # Timer D of the INVITEs, Timer K of the CANCELs.
    OverSIP::Testing.advance(32)
    eventually(message: "transactions are still there") { live == [0, 0, 0] }
  end
end
