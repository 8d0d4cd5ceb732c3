# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/scripted_dns"

# A CANCEL while no branch is pending: nothing more is sent.
RSpec.describe "A CANCEL", :native do
  let(:seen) { mailbox }
  let(:gate) { Thread::Queue.new }
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer("127.0.0.2") }
  let!(:carol) { udp_peer("127.0.0.3", port: bob.port) }

  # A script that routes to a name and notes all events.
  def start(dns, profile: {}, &setup)
    start_oversip(configuration: { core: { nameservers: [dns.address] } }, proxies: { default_proxy: profile }) do |request|
      proxy = record(OverSIP::SIP::Proxy.new, into: seen)
      setup&.call(proxy)
      proxy.route(request, "bob.example", bob.port)
    end
    OverSIP::Testing.freeze
  end

  def nothing_left_downstream
    engine_caught_up
    dispatcher_caught_up
    expect([bob, carol].flat_map { |peer| messages_at(peer) }).to be_empty
  end

  describe "during a DNS look-up" do
    let(:dns) { scripted_dns({ "bob.example" => [bob.ip] }, silent: true) }

    it "is answered 200 and its INVITE 487 at once, though the name server keeps silent" do
      start(dns)
      invite = call_from(alice)
      eventually { dns.asked.any? }
      expect(cancel_from(alice, invite).status).to eq(200)
      expect(final_for(alice).first_line).to eq("SIP/2.0 487 Request Terminated")
      dispatcher_caught_up
      expect(seen.all).to eq([[:canceled]])
    end

    it "lets the late answer of the name server lead nowhere" do
      start(dns)
      invite = call_from(alice)
      eventually { dns.asked.any? }
      cancel_from(alice, invite)
      final_for(alice)
      dns.speak
      eventually { OverSIP.proxies[:default_proxy][:dns_cache].any? }
      nothing_left_downstream
      expect(seen.all).to eq([[:canceled]])
    end

    it "does not disturb another call that waits for the same answer" do
      start(dns)
      invite = call_from(alice)
      other = udp_peer
      call_from(other)
      eventually { dns.asked.any? }
      cancel_from(alice, invite)
      final_for(alice)
      dns.speak
      bob.answer(bob.receive, 200)
      expect(final_for(other).status).to eq(200)
    end
  end

  describe "between two targets" do
    let(:dns) { scripted_dns({ "bob.example" => [bob.ip, carol.ip] }) }

    it "keeps the second one from being tried when it comes before the first one's time-out" do
      start(dns, profile: { timer_B: 2 })
      invite = call_from(alice)
      bob.receive
      cancel_from(alice, invite)
      OverSIP::Testing.advance(2)
      expect(final_for(alice).first_line).to eq("SIP/2.0 487 Request Terminated")
      messages_at(bob)
      nothing_left_downstream
      expect(seen.all).to eq([[:target, "udp:#{bob.address}"], [:canceled]])
    end

    it "keeps the second one from being tried when it comes while its on_target runs" do
      start(dns) do |proxy|
        proxy.on_target { |target| target.ip == carol.ip && (seen << :waits) && gate.pop }
      end
      invite = call_from(alice)
      bob.answer(bob.receive, 503, "Service Unavailable")
      eventually { seen.all.include?(:waits) }
      cancel_from(alice, invite)
      gate << :go
      expect(final_for(alice).first_line).to eq("SIP/2.0 487 Request Terminated")
      bob.receive # the ACK for its 503
      nothing_left_downstream
      expect(seen.all).to eq([[:canceled]])
    end

    it "turns the first one's 503 into 500 when it comes before" do
      start(dns)
      invite = call_from(alice)
      request = bob.receive
      cancel_from(alice, invite)
      bob.answer(request, 503, "Service Unavailable")
      expect(final_for(alice).first_line).to start_with("SIP/2.0 500 ")
      bob.receive # the ACK
      nothing_left_downstream
      expect(seen.all).to eq([[:target, "udp:#{bob.address}"], [:canceled]])
    end
  end
end
