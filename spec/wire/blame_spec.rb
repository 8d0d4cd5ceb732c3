# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/scripted_dns"

# One failed request must not keep all others from a server: an automatic entry needs a fault of the target.
RSpec.describe "A target that did not answer one request", :native do
  let(:seen) { mailbox }
  let(:alice) { udp_peer }
  let(:home) { udp_peer("127.0.0.2") }
  let(:blacklist) { OverSIP.proxies[:default_proxy][:blacklist] }

  def start(profile = {})
    start_relay_to(home, profile: { timer_B: 4, timer_F: 4, **profile }) do |proxy|
      record(proxy, into: seen, only: %i[target error])
    end
  end

  # A request from alice as home has it.
  def request_at_home(method)
    call_from(alice, method)
    home.receive_until { |message| message.method_name == method.to_s }
  end

  def time_out
    OverSIP::Testing.advance(4)
    eventually { seen.all.include?([:error, 408, "Client Timeout", :client_timeout]) }
  end

  def expect_home_in_use
    expect(blacklist).not_to be_any
    home.drain(quiet: 0)
    request = request_at_home(:OPTIONS)
    home.answer(request, 200)
    expect(alice.receive_until { |message| message.method_name == "OPTIONS" }.status).to eq(200)
  end

  %i[INVITE MESSAGE].each do |method|
    it "is no entry when it answered another one while the #{method} waited" do
      start
      request_at_home(method)
      OverSIP::Testing.advance(1)
      home.answer(request_at_home(:OPTIONS), 200)
      alice.receive_until { |message| message.method_name == "OPTIONS" }
      OverSIP::Testing.advance(3)
      eventually { seen.all.include?([:error, 408, "Client Timeout", :client_timeout]) }
      expect_home_in_use
    end

    it "is no entry when it sent a request itself while the #{method} waited" do
      start
      request_at_home(method)
      OverSIP::Testing.advance(1)
      on_request { |request| request.reply(200) }
      home.send_text(home.build(:OPTIONS, "sip:server@b.example"), oversip_port, "127.0.0.1")
      home.receive_until { |message| message.status == 200 }
      OverSIP::Testing.advance(3)
      eventually { seen.all.include?([:error, 408, "Client Timeout", :client_timeout]) }
      expect(blacklist).not_to be_any
    end

    { "CRLF" => "\r\n\r\n", "STUN" => "\x00\x01\x00\x00\x21\x12\xa4\x42twelve bytes" }.each do |name, keepalive|
      it "is no entry when it sent a keep-alive (#{name}) while the #{method} waited" do
        start
        request_at_home(method)
        OverSIP::Testing.advance(1)
        messages_at(home)
        home.socket.send(keepalive.b, 0, "127.0.0.1", oversip_port)
        home.socket.wait_readable(SipPeer::LIMIT)
        home.socket.recv_nonblock(2000)
        engine_caught_up
        OverSIP::Testing.advance(3)
        eventually { seen.all.include?([:error, 408, "Client Timeout", :client_timeout]) }
        expect(blacklist).not_to be_any
      end
    end

    it "is one when no message came from it while the #{method} waited" do
      start
      home.answer(request_at_home(:OPTIONS), 200)
      alice.receive_until { |message| message.method_name == "OPTIONS" }
      request_at_home(method)
      time_out
      expect(blacklist.to_h).to eq("udp:#{home.address}" => [408, "Client Timeout", nil, :client_timeout])
    end
  end

  it "is no entry when it said 100 and no more" do
    start
    home.answer(request_at_home(:MESSAGE), 100, "Trying")
    engine_caught_up
    time_out
    expect_home_in_use
  end

  # A phone that is off behind a second proxy.
  it "is no entry when it said 100 to an INVITE and no more until Timer C" do
    start({ timer_C: 8 })
    home.answer(request_at_home(:INVITE), 100, "Trying")
    engine_caught_up
    OverSIP::Testing.advance(8)
    expect(final_for(alice).first_line).to eq("SIP/2.0 408 INVITE Timeout")
    expect_home_in_use
  end

  it "is no entry when its 100 came from another port" do
    start
    other = udp_peer("127.0.0.3")
    other.answer(request_at_home(:MESSAGE), 100, "Trying")
    engine_caught_up
    time_out
    expect(blacklist).not_to be_any
  end

  describe "since the request is too large for it" do
    let(:alice) { tcp_peer }

    def send_large
      alice.send_text(alice.build(:MESSAGE, "sip:bob@b.example", body: "x" * 100_000))
      alice.receive_final
    end

    # The home has no TCP.
    it "makes the request 513, and is no entry" do
      start
      expect(send_large.first_line).to eq("SIP/2.0 513 Message Too Large")
      expect(seen.all).to eq([[:target, "tcp:#{home.address}"], [:target, "udp:#{home.address}"],
                              [:error, 513, "Message Too Large", :message_too_large]])
      expect(blacklist).not_to be_any
      2.times { expect(send_large.status).to eq(513) }
      alice.send_text(alice.build(:OPTIONS, "sip:bob@b.example"))
      home.answer(home.receive, 200)
      expect(alice.receive_final.status).to eq(200)
    end

    it "makes the next target be tried" do
      server = tcp_server
      start_oversip(configuration: { core: { nameservers: [scripted_dns(zone(server)).address] } }) do |request|
        record(OverSIP::SIP::Proxy.new, into: seen, only: %i[target error]).route(request, "bob.example")
      end
      alice.send_text(alice.build(:MESSAGE, "sip:bob@b.example", body: "x" * 100_000))
      callee = server.accept
      callee.answer(callee.receive, 200)
      expect(alice.receive_final.status).to eq(200)
      expect(blacklist).not_to be_any
    end

    def zone(server)
      { "bob.example" => [{ naptr: [1, 1, "s", "SIP+D2U", "udp.example"] }, { naptr: [2, 1, "s", "SIP+D2T", "tcp.example"] }],
        "udp.example" => [{ srv: [0, 0, home.port, "h2.example"] }], "h2.example" => ["127.0.0.2"],
        "tcp.example" => [{ srv: [0, 0, server.port, "h1.example"] }], "h1.example" => ["127.0.0.1"] }
    end
  end
end
