# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/calls"
require_relative "../support/log_capture"
require_relative "../support/metrics_page"
require_relative "../support/monitor_client"
require_relative "../support/tls_peer"

# The end of a stream looks the same whether the client still reads or not; its answers find it where its Via says (RFC 3261
# 18.2.2).
RSpec.describe "A client that has closed both sides of its connection while it waits for an answer", :native do
  include LogCapture
  include MonitorClient

  let(:callee) { udp_peer }
  let(:listener) { tcp_server }
  let(:requests) { mailbox }

  around do |example|
    capture_log do |records|
      @records = records
      example.run
    end
  end

  # Sends a request that a Proxy relays.
  #
  # @return [SipMessage] what the callee has to answer
  def relayed_from(peer, method, to: listener)
    via = "SIP/2.0/#{peer.protocol} 127.0.0.1:#{to.port};branch=z9hG4bK#{SecureRandom.hex(6)}"
    peer.send_text(peer.build(method, "sip:bob@b.example", headers: { "Via" => via }))
    callee.receive
  end

  # As {#relayed_from}, and closes both sides.
  def gone_after(method, peer: tcp_peer, to: listener)
    relayed_from(peer, method, to: to).tap do
      peer.receive_until { |message| message.status == 100 } if method == :INVITE
      peer.close
      await_record "the peer has closed its side and waits for answers"
    end
  end

  def await_record(words)
    eventually { @records.any? { |record| record.body.include?(words) } }
  end

  def start(proxies: {}, **configuration, &block)
    block ||= ->(request) { OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", callee.port) }
    start_oversip(configuration: { core: { syslog_level: "debug" }, **configuration }, proxies: proxies, &block)
    OverSIP::Testing.freeze
  end

  it "gets the relayed answer over a new one" do
    start
    callee.answer(gone_after(:MESSAGE), 202)
    expect(listener.accept.receive_final.status).to eq(202)
  end

  it "gets an answer that the trace and the metrics have once" do
    socket = "/tmp/oversip-spec-#{Process.pid}.sock"
    start(core: { syslog_level: "debug", control_socket: socket }, trace: { enabled: true })
    callee.answer(gone_after(:MESSAGE), 202)
    expect(listener.accept.receive_final.status).to eq(202)
    page = MetricsPage.new(ask("/metrics", at: socket).body)
    expect(page['oversip_responses_sent_total{class="2xx",method="MESSAGE",transport="tcp"}']).to eq(1.0)
    expect(OverSIP.trace.messages.map { |message| message.bytes[%r{\A(?:SIP/2.0 )?\S+}] }.tally).to eq("MESSAGE" => 2, "SIP/2.0 202" => 2)
  end

  it "gets the script's answer over a new one" do
    start do |request|
      request.create_transaction
      requests << request
      OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", callee.port)
    end
    gone_after(:MESSAGE)
    held = requests.pop
    OverSIP.schedule { held.reply 480 }
    expect(listener.accept.receive_final.status).to eq(480)
  end

  it "is tried for as long as the default profile has it" do
    start(proxies: { default_proxy: { connect_timeout: 7 } })
    deaf = Struct.new(:port).new(dropping_port)
    callee.answer(gone_after(:MESSAGE, to: deaf), 202)
    await_record "connection closed"
    engine_caught_up
    OverSIP::Testing.advance(6.999)
    dispatcher_caught_up
    expect(@records.map(&:body).grep(/no answer within/)).to be_empty
    OverSIP::Testing.advance(0.001)
    dispatcher_caught_up
    expect(@records.map(&:body)).to include(/no answer within 7 s/)
  end

  it "gets each response to an INVITE over one new connection, at once and in order" do
    start
    relayed = gone_after(:INVITE)
    callee.answer(relayed, 180)
    again = listener.accept
    expect(again.receive.status).to eq(180)
    callee.answer(relayed, 183)
    callee.answer(relayed, 486)
    expect([again.receive.status, again.receive.status]).to eq([183, 486])
  end

  it "gets those of several requests, each where its Via says" do
    start
    other = tcp_server
    peer = tcp_peer
    relayed = [listener, other].map { |to| relayed_from(peer, :MESSAGE, to: to) }
    peer.close
    await_record "the peer has closed its side and waits for answers"
    relayed.each { |request| callee.answer(request, 202) }
    expect([listener, other].map { |to| to.accept.receive_final.header("Call-ID") })
      .to eq(relayed.map { |request| request.header("Call-ID") })
  end

  it "gets them over a new one when it has closed its side first and resets the connection later" do
    start
    peer = tcp_peer
    relayed = relayed_from(peer, :MESSAGE)
    peer.socket.close_write
    await_record "the peer has closed its side and waits for answers"
    peer.socket.setsockopt(Socket::Option.linger(true, 0))
    peer.close
    await_record "connection closed"
    callee.answer(relayed, 202)
    expect(listener.accept.receive_final.status).to eq(202)
  end

  it "gets no answer again that it has taken before" do
    start
    peer = tcp_peer
    relayed = relayed_from(peer, :INVITE)
    peer.socket.close_write
    await_record "the peer has closed its side and waits for answers"
    callee.answer(relayed, 180)
    peer.receive_until { |message| message.status == 180 }
    OverSIP::Testing.advance(3)
    peer.socket.setsockopt(Socket::Option.linger(true, 0))
    peer.close
    await_record "connection closed"
    callee.answer(relayed, 486)
    expect(listener.accept.receive.status).to eq(486)
  end

  it "has its responses kept in a bounded memory, which `stats` shows, until they are taken" do
    start
    peer = tcp_peer
    relayed = relayed_from(peer, :INVITE)
    peer.socket.close_write
    await_record "the peer has closed its side and waits for answers"
    expect(OverSIP.stats[:unconfirmed_bytes]).to eq(0)
    [180, 183].each do |status|
      callee.answer(relayed, status)
      provisional = peer.receive_until { |message| message.status == status }
      expect(OverSIP.stats[:unconfirmed_bytes]).to eq(provisional.text.bytesize)
      # By then the client has taken it.
      OverSIP::Testing.advance(3)
    end
    callee.answer(relayed, 486)
    expect(peer.receive_final.status).to eq(486)
    peer.close
    eventually { OverSIP.stats[:unconfirmed_bytes].zero? }
  end

  it "gets the answer over a new TLS connection" do
    start(**tls_configuration)
    listener = tls_server
    # With TLS 1.3 it would leave a session ticket unread, and the system would reset the connection.
    peer = tls_peer { |context| context.max_version = OpenSSL::SSL::TLS1_2_VERSION }
    callee.answer(gone_after(:MESSAGE, peer: peer, to: listener), 202)
    expect(listener.accept.receive_final.status).to eq(202)
  end

  it "leaves nothing behind when that port is closed" do
    start
    dead = tcp_server
    relayed = gone_after(:MESSAGE, to: dead)
    dead.close
    opened.delete(dead)
    callee.answer(relayed, 202)
    eventually { OverSIP.stats[:connections].zero? }
  end
end
