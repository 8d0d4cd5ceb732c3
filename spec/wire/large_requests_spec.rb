# frozen_string_literal: true

require_relative "../support/callbacks"

# RFC 3261 18.1.1: a request that is too large for a datagram goes by TCP first.
RSpec.describe "A request larger than udp_mtu", :native do
  let(:seen) { mailbox }
  let(:alice) { udp_peer }
  let(:profile) { { timer_B: 2, timer_F: 2, blacklist_time: 5 } }

  # A callee on UDP and TCP of one port.
  let(:both) do
    server = tcp_server
    [server, udp_peer(port: server.port)]
  rescue Errno::EADDRINUSE
    retry
  end
  let(:tcp) { both[0] }
  let(:udp) { both[1] }

  # @yieldreturn [Array] the destination
  def relay(profile: self.profile, &destination)
    start_oversip(proxies: { default_proxy: profile }) do |request|
      proxy = record(OverSIP::SIP::Proxy.new, into: seen, only: %i[target error])
      proxy.route(request, *destination.call)
    end
    OverSIP::Testing.freeze
  end

  def send_large(method = :MESSAGE, size: 2000, **options)
    alice.send_text(alice.build(method, "sip:bob@b.example", body: "x" * size, **options), oversip_port)
  end

  it "goes by TCP, and on_target sees that" do
    relay { ["127.0.0.1", tcp.port] }
    send_large
    callee = tcp.accept
    received = callee.receive
    expect(received.header("Via")).to start_with("SIP/2.0/TCP ")
    expect(received.body.bytesize).to eq(2000)
    callee.answer(received, 200)
    expect(alice.receive_final.status).to eq(200)
    expect(seen.all).to eq([[:target, "tcp:127.0.0.1:#{tcp.port}"]])
  end

  it "goes by UDP when TCP is refused: on_target runs again, without an error and without a blacklist entry" do
    bob = udp_peer
    relay { ["127.0.0.1", bob.port] }
    send_large
    received = bob.receive
    expect(received.header("Via")).to start_with("SIP/2.0/UDP ")
    bob.answer(received, 200)
    expect(alice.receive_final.status).to eq(200)
    expect(seen.all).to eq([[:target, "tcp:#{bob.address}"], [:target, "udp:#{bob.address}"]])
    expect(OverSIP.proxies[:default_proxy][:blacklist]).to be_empty
  end

  it "goes by UDP at once for blacklist_time after TCP was refused" do
    bob = udp_peer
    relay { ["127.0.0.1", bob.port] }
    targets = lambda do
      send_large
      bob.answer(bob.receive, 200)
      alice.receive_final
      seen.all.map(&:last)
    end
    both = ["tcp:#{bob.address}", "udp:#{bob.address}"]
    expect(targets.call).to eq(both)
    expect(targets.call).to eq(both.drop(1))
    OverSIP::Testing.advance(5)
    expect(targets.call).to eq(both)
  end

  it "goes by UDP when no answer comes over TCP" do
    udp
    relay { ["127.0.0.1", tcp.port] }
    send_large(:INVITE)
    tcp.accept.receive
    OverSIP::Testing.advance(2)
    expect(udp.receive.method_name).to eq("INVITE")
    expect(seen.all.map(&:last)).to eq(["tcp:127.0.0.1:#{tcp.port}", "udp:127.0.0.1:#{tcp.port}"])
  end

  it "fails as UDP fails when that keeps silent too" do
    bob = udp_peer
    relay { ["127.0.0.1", bob.port] }
    send_large(:INVITE)
    bob.receive
    OverSIP::Testing.advance(2)
    expect(alice.receive_final.status).to eq(408)
    expect(seen.all.last).to eq([:error, 408, "Client Timeout", :client_timeout])
    expect(OverSIP.proxies[:default_proxy][:blacklist].keys).to eq(["udp:#{bob.address}"])
  end

  it "stays on UDP when the destination says UDP" do
    relay { ["127.0.0.1", udp.port, :udp] }
    send_large
    expect(udp.receive.body.bytesize).to eq(2000)
  end

  it "stays on UDP when the URI says UDP" do
    udp
    start_oversip { |request| OverSIP::SIP::Proxy.new.route(request) }
    alice.send_text(alice.build(:MESSAGE, "sip:bob@127.0.0.1:#{udp.port};transport=udp", body: "x" * 2000), oversip_port)
    expect(udp.receive.body.bytesize).to eq(2000)
  end

  it "stays on UDP when udp_mtu is 0" do
    relay(profile: { udp_mtu: 0 }) { ["127.0.0.1", udp.port] }
    send_large
    expect(udp.receive.body.bytesize).to eq(2000)
  end

  it "stays on UDP when TCP is not among the transports" do
    relay(profile: { transport_preference: %w[udp] }) { ["127.0.0.1", udp.port] }
    send_large
    expect(udp.receive.body.bytesize).to eq(2000)
  end

  it "is measured to the byte, with all added headers" do
    bob = udp_peer
    mtu = nil
    relay(profile: {}) do
      OverSIP.proxies[:default_proxy][:udp_mtu] = mtu if mtu
      ["127.0.0.1", bob.port]
    end
    size = lambda do
      text = bob.build(:INVITE, "sip:bob@b.example", branch: "z9hG4bK#{rand(16**12).to_s(16).rjust(12, "0")}", call_id: "c" * 12, body: "x" * 600)
      alice.send_text(text, oversip_port)
      bob.receive.text.bytesize
    end
    wire = size.call
    seen.all
    mtu = wire
    size.call
    expect(seen.all).to eq([[:target, "udp:#{bob.address}"]])
    mtu = wire - 1
    size.call
    expect(seen.all.first).to eq([:target, "tcp:#{bob.address}"])
  end

  it "stays on UDP when it is an ACK, whose failure would go unnoticed" do
    relay { ["127.0.0.1", udp.port] }
    send_large(:ACK)
    expect(udp.receive.method_name).to eq("ACK")
  end

  it "of a Uac goes by TCP as well" do
    start_oversip
    OverSIP::SIP::Uac.new.route(OverSIP::SIP::UacRequest.new({ sip_method: :MESSAGE, ruri: "sip:b@127.0.0.1:#{tcp.port}" }, [], "x" * 2000))
    expect(tcp.accept.receive.header("Via")).to start_with("SIP/2.0/TCP ")
  end

  it "is not tried by UDP after CANCEL" do
    bob = udp_peer
    held = Thread::Queue.new
    entered = mailbox
    start_oversip(proxies: { default_proxy: profile }) do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_target do |target|
        entered << target.transport
        held.pop if target.transport == :udp
      end
      proxy.route(request, "127.0.0.1", bob.port)
    end
    invite = send_large(:INVITE)
    expect([entered.pop, entered.pop]).to eq(%i[tcp udp])
    cancel_from(alice, invite)
    held << nil
    expect(final_for(alice).status).to eq(487)
    expect(messages_at(bob)).to be_empty
  end
end
