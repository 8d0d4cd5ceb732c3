# frozen_string_literal: true

# A panic in the engine costs the call that it was busy with: nothing stays locked, held or counted.
RSpec.describe "A panic in the engine", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:requests) { mailbox }
  let!(:proxies) { mailbox }
  let!(:seen) { mailbox }

  def start_noting(**options, &setup)
    start_relay_to(bob, **options) do |proxy, request|
      requests << request
      proxies << proxy
      setup&.call(proxy, request)
    end
  end

  # Waits until nothing of the broken call is left.
  def nothing_left
    OverSIP::Testing.advance(200)
    engine_caught_up
    dispatcher_caught_up
    eventually { OverSIP.stats.values_at(:server_transactions, :client_transactions, :searches, :dispatcher_queue).sum.zero? }
    eventually { GC.start || OverSIP::Engine.held_objects.zero? }
  end

  # Breaks the engine and returns its records.
  def break_engine(victim)
    capture_log(level: :error) do
      OverSIP::Testing.panic(victim)
      engine_caught_up
      dispatcher_caught_up
    end.map(&:body)
  end

  def acknowledge(peer, invite)
    peer.send_text(peer.companion(invite, :ACK), oversip_port)
  end

  it "answers a routed INVITE 500, cancels it downstream and forgets it" do
    start_noting
    invite = call_from(alice)
    forwarded = bob.receive
    bob.answer(forwarded, 180)
    alice.receive_until { |message| message.status == 180 }
    expect(break_engine(requests.pop)).to include(/a defect: one step of the engine panicked.*given up/)
    final = final_for(alice)
    expect([final.status, final.reason]).to eq([500, "Internal Error"])
    acknowledge(alice, invite)
    cancel = bob.receive_until { |message| message.method_name == "CANCEL" }
    bob.answer(cancel, 200)
    bob.answer(forwarded, 487)
    bob.receive_until { |message| message.method_name == "ACK" }
    nothing_left
  end

  it "answers a routed request of another method 500 and takes no late answer to it" do
    start_noting
    call_from(alice, :MESSAGE)
    forwarded = bob.receive
    break_engine(requests.pop)
    expect(alice.receive_final.status).to eq(500)
    bob.answer(forwarded, 200)
    engine_caught_up
    expect(messages_at(alice)).to be_empty
    nothing_left
  end

  it "leaves the Client usable: its next request is routed, with all its callbacks" do
    start_oversip do |request|
      @proxy ||= OverSIP::SIP::Proxy.new.tap { |proxy| proxy.on_success_response { |response| seen << response.status_code } }
      requests << request
      @proxy.route(request, bob.ip, bob.port)
    end
    OverSIP::Testing.freeze
    call_from(alice, :MESSAGE)
    bob.receive
    break_engine(requests.pop)
    expect(alice.receive_final.status).to eq(500)
    call_from(alice, :MESSAGE)
    bob.answer(bob.receive, 200)
    expect(alice.receive_final.status).to eq(200)
    expect(seen.pop).to eq(200)
    nothing_left
  end

  it "leaves all other calls alone" do
    start_noting
    call_from(alice)
    bob.receive
    victim = requests.pop
    carol = udp_peer
    call_from(carol)
    other = bob.receive
    break_engine(victim)
    bob.answer(other, 200)
    expect(final_for(carol).status).to eq(200)
  end

  # All requests go through one Client, whose blocks wait at the gate for the first response.
  def start_with_one_client(gate)
    start_oversip do |request|
      @proxy ||= OverSIP::SIP::Proxy.new.tap do |proxy|
        proxy.on_provisional_response do
          seen << :ringing
          gate.pop
        end
      end
      requests << request
      @proxy.route(request, bob.ip, bob.port)
    end
    OverSIP::Testing.freeze
  end

  it "leaves another request of the same Client alone" do
    gate = Thread::Queue.new.tap(&:close)
    start_with_one_client(gate)
    call_from(alice)
    bob.receive
    victim = requests.pop
    carol = udp_peer
    call_from(carol)
    other = bob.receive
    expect(break_engine(victim)).to include(/a defect/)
    expect(final_for(alice).status).to eq(500)
    bob.answer(other, 200)
    expect(final_for(carol).status).to eq(200)
  end

  it "ends events that wait behind a block of the same Client; a later decision of the block does no harm" do
    gate = Thread::Queue.new
    start_with_one_client(gate)
    call_from(alice)
    bob.receive
    call_from(alice)
    bob.answer(bob.receive, 180)
    seen.pop
    log = capture_log(level: :error) do
      OverSIP::Testing.panic(@proxy)
      engine_caught_up
      gate.close
      dispatcher_caught_up
    end
    expect(log.map(&:body)).to include(/a defect/)
    expect(Array.new(2) { final_for(alice).status }).to eq([500, 500])
    nothing_left
  end

  it "gives a thread that waits in Uac#call an error at once" do
    start_oversip { nil }
    OverSIP::Testing.freeze
    uac = OverSIP::SIP::Uac.new
    request = OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@b.example", from: "sip:a@a.example" })
    call = Thread.new { uac.call(request, bob.ip, bob.port) }
    call.report_on_exception = false
    bob.receive
    break_engine(uac)
    expect { call.value }.to raise_error(OverSIP::SIP::ClientError, /Internal Error/)
    nothing_left
  end

  describe "in the step of a request that waited for a probe" do
    # Bob is on the blacklist.
    def start_listed(**profile)
      start_noting(profile: profile) { |proxy, _| proxy.on_error { |status| seen << status } }
      call_from(alice, :MESSAGE)
      bob.answer(bob.receive, 503, "Service Unavailable", headers: { "Retry-After" => "60" })
      alice.receive_final
      proxies.pop
    end

    def waiting(count)
      eventually { OverSIP.stats[:waiting_for_probe] == count }
    end

    # Sends a request and gives the Client that routes it.
    def ask(method = :MESSAGE)
      call_from(alice, method)
      proxies.pop
    end

    def break_later(client)
      OverSIP::Testing.panic(client, later: true)
      log = capture_log(level: :error) do
        yield
        engine_caught_up
        dispatcher_caught_up
      end
      expect(log.map(&:body)).to include(/a defect.*given up/)
    end

    it "costs that one only: the answer that woke it is passed on, and so are the others" do
      start_listed
      ask
      probe = bob.receive
      victim = ask
      ask
      waiting(2)
      break_later(victim) do
        bob.answer(probe, 200)
        bob.answer(bob.receive, 202)
        expect(Array.new(3) { alice.receive_final.status }).to contain_exactly(200, 500, 202)
      end
      nothing_left
    end

    it "costs that one only: the probe whose time was over when it was woken gets its answer" do
      start_listed(routing_time: 3)
      ask(:INVITE)
      bob.receive
      OverSIP::Testing.advance(2.9)
      victim = ask
      waiting(1)
      break_later(victim) do
        OverSIP::Testing.advance(0.1)
        expect(seen.pop).to eq(408)
        expect(Array.new(2) { alice.receive_until { |message| message.status.to_i >= 200 }.status }).to contain_exactly(408, 500)
      end
      nothing_left
    end
  end

  it "answers a request 500 that has a transaction and was not routed" do
    start_oversip { |request| request.create_transaction and requests << request }
    OverSIP::Testing.freeze
    call_from(alice, :MESSAGE)
    break_engine(requests.pop)
    expect(alice.receive_final.status).to eq(500)
    nothing_left
  end

  it "answers a request 500 that waits for the script, and lets the script's own reply fail" do
    gate = Thread::Queue.new
    start_oversip do |request|
      requests << request
      gate.pop
      seen << request.reply(200)
    end
    OverSIP::Testing.freeze
    call_from(alice, :MESSAGE)
    capture_log(level: :error) do
      OverSIP::Testing.panic(requests.pop)
      engine_caught_up
      expect(alice.receive_final.status).to eq(500)
      gate.close
      expect(seen.pop).to be(false)
      dispatcher_caught_up
    end
    nothing_left
  end
end
