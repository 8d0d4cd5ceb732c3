# frozen_string_literal: true

RSpec.shared_context "with blocks behind a gate" do
  let!(:alice) { udp_peer }
  let!(:gate) { Thread::Queue.new }
  let!(:entered) { mailbox }
  let!(:seen) { mailbox }

  def stats
    OverSIP.stats
  end

  # About so many bytes of text.
  def large(bytes)
    { headers: { "X-Padding" => "x" * bytes } }
  end
end

# What waits for the script is bounded, in number and in bytes.
RSpec.describe "A message that waits for the script", :native do
  include_context "with blocks behind a gate"

  let!(:bob) { udp_peer }

  # The dispatcher stops in the first OPTIONS until the gate opens.
  def start_blocked(**core)
    start_oversip(configuration: { core: core }) do |request|
      if request.sip_method == :OPTIONS
        entered << true
        gate.pop
      end
      seen << request.sip_method
      request.reply(200) unless request.sip_method == :ACK
    end
    OverSIP::Testing.freeze
    call_from(udp_peer, :OPTIONS)
    entered.pop
  end

  describe "as an ACK without a transaction" do
    # @return [Integer] how many of them wait, when the engine has looked at all
    def send_acks(count, **options)
      count.times { call_from(alice, :ACK, to_tag: "bob", **options) }
      engine_caught_up
      stats[:queued][:acks]
    end

    it "is dropped and counted beyond its number; the others come to the script" do
      start_blocked(max_queued_acks: 3)
      expect(send_acks(5)).to eq(3)
      expect(stats[:dropped]).to include(acks: 2)
      gate.close
      dispatcher_caught_up
      expect(seen.all).to eq(%i[OPTIONS ACK ACK ACK])
      expect(stats[:queued]).to include(acks: 0)
      expect(stats[:queued_bytes]).to include(acks: 0)
    end

    it "is dropped and counted beyond its bytes" do
      start_blocked(max_queued_ack_bytes: 16_000)
      expect(send_acks(5, **large(8000))).to eq(2)
      expect(stats[:dropped]).to include(acks: 3)
      expect(stats[:queued_bytes][:acks]).to be_between(16_000, 24_000)
      gate.close
    end

    it "takes no place of a request" do
      start_blocked(max_queued_requests: 2, max_queued_bytes: 20_000)
      expect(send_acks(10, **large(4000))).to eq(10)
      call_from(bob, :MESSAGE)
      engine_caught_up
      expect(messages_at(bob)).to be_empty
      gate.close
      expect(bob.receive.status).to eq(200)
    end

    it "is taken again when there is room" do
      start_blocked(max_queued_acks: 1)
      send_acks(2)
      gate.close
      dispatcher_caught_up
      seen.all
      send_acks(1)
      dispatcher_caught_up
      expect(seen.all).to eq([:ACK])
    end
  end

  describe "as a request" do
    it "is answered 503 beyond the bytes of those that wait, and counted" do
      start_blocked(max_queued_bytes: 16_000)
      2.times { call_from(alice, :MESSAGE, **large(8000)) }
      engine_caught_up
      call_from(bob, :MESSAGE)
      refused = bob.receive
      expect([refused.status, refused.header("Retry-After")]).to eq([503, "5"])
      expect(stats[:rejected]).to include(queued_bytes: 1, queued_requests: 0)
      expect(stats[:queued]).to include(requests: 2)
      expect(stats[:queued_bytes][:requests]).to be_between(16_000, 24_000)
      gate.close
      dispatcher_caught_up
      expect(stats[:queued_bytes]).to include(requests: 0)
      call_from(bob, :MESSAGE)
      expect(bob.receive.status).to eq(200)
    end
  end

  describe "as a request of a dialog" do
    it "has room of its own beyond the bytes of the others" do
      start_blocked(max_queued_bytes: 16_000)
      2.times { call_from(alice, :MESSAGE, **large(8000)) }
      engine_caught_up
      call_from(bob, :MESSAGE)
      expect(bob.receive.status).to eq(503)
      call_from(bob, :BYE, to_tag: "up")
      engine_caught_up
      expect([messages_at(bob), stats[:queued][:requests], stats[:reserve_admissions]]).to eq([[], 3, 1])
      call_from(bob, :MESSAGE, to_tag: "up", **large(8000))
      engine_caught_up
      expect(messages_at(bob).map(&:status)).to eq([503])
      gate.close
      expect(bob.receive.then { |answer| [answer.status, answer.method_name] }).to eq([200, "BYE"])
    end
  end

  describe "as a response" do
    # A proxy whose on_provisional_response does not end before the gate opens. Its INVITE has got to bob, a 180 to the block.
    def ring(**core)
      start_relay_to(bob, configuration: { core: core }) do |proxy, _|
        proxy.on_provisional_response do |response|
          entered << true
          gate.pop
          seen << response.status_code
        end
        proxy.on_success_response { |response| seen << response.status_code }
      end
      call_from(alice)
      bob.receive.tap do |forwarded|
        bob.answer(forwarded, 180)
        entered.pop
      end
    end

    def final_at(peer)
      peer.receive_until { |message| message.status.to_i >= 200 }
    end

    it "is dropped and counted beyond the number for one Client when it is provisional; a final one is not" do
      forwarded = ring(max_client_responses: 3)
      6.times { bob.answer(forwarded, 183) }
      bob.answer(forwarded, 200)
      engine_caught_up
      expect(stats[:dropped]).to include(provisional_responses: 4, final_responses: 0)
      # The one with the block counts as well.
      expect(stats[:queued]).to include(responses: 4)
      gate.close
      expect(final_at(alice).status).to eq(200)
      expect(Array.new(4) { seen.pop }).to eq([180, 183, 183, 200])
      eventually { stats[:queued][:responses].zero? && stats[:queued_bytes][:responses].zero? }
    end

    it "is dropped and counted beyond the bytes for one Client when it is provisional" do
      forwarded = ring(max_client_bytes: 14_000)
      4.times { bob.answer(forwarded, 183, **large(4000)) }
      bob.answer(forwarded, 200, **large(8000))
      engine_caught_up
      expect(stats[:dropped]).to include(provisional_responses: 2)
      gate.close
      expect(final_at(alice).status).to eq(200)
      expect(Array.new(4) { seen.pop }).to eq([180, 183, 183, 200])
    end

    it "keeps a provisional response beyond the bound from its transaction's eyes only: timers know that it came" do
      forwarded = ring(max_client_responses: 1)
      bob.answer(forwarded, 183)
      engine_caught_up
      expect(stats[:dropped]).to include(provisional_responses: 1)
      # Timer B has ended with the first response, dropped ones do not begin it anew.
      OverSIP::Testing.advance(40)
      bob.answer(forwarded, 200)
      engine_caught_up
      gate.close
      expect(final_at(alice).status).to eq(200)
    end

    it "beyond the bytes for all Clients is dropped when it is provisional" do
      start_relay_to(bob, configuration: { core: { max_response_bytes: 20_000 } }) do |proxy, request|
        proxy.on_provisional_response do |response|
          entered << true
          gate.pop
          seen << response.status_code
        end
        seen << request.sip_method
      end
      forwarded = Array.new(4) { call_from(udp_peer) && bob.receive }
      seen.all
      forwarded.each { |invite| bob.answer(invite, 180, **large(3000)) }
      entered.pop
      engine_caught_up
      expect(stats[:queued]).to include(responses: 2)
      expect(stats[:dropped]).to include(provisional_responses: 2)
      gate.close
      eventually { stats[:queued_bytes][:responses].zero? }
    end

    it "beyond the bytes for all Clients is left to its sender over UDP when it is final: the repetition is taken" do
      start_relay_to(bob, configuration: { core: { max_response_bytes: 10_000 } }) do |proxy, _|
        proxy.on_success_response do |response|
          entered << true
          gate.pop
          seen << response.status_code
        end
      end
      callers = Array.new(4) { udp_peer.tap { |caller| call_from(caller) } }
      forwarded = Array.new(4) { bob.receive }
      forwarded.each { |invite| bob.answer(invite, 200, **large(6000)) }
      entered.pop
      engine_caught_up
      expect(stats[:queued]).to include(responses: 2)
      expect(stats[:dropped]).to include(final_responses: 2)
      gate.close
      2.times { seen.pop }
      eventually { stats[:queued][:responses].zero? }
      forwarded.last(2).each { |invite| bob.answer(invite, 200, **large(6000)) }
      expect(callers.map { |caller| final_at(caller).status }).to eq([200] * 4)
    end

    it "goes on without a wait when no block wants it, however much waits for others" do
      start_relay_to(bob, configuration: { core: { max_response_bytes: 10_000 } }) do |proxy, request|
        next if request.header("X-Quick")

        proxy.on_success_response do
          entered << true
          gate.pop
        end
      end
      carol = udp_peer
      3.times { call_from(alice) }
      slow = Array.new(3) { bob.receive }
      call_from(carol, headers: { "X-Quick" => "yes" })
      quick = bob.receive
      slow.each { |invite| bob.answer(invite, 200, **large(6000)) }
      entered.pop
      engine_caught_up
      expect(stats[:dropped]).to include(final_responses: 1)
      bob.answer(quick, 180)
      bob.answer(quick, 200)
      expect(final_at(carol).status).to eq(200)
      gate.close
    end

    # A proxy to a callee over this transport whose on_success_response does not end before the gate opens.
    def answer_slowly(port, transport, **core)
      start_oversip(configuration: { core: core }) do |request|
        proxy = OverSIP::SIP::Proxy.new
        proxy.on_success_response do |response|
          entered << true
          gate.pop
          seen << response.to_tag
        end
        proxy.route(request, "127.0.0.1", port, transport)
      end
      call_from(alice)
    end

    %i[udp tcp].each do |transport|
      it "beyond the bytes for one Client is left to its sender when it is a 2xx of one more callee, over #{transport}: the repetition is taken" do
        server = transport == :tcp ? tcp_server : bob
        answer_slowly(server.port, transport, max_client_bytes: 20_000)
        callee = transport == :tcp ? server.accept : bob
        forwarded = callee.receive
        answer = ->(tag) { callee.answer(forwarded, 200, to_tag: tag, **large(6000)) }
        tags = Array.new(8) { |number| "callee-#{number}" }
        tags.each(&answer)
        entered.pop
        eventually { stats[:dropped][:final_responses] + stats[:queued][:responses] == 8 }
        expect(stats[:queued_bytes][:responses]).to be <= 20_000
        left = stats[:dropped][:final_responses]
        expect(left).to be > 4
        gate.close
        early = Array.new(8 - left) { seen.pop }
        eventually { stats[:queued][:responses].zero? }
        late = (tags - early).each { |tag| answer.call(tag) && expect(seen.pop).to(eq(tag)) }
        expect(Array.new(8) { final_at(alice).header("To")[/tag=(.+)/, 1] }).to match_array(early + late)
      end
    end

    it "takes one, however large it is, when nothing waits for its Client" do
      answer_slowly(bob.port, :udp, max_client_bytes: 1000)
      bob.answer(bob.receive, 200, to_tag: "large", **large(6000))
      entered.pop
      gate.close
      expect([seen.pop, final_at(alice).status]).to eq(["large", 200])
    end

    # There is too much for all Clients: alice's call has been answered, and its block does not end.
    def fill
      bob.answer(bob.receive, 200, **large(6000))
      entered.pop
      engine_caught_up
    end

    it "that needs no memory is taken however much waits: a repeated failure gets its ACK" do
      voicemail = udp_peer
      start_oversip(configuration: { core: { max_response_bytes: 2000 } }) do |request|
        proxy = OverSIP::SIP::Proxy.new
        proxy.on_success_response { (entered << true) && gate.pop }
        proxy.on_failure_response do
          proxy.drop_response
          proxy.route(request, "127.0.0.1", voicemail.port, :udp)
        end
        proxy.route(request, "127.0.0.1", bob.port, :udp)
      end
      call_from(udp_peer)
      refused = bob.receive
      bob.answer(refused, 486)
      expect([voicemail, bob].map { |peer| peer.receive.method_name }).to eq(%w[INVITE ACK])
      call_from(alice)
      fill
      bob.answer(refused, 486)
      expect(bob.receive.method_name).to eq("ACK")
      expect(stats[:dropped]).to include(final_responses: 0)
      gate.close
    end

    it "that needs no memory is taken however much waits: the answer to CANCEL ends its repetition" do
      start_relay_to(bob, configuration: { core: { max_response_bytes: 2000 } }) do |proxy, _|
        proxy.on_success_response { (entered << true) && gate.pop }
      end
      carol = udp_peer
      invite = call_from(carol)
      ringing = bob.receive
      bob.answer(ringing, 180)
      carol.receive_until { |message| message.status == 180 }
      call_from(alice)
      fill
      OverSIP::Testing.freeze
      carol.send_text(carol.companion(invite, :CANCEL), oversip_port)
      cancel = bob.receive
      expect(cancel.method_name).to eq("CANCEL")
      bob.answer(cancel, 200)
      engine_caught_up
      OverSIP::Testing.advance(3)
      expect(messages_at(bob)).to be_empty
      expect(stats[:dropped]).to include(final_responses: 0)
      gate.close
    end

    it "that was shown to the blocks of a Uac and comes again waits within the bounds for one Client" do
      start_oversip(configuration: { core: { max_client_responses: 3 } })
      uac = OverSIP::SIP::Uac.new
      uac.on_success_response { (entered << true) && gate.pop }
      uac.route(OverSIP::SIP::UacRequest.new(sip_method: :INVITE, ruri: "sip:bob@127.0.0.1:#{bob.port}"))
      invite = bob.receive
      6.times { bob.answer(invite, 200) }
      entered.pop
      engine_caught_up
      expect(stats[:queued]).to include(responses: 3)
      expect(stats[:dropped]).to include(final_responses: 3)
      gate.close
      expect(Array.new(2) { entered.pop }).to eq([true, true])
      eventually { stats[:queued][:responses].zero? }
      bob.answer(invite, 200)
      expect(entered.pop).to be(true)
    end
  end
end

# What waits on connections is bounded over all of them.
RSpec.describe "Data that waits on connections", :native do
  include_context "with blocks behind a gate"

  it "is not read on while too much waits for blocks: a stream loses no response" do
    server = tcp_server
    start_oversip(configuration: { core: { max_response_bytes: 10_000 } }) do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_success_response do |response|
        entered << true
        gate.pop
        seen << response.status_code
      end
      proxy.route(request, "127.0.0.1", server.port, :tcp)
    end
    callers = Array.new(4) { udp_peer.tap { |caller| call_from(caller, :MESSAGE) } }
    bob = server.accept
    forwarded = Array.new(4) { bob.receive }
    forwarded.first(2).each { |request| bob.answer(request, 200, **large(6000)) }
    entered.pop
    eventually { stats[:queued][:responses] == 2 }
    forwarded.last(2).each { |request| bob.answer(request, 200, **large(6000)) }
    eventually { stats[:paused_connections] == 1 }
    expect(stats[:queued]).to include(responses: 2)
    gate.close
    expect(callers.map { |caller| caller.receive_final.status }).to eq([200] * 4)
    expect(stats[:dropped]).to include(final_responses: 0)
    eventually { stats[:paused_connections].zero? }
  end

  # Two requests to a server whose blocks do not end have filled the room, a third one is unanswered. Those with X-Quick go to
  # another server, and no block wants their answers.
  def start_with(slow, quick)
    start_oversip(configuration: { core: { max_response_bytes: 10_000 } }) do |request|
      proxy = OverSIP::SIP::Proxy.new
      next proxy.route(request, "127.0.0.1", quick.port, :tcp) if request.header("X-Quick")

      proxy.on_success_response do
        entered << true
        gate.pop
      end
      proxy.on_error { |status, *| seen << status }
      proxy.route(request, "127.0.0.1", slow.port, :tcp)
    end
    OverSIP::Testing.freeze
  end

  def fill_room(slow)
    3.times { call_from(alice, :MESSAGE) }
    callee = slow.accept
    requests = Array.new(3) { callee.receive }
    requests.first(2).each { |request| callee.answer(request, 200, **large(6000)) }
    entered.pop
    eventually { stats[:queued][:responses] == 2 }
    [callee, requests.last]
  end

  it "is read on while too much waits for the blocks of others: answers that no block wants pass" do
    slow = tcp_server
    quick = tcp_server
    start_with(slow, quick)
    callers = Array.new(2) { udp_peer.tap { |caller| call_from(caller, :MESSAGE, headers: { "X-Quick" => "yes" }) } }
    callee = quick.accept
    requests = Array.new(2) { callee.receive }
    fill_room(slow)
    requests.each { |request| callee.answer(request, 200, **large(6000)) }
    expect(callers.map { |caller| caller.receive_final.status }).to eq([200, 200])
    eventually { stats[:paused_connections].zero? }
    expect(stats[:queued]).to include(responses: 2)
    gate.close
  end

  it "is read on when the transaction has ended whose answer had no room; its target has shown that it lives" do
    slow = tcp_server
    start_with(slow, nil)
    callee, last = fill_room(slow)
    callee.answer(last, 200, **large(6000))
    eventually { stats[:paused_connections] == 1 }
    OverSIP::Testing.advance(33)
    engine_caught_up
    expect([stats[:paused_connections], stats[:queued][:responses]]).to eq([0, 2])
    expect(OverSIP.proxies[:default_proxy][:blacklist]).to be_empty
    gate.close
  end

  it "is bounded together: the connection with the most is closed, the others go on" do
    stuck = Array.new(2) { dropping_port }
    start_oversip(configuration: { core: { max_outgoing_bytes: 70_000 } },
                  proxies: { default_proxy: { connect_timeout: 60 } }) do |request|
      OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", Integer(request.ruri.user), :tcp)
    end
    OverSIP::Testing.freeze
    send = ->(port) { udp_peer.tap { |caller| caller.send_text(caller.build(:MESSAGE, "sip:#{port}@b.example", **large(25_000)), oversip_port) } }
    first = Array.new(2) { send.call(stuck.first) }
    eventually { stats[:outgoing_bytes] > 50_000 }
    other = send.call(stuck.last)
    expect(first.map { |caller| caller.receive_final.status }).to eq([500, 500])
    expect(stats[:dropped]).to include(slow_connections: 1)
    # The wait on this side is no fault of the peer.
    expect(stats[:blacklist]).to eq(0)
    eventually { stats[:outgoing_bytes].between?(25_000, 27_000) }
    expect(messages_at(other)).to be_empty
  end

  it "counts messages that are no valid SIP and get no answer, by UDP and on connections" do
    start_oversip { nil }
    alice.send_text("no SIP at all\r\n\r\n", oversip_port)
    carol = tcp_peer
    ack = carol.build(:ACK, "sip:b.example", headers: { "CSeq" => "4000000000 ACK" })
    [alice, carol].each { |peer| peer.send_text(ack, oversip_port) }
    eventually { stats[:dropped][:malformed] == 3 }
  end
end
