# frozen_string_literal: true

require "open3"
require "rbconfig"
require_relative "../support/callbacks"
require_relative "../support/compaction"
require_relative "../support/message_load"

# What a request needs lives as long as something may still be called, and no longer.
RSpec.describe "A Client, its blocks and its request", :native do
  let(:load) { MessageLoad.new.tap { |processes| opened << processes } }

  # A relay whose every request has a Proxy with a block for each event, and whose clock stands.
  def start_relay
    callee_port = load.callee_port
    start_oversip do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_target { |target| request.tvars[:target] = target }
      proxy.on_provisional_response { |response| request.tvars[:provisional] = response }
      proxy.on_success_response { |response| request.tvars[:success] = response }
      proxy.on_failure_response { |response| request.tvars[:failure] = response }
      proxy.on_canceled { request.tvars[:canceled] = true }
      proxy.on_invite_timeout { request.tvars[:timeout] = true }
      proxy.on_error { |status, reason, code| request.tvars[:error] = [status, reason, code] }
      proxy.route(request, "127.0.0.1", callee_port)
    end
    OverSIP::Testing.freeze
  end

  def send_messages(count, batch:)
    until count.zero?
      now = [count, batch].min
      expect(load.send_messages(now, oversip_port)).to eq("200=#{now}")
      # Timers J and K: the transactions of these requests end.
      OverSIP::Testing.advance(33)
      yield if block_given?
      count -= now
    end
  end

  def live_objects
    dispatcher_caught_up
    3.times { GC.start }
    [OverSIP::SIP::Client, OverSIP::SIP::Request, OverSIP::SIP::Response, Proc, Fiber].to_h do |kind|
      [kind, ObjectSpace.each_object(kind).count]
    end
  end

  def resident_kilobytes
    File.read("/proc/self/status")[/^VmRSS:\s+(\d+)/, 1].to_i
  end

  def nothing_more_than(before, margin: 10)
    after = live_objects
    expect(after.keys.to_h { |kind| [kind, after[kind] - before[kind]] }).to all(satisfy { |_, more| more <= margin })
    expect(OverSIP.stats.values_at(:server_transactions, :client_transactions)).to eq([0, 0])
    expect(OverSIP::Engine.held_objects).to be <= 1
  end

  it "are gone after 100 000 requests, and the process has not grown" do
    start_relay
    # More at the same time than later, so that the tables of the engine have the size that they keep.
    send_messages(20_000, batch: 5000)
    before = live_objects
    memory = [resident_kilobytes]
    2.times do
      send_messages(50_000, batch: 2000)
      nothing_more_than(before)
      memory << resident_kilobytes
    end
    # Ruby's heap grows by a step now and then; what is kept for each request shows in both halves.
    expect(memory.each_cons(2).map { |former, later| later.fdiv(former) }.min).to be < 1.05, memory.inspect
  end

  it "are gone after 200 requests with a collection at every allocation" do
    script = File.expand_path("../support/stressed_relay.rb", __dir__)
    lib = File.expand_path("../../lib", __dir__)
    output, status = Open3.capture2e(RbConfig.ruby, "-I", lib, script, "200")
    expect(status).to be_success, output
    relaxed, stressed = output.lines.map(&:split)
    expect(stressed.first).to eq("200=200")
    expect(stressed).to eq(relaxed)
  end

  describe "while objects move" do
    extend Compaction

    before do
      GC.compact if Compaction.apart?
    rescue NotImplementedError
      skip "this Ruby cannot compact its heap"
    end

    it_compacts "are gone after 10 000 requests with a compaction now and then" do
      start_relay
      send_messages(2000, batch: 2000)
      before = live_objects
      send_messages(10_000, batch: 1000) { GC.compact }
      nothing_more_than(before)
    end

    it_compacts "are found where they are now by the events that come after a compaction" do
      alice = udp_peer
      bob = udp_peer
      seen = mailbox
      start_relay_to(bob) do |proxy, request|
        mark = request.call_id
        proxy.on_provisional_response { |response| seen << [mark, response.request.call_id, proxy.request.call_id] }
        proxy.on_failure_response { |response| seen << [mark, response.request.call_id, response.call_id] }
      end
      requests = Array.new(50) { call_from(alice) && bob.receive }
      [180, 486].each do |status|
        GC.verify_compaction_references(toward: :empty, double_heap: true)
        requests.each { |request| bob.answer(request, status) }
        answers = Array.new(50) { seen.pop }
        expect(answers.map(&:uniq)).to match_array(requests.map { |request| [request.header("Call-ID")] })
      end
    end
  end

  it "stay alive for as long as their transaction, though the script has forgotten them" do
    alice = udp_peer
    bob = udp_peer
    seen = mailbox
    start_relay_to(bob) { |proxy, _| proxy.on_success_response { |response| seen << response.request.call_id } }
    call_from(alice)
    request = bob.receive
    dispatcher_caught_up
    3.times { GC.start }
    expect(ObjectSpace.each_object(OverSIP::SIP::Proxy).count).to be >= 1
    bob.answer(request, 200)
    expect(seen.pop).to eq(request.header("Call-ID"))
  end

  it "are released with the engine, even if a callback was suspended for ever and a scheduled block never ran" do
    bob = udp_peer
    seen = mailbox
    start_relay_to(bob) { |proxy, _| proxy.on_success_response { seen << true and Fiber.yield } }
    call_from(udp_peer)
    bob.answer(bob.receive, 200)
    seen.pop
    OverSIP.schedule(after: 3600) { seen << true }
    expect(OverSIP::Engine.held_objects).to eq(2)
    OverSIP.stop(timeout: 0)
    expect(OverSIP::Engine.held_objects).to eq(0)
  end

  CallbackHelpers::EVENTS.each do |event|
    it "are gone after a call that ended with #{event}, when its transactions are over" do
      provoke(event) { |proxy| record(proxy, into: mailbox) }
      OverSIP::Testing.advance(200)
      eventually { OverSIP.stats.values_at(:server_transactions, :client_transactions) == [0, 0] }
      dispatcher_caught_up
      expect(OverSIP::Engine.held_objects).to eq(0)
    end
  end
end
