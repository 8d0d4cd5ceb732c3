# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/scripted_dns"

# How long, and how far, one request is carried on from target to target.
RSpec.describe "A search of targets", :native do
  let(:seen) { mailbox }
  let(:alice) { udp_peer }
  # All addresses of 127.0.0.0/8, on one port.
  let(:strangers) { udp_peer("0.0.0.0") }
  let(:given_up) { [:error, 408, "Client Timeout", :client_timeout] }
  let(:blacklist) { OverSIP.proxies[:default_proxy][:blacklist] }

  # A name whose targets all keep silent.
  def zone(count)
    addresses = Array.new(count) { |at| "127.1.#{at / 250}.#{1 + (at % 250)}" }
    { "many.example" => [{ naptr: [1, 1, "s", "SIP+D2U", "_sip._udp.many.example"] }],
      "_sip._udp.many.example" => addresses.map.with_index { |_, at| { srv: [at, 0, strangers.port, "h#{at}.example"] } },
      **addresses.each_with_index.to_h { |address, at| ["h#{at}.example", [address]] } }
  end

  def start(profile = {}, count: 20, truncating: false, **core, &before)
    dns = scripted_dns(zone(count), ttl: 3600, truncating: truncating)
    start_oversip(configuration: { core: { nameservers: [dns.address], **core } },
                  proxies: { default_proxy: { timer_B: 4, timer_F: 4, blacklist_time: 60, **profile } }) do |request|
      before&.call(request)
      record(OverSIP::SIP::Proxy.new, into: seen).route(request, "many.example")
    end
    OverSIP::Testing.freeze
  end

  # Waits for the first datagram of the next target.
  def next_target
    strangers.receive_until { |message| message.request? && (@branches ||= []).none?(message.branch) }.tap { |it| @branches << it.branch }
  end

  def targets_seen
    @targets = [*@targets, *seen.all]
    @targets.count { |event, *| event == :target }
  end

  def last_event
    targets_seen
    @targets.last
  end

  def expect_silence_from_now_on
    everything_done
    messages_at(strangers)
    OverSIP::Testing.advance(200)
    everything_done
    expect(messages_at(strangers)).to be_empty
  end

  # A MESSAGE whose server transaction has stood for some seconds when it is routed.
  def route_late(seconds)
    held = []
    start({ timer_F: 32 })
    router = OverSIP::SipEvents.method(:on_request).to_proc
    on_request { |request| request.create_transaction && (held << request) }
    call_from(alice, :MESSAGE)
    eventually { held.any? }
    OverSIP::Testing.advance(seconds)
    OverSIP.schedule { router.call(held.first) }
    next_target
  end

  it "in a name of 1 000 servers ends after max_targets, by default 16" do
    start({ timer_F: 2, routing_time: 600 }, count: 1000, truncating: true)
    on_request do |request|
      request.create_transaction
      record(OverSIP::SIP::Uac.new, into: seen).route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@many.example" }))
    end
    call_from(alice, :OPTIONS)
    16.times do
      next_target
      OverSIP::Testing.advance(2)
    end
    everything_done
    expect([targets_seen, last_event]).to eq([16, given_up])
    expect_silence_from_now_on
    expect(OverSIP.stats.slice(:searches, :client_transactions)).to eq(searches: 0, client_transactions: 0)
  end

  it "is not begun beyond max_transactions: many requests for silent servers hold no more than that" do
    start({ timer_F: 2 }, max_transactions: 10)
    30.times { call_from(alice, :OPTIONS) }
    everything_done
    refused = messages_at(alice).map(&:status)
    expect([refused.uniq, refused.size]).to match([[503], be_between(20, 25)])
    # The name server answers in its own time.
    eventually { OverSIP.stats[:client_transactions].positive? }
    8.times do
      OverSIP::Testing.advance(2)
      everything_done
      expect(OverSIP.stats[:client_transactions]).to be_between(1, 10)
    end
    expect(messages_at(strangers).map(&:branch).uniq.size).to be <= 10 * 9
  end

  it "ends after as many targets as max_targets says" do
    start({ max_targets: 3 })
    call_from(alice)
    3.times do
      next_target
      OverSIP::Testing.advance(4)
    end
    expect(final_for(alice).first_line).to eq("SIP/2.0 408 Client Timeout")
    expect([targets_seen, last_event]).to eq([3, given_up])
    expect_silence_from_now_on
  end

  it "for a request other than INVITE ends with its client: after 32 s" do
    start({ timer_F: 12 })
    call_from(alice, :MESSAGE)
    [12, 12, 7.9].each do |seconds|
      next_target
      OverSIP::Testing.advance(seconds)
    end
    everything_done
    expect([targets_seen, last_event]).to match([3, [:target, String]])
    expect(OverSIP.stats[:searches]).to eq(1)
    OverSIP::Testing.advance(0.1)
    everything_done
    expect([targets_seen, last_event]).to eq([3, given_up])
    expect(OverSIP.stats.slice(:searches, :client_transactions, :server_transactions).values).to eq([0, 0, 0])
    # The last one had not its whole time.
    expect(blacklist.size).to eq(2)
    expect_silence_from_now_on
  end

  it "that begins late ends with its server transaction all the same" do
    route_late(20)
    OverSIP::Testing.advance(12)
    everything_done
    expect([targets_seen, last_event]).to eq([1, given_up])
    expect(blacklist).to be_empty
    expect_silence_from_now_on
  end

  it "leaves a target its whole Timer F when that is due just after the end: it is put on the blacklist" do
    route_late(0.3)
    OverSIP::Testing.advance(31.7)
    everything_done
    expect(OverSIP.stats.slice(:server_transactions, :searches)).to eq(server_transactions: 0, searches: 1)
    messages_at(strangers)
    OverSIP::Testing.advance(0.3)
    everything_done
    expect([targets_seen, last_event]).to eq([1, given_up])
    expect(blacklist.keys).to eq(["udp:127.1.0.1:#{strangers.port}"])
    expect_silence_from_now_on
  end

  # As after a look-up that took its time.
  it "that begins a little late leaves the target long enough: it is put on the blacklist" do
    route_late(3)
    OverSIP::Testing.advance(29)
    everything_done
    expect([targets_seen, last_event]).to eq([1, given_up])
    expect(blacklist.keys).to eq(["udp:127.1.0.1:#{strangers.port}"])
    expect_silence_from_now_on
  end

  describe "with a timer_F above what clients wait" do
    it "ends with its server transaction all the same: the target is put on the blacklist" do
      start({ timer_F: 60 })
      call_from(alice, :MESSAGE)
      next_target
      OverSIP::Testing.advance(32)
      everything_done
      expect([targets_seen, last_event]).to eq([1, given_up])
      expect(blacklist.keys).to eq(["udp:127.1.0.1:#{strangers.port}"])
      expect_silence_from_now_on
    end

    it "leaves the target of a Uac that time" do
      start({ timer_F: 60 })
      uac = record(OverSIP::SIP::Uac.new, into: seen, only: %i[target error])
      uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@many.example" }))
      next_target
      OverSIP::Testing.advance(59.9)
      everything_done
      expect([targets_seen, last_event]).to match([1, [:target, String]])
      OverSIP::Testing.advance(0.1)
      everything_done
      expect([targets_seen, last_event]).to eq([1, given_up])
      expect(blacklist.keys).to eq(["udp:127.1.0.1:#{strangers.port}"])
      messages_at(strangers)
      expect_silence_from_now_on
    end
  end

  it "that begins after its server transaction sends nothing" do
    held = []
    start
    router = OverSIP::SipEvents.method(:on_request).to_proc
    on_request { |request| request.create_transaction && (held << request) }
    call_from(alice, :MESSAGE)
    eventually { held.any? }
    OverSIP::Testing.advance(32)
    OverSIP.schedule { router.call(held.first) }
    expect(seen.pop).to eq(given_up)
    expect_silence_from_now_on
  end

  it "ends in a block of on_target that outlasts the time" do
    start({ timer_F: 4, routing_time: 6 })
    fibers = Thread::Queue.new
    on_request do |request|
      proxy = record(OverSIP::SIP::Proxy.new, into: seen, only: %i[error])
      proxy.on_target do
        seen << :target
        (fibers << Fiber.current) && Fiber.yield if (@count = @count.to_i + 1) == 2
      end
      proxy.route(request, "many.example")
    end
    call_from(alice, :MESSAGE)
    next_target
    OverSIP::Testing.advance(4)
    fiber = fibers.pop
    OverSIP::Testing.advance(3)
    OverSIP.schedule { fiber.resume }
    expect(Array.new(3) { seen.pop }).to eq([:target, :target, given_up])
    expect_silence_from_now_on
  end

  describe "with a routing_time" do
    it "ends for a request other than INVITE when that is over" do
      start({ routing_time: 6 })
      call_from(alice, :MESSAGE)
      next_target
      OverSIP::Testing.advance(4)
      next_target
      OverSIP::Testing.advance(2)
      everything_done
      expect([targets_seen, last_event]).to eq([2, given_up])
      expect(blacklist.size).to eq(1)
      expect_silence_from_now_on
    end

    it "ends for an INVITE when that is over; a callee that begins to ring later is cancelled" do
      start({ routing_time: 6 })
      call_from(alice)
      next_target
      OverSIP::Testing.advance(4)
      pending = next_target
      OverSIP::Testing.advance(2)
      expect(final_for(alice).first_line).to eq("SIP/2.0 408 Client Timeout")
      everything_done
      expect([targets_seen, last_event, blacklist.size]).to eq([2, given_up, 1])
      messages_at(strangers)
      strangers.answer(pending, 180, "Ringing")
      expect(strangers.receive.first_line).to start_with("CANCEL ")
      strangers.answer(pending, 487, "Request Terminated")
      strangers.receive_until { |message| message.method_name == "ACK" }
      everything_done
      expect(last_event).to eq(given_up)
      expect_silence_from_now_on
    end

    it "for an INVITE leaves a callee that rings its whole Timer C" do
      start({ routing_time: 6, timer_C: 30 })
      call_from(alice)
      next_target
      OverSIP::Testing.advance(4)
      ringing = next_target
      strangers.answer(ringing, 180, "Ringing")
      alice.receive_until { |message| message.status == 180 }
      OverSIP::Testing.advance(29.9)
      everything_done
      expect(last_event).to eq([:provisional_response, 180])
      OverSIP::Testing.advance(0.1)
      expect(final_for(alice).first_line).to eq("SIP/2.0 408 INVITE Timeout")
      expect(strangers.receive_until { |message| message.method_name == "CANCEL" }.branch).to eq(ringing.branch)
      everything_done
      expect([targets_seen, last_event]).to eq([2, [:invite_timeout]])
    end

    it "does not go on after a callee that has rung refuses when it is over" do
      start({ routing_time: 6 })
      call_from(alice)
      ringing = next_target
      strangers.answer(ringing, 180, "Ringing")
      alice.receive_until { |message| message.status == 180 }
      OverSIP::Testing.advance(10)
      strangers.answer(ringing, 503, "Service Unavailable")
      expect(final_for(alice).status).to eq(500)
      everything_done
      expect([targets_seen, last_event]).to eq([1, [:failure_response, 503]])
    end

    it "counts for a Uac too" do
      start({ routing_time: 6 })
      uac = record(OverSIP::SIP::Uac.new, into: seen, only: %i[target error])
      uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@many.example" }))
      next_target
      OverSIP::Testing.advance(4)
      next_target
      OverSIP::Testing.advance(2)
      everything_done
      expect([targets_seen, last_event]).to eq([2, given_up])
      expect_silence_from_now_on
    end
  end

  it "for an INVITE ends with timer C2: no target follows" do
    start({ timer_B: 64, timer_C: 180, routing_time: 600 })
    call_from(alice)
    3.times do
      next_target
      OverSIP::Testing.advance(64)
    end
    expect(final_for(alice).first_line).to eq("SIP/2.0 408 Request Timeout")
    expect_silence_from_now_on
    expect(targets_seen).to eq(3)
    expect(OverSIP.stats[:searches]).to eq(0)
  end

  it "ends with CANCEL" do
    start
    invite = call_from(alice)
    next_target
    OverSIP::Testing.advance(4)
    next_target
    cancel_from(alice, invite)
    OverSIP::Testing.advance(4)
    expect(final_for(alice).status).to eq(487)
    everything_done
    expect([targets_seen, OverSIP.stats[:searches]]).to eq([2, 0])
    expect_silence_from_now_on
  end

  it "is counted while it is under way" do
    start
    call_from(alice)
    target = next_target
    strangers.answer(target, 180, "Ringing")
    everything_done
    expect(OverSIP.stats[:searches]).to eq(1)
    strangers.answer(target, 200)
    expect(final_for(alice).status).to eq(200)
    everything_done
    expect(OverSIP.stats.slice(:searches, :client_transactions)).to eq(searches: 0, client_transactions: 1)
  end
end
