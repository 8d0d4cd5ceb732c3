# frozen_string_literal: true

require_relative "../support/scripted_dns"

# Timer C2 of an INVITE server transaction: the client gets a final response even if no other element sends one.
RSpec.describe "An INVITE that OverSIP does not answer", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:carol) { udp_peer }
  let!(:seen) { mailbox }

  it "gets 408 after 182 s" do
    start_oversip { |request| request.create_transaction and seen << request }
    OverSIP::Testing.freeze
    call_from(alice)
    request = seen.pop
    OverSIP::Testing.advance(181.9)
    engine_caught_up
    expect(messages_at(alice).map(&:status)).to eq([100])
    OverSIP::Testing.advance(0.1)
    expect(final_for(alice).first_line).to eq("SIP/2.0 408 Request Timeout")
    expect(request.server_transaction.state).to eq(:completed)
  end

  # A script that routes to bob and, when `@again` is called, to carol.
  def start_forking
    start_relay_to(bob, profile: { timer_C: 180, timer_B: 64 }) do |proxy, request|
      @again = lambda do
        proxy.on_failure_response { |response| seen << response.status_code }
        proxy.route(request, carol.ip, carol.port)
      end
    end
    call_from(alice)
  end

  def ring(peer)
    peer.receive.tap do |forwarded|
      peer.answer(forwarded, 180, "Ringing")
      alice.receive_until { |message| message.status == 180 }
    end
  end

  it "has the whole time again for each route" do
    start_forking
    ring(bob)
    OverSIP::Testing.advance(100)
    OverSIP.schedule { @again.call }
    ring(carol)
    OverSIP::Testing.advance(179)
    engine_caught_up
    expect(messages_at(alice)).to be_empty
  end

  it "gets 408 though a callback of its Client never ends" do
    start_relay_to(bob, profile: { timer_C: 180 }) do |proxy, _|
      proxy.on_provisional_response { seen << Fiber.current and Fiber.yield }
    end
    call_from(alice)
    bob.answer(bob.receive, 180, "Ringing")
    seen.pop
    OverSIP::Testing.advance(182)
    expect(final_for(alice).first_line).to eq("SIP/2.0 408 Request Timeout")
  end

  describe "because its first target took too long" do
    # Listens on every address, so that both targets of the name are here.
    let!(:bob) { udp_peer("0.0.0.0") }

    # The second target is tried after 64 s: its timer C is due long after timer C2.
    def start_failing_over
      dns = scripted_dns({ "twice.example" => ["127.0.0.1", "127.0.0.2"] })
      start_oversip(configuration: { core: { nameservers: [dns.address] } },
                    proxies: { default_proxy: { timer_B: 64, timer_C: 180 } }) do |request|
        proxy = OverSIP::SIP::Proxy.new
        proxy.on_success_response { |response| seen << response.status_code }
        proxy.on_failure_response { |response| seen << response.status_code }
        proxy.on_error { |_, _, code| seen << code }
        proxy.route(request, "twice.example", bob.port, :udp)
      end
      OverSIP::Testing.freeze
      call_from(alice)
      first = bob.receive
      OverSIP::Testing.advance(64)
      @second = bob.receive_until { |message| message.branch != first.branch }
      bob.answer(@second, 180, "Ringing")
      alice.receive_until { |message| message.status == 180 }
      OverSIP::Testing.advance(118)
    end

    it "gets 408, and the pending branch is cancelled" do
      start_failing_over
      expect(final_for(alice).first_line).to eq("SIP/2.0 408 Request Timeout")
      expect(bob.receive_until { |message| message.method_name == "CANCEL" }.branch).to eq(@second.branch)
    end

    it "gets no answer of the cancelled branch, and neither does the script" do
      start_failing_over
      bob.answer(@second, 487, "Request Terminated")
      expect(bob.receive_until { |message| message.method_name == "ACK" }.branch).to eq(@second.branch)
      engine_caught_up
      dispatcher_caught_up
      expect(messages_at(alice).map(&:status)).to eq([408])
      expect(seen).to be_empty
    end
  end
end
