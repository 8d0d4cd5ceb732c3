# frozen_string_literal: true

require_relative "../support/hep_collector"
require_relative "../support/kamailio"
require_relative "../support/websocket_peer"

# Takes packets of HEP3 and says so; it answers nothing.
class CapturingKamailio < Kamailio
  CONFIGURATION = <<~TEXT
    debug=1
    log_stderror=yes
    children=1
    listen=udp:%<ip>s:%<port>d
    mpath="%<modules>s/"
    loadmodule "pv.so"
    loadmodule "xlog.so"
    loadmodule "db_text.so"
    loadmodule "sipcapture.so"
    modparam("sipcapture", "db_url", "text:///tmp")
    modparam("sipcapture", "hep_capture_on", 1)
    request_route { xlog("L_ERR", "captured $rm $ci from $si port $sp by $proto, $ml bytes\n"); }
    onreply_route { xlog("L_ERR", "captured $rs $ci from $si port $sp by $proto, $ml bytes\n"); }
  TEXT

  private

  # Its socket takes packets by then.
  def wait_until_it_answers
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + LIMIT
    until log.include?("Aliases:")
      raise "Kamailio does not listen:\n#{log}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

      RelayHelpers.pause
    end
  end
end

# Messages go to HEP3 collectors, and calls go on whatever these do.
RSpec.describe "HEP3 collectors", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer("127.0.0.2") }
  let(:homer) { collector(:udp) }

  def collector(protocol, **options)
    HepCollector.new(protocol, **options).tap { |collector| opened << collector }
  end

  # A script that relays to Bob.
  def relay(*collectors, **hep)
    addresses = collectors.map { |entry| entry.is_a?(HepCollector) ? entry.address : entry }
    start_oversip(configuration: { hep: { collectors: addresses, **hep } }) do |request|
      OverSIP::SIP::Proxy.new.route(request, bob.ip, bob.port)
    end
  end

  # A MESSAGE from Alice to Bob.
  #
  # @return [SipText] the answer
  def send_message(**options)
    alice.send_text(alice.build(:MESSAGE, "sip:bob@b.example", **options), oversip_port)
    bob.answer(bob.receive, 200, "Fine")
    alice.receive
  end

  def own
    "127.0.0.1:#{oversip_port}"
  end

  it "get each message that comes or leaves once, with its addresses, its time and the Call-ID" do
    relay(homer)
    before = Time.now.to_f
    send_message(call_id: "call-1", body: "hello")
    packets = homer.packets(4)
    expect(packets.map { |packet| [packet.from, packet.to, packet.message.first_line] }).to match(
      [[alice.address, own, /\AMESSAGE/], [own, bob.address, /\AMESSAGE/], [bob.address, own, "SIP/2.0 200 Fine"], [own, alice.address, "SIP/2.0 200 Fine"]]
    )
    expect(packets).to all(have_attributes(family: :ipv4, protocol: :udp, kind: 1, agent: 2001, password: nil, correlation_id: "call-1"))
    expect(packets.map(&:at)).to eq(packets.map(&:at).sort).and all(be_between(before - 0.001, Time.now.to_f))
    expect(packets.first.message.body).to eq("hello")
  end

  it "get messages of connections as TCP, and what was refused with its answer" do
    relay(homer, capture_id: 7, password: "geheim")
    peer = tcp_peer
    peer.send_text(peer.build(:OPTIONS, "sip:bob@b.example", headers: { "CSeq" => "nonsense" }))
    expect(peer.receive.status).to eq(400)
    packets = homer.packets(2)
    expect(packets.map { |packet| [packet.from, packet.to, packet.message.first_line[0, 11]] })
      .to eq([[peer.address, own, "OPTIONS sip"], [own, peer.address, "SIP/2.0 400"]])
    expect(packets).to all(have_attributes(protocol: :tcp, agent: 7, password: "geheim"))
  end

  it "get messages out of TLS and WebSocket" do
    start_websocket(websocket: { sip_wss: true, listen_port_tls: 0 }, configuration: { tls: Certificates.section, hep: { collectors: homer.address } }) do |request|
      request.reply(404)
    end
    [websocket_peer, secure_websocket_client.upgrade].each do |peer|
      peer.send_text(peer.build(:MESSAGE, "sip:bob@b.example"))
      expect(peer.receive.status).to eq(404)
      expect(homer.packets(2).map { |packet| [packet.protocol, packet.message.first_line[0, 11]] }).to eq([[:tcp, "MESSAGE sip"], [:tcp, "SIP/2.0 404"]])
    end
  end

  it "get the same by TCP, and what was said last before the end" do
    by_tcp = collector(:tcp)
    relay(homer, by_tcp)
    by_tcp.connection
    send_message
    OverSIP.stop(timeout: 0)
    expect(by_tcp.packets(4).map(&:bytes)).to eq(homer.packets(4).map(&:bytes))
  end

  it "are read by a collector that others have written" do
    kamailio = CapturingKamailio.new(ip: "127.0.0.1", configuration: CapturingKamailio::CONFIGURATION).tap { |server| opened << server }
    relay("udp:127.0.0.1:#{kamailio.port}", homer)
    send_message(call_id: "call-2")
    length = homer.packet.bytes.bytesize
    eventually { kamailio.log.include?("captured MESSAGE call-2 from 127.0.0.1 port #{alice.port} by udp, #{length} bytes") }
  end

  it "change nothing for calls when they are dead, refuse or do not read, and the log names them" do
    dead = "tcp:127.0.0.1:#{dead_port}"
    refusing = "udp:127.0.0.1:#{dead_port}"
    nowhere = "tcp:none.invalid:9060"
    unread = collector(:tcp)
    numbers = nil
    log = capture_log do |records|
      relay(dead, refusing, nowhere, unread, homer)
      unread.connection
      body = "x" * 1000
      300.times { expect([send_message(body: body).status, homer.packets(4).size]).to eq([200, 4]) }
      # The system's look-up of a name that nobody answers has its own time.
      eventually(limit: 60) { records.any? { |record| record.body.include?(nowhere) } }
      numbers = OverSIP.stats.slice(:hep_queue, :hep_dropped)
      OverSIP.stop(timeout: 0)
    end
    expect(numbers).to match(hep_queue: be_between(2400, 4800), hep_dropped: be_between(0, 100))
    lost = log.select { |record| record.severity == :warn }.map(&:body).grep(/HEP collector/)
    expect(lost).to contain_exactly(/\Athe HEP collector #{dead} takes no messages: Connection refused/, /collector #{refusing} takes no messages: Connection refused/,
                                    /collector #{nowhere} takes no messages: /)
  end

  it "get what happens after their restart" do
    first = collector(:tcp)
    port = first.port
    relay(first)
    first.connection
    send_message
    expect(first.packets(4).size).to eq(4)
    log = capture_log do
      first.close
      second = collector(:tcp, port: port)
      second.connection
      send_message(call_id: "after")
      expect(second.packets(4).map(&:correlation_id)).to eq(["after"] * 4)
    end
    expect(log.select { |record| record.severity == :warn }.map(&:body))
      .to eq(["the HEP collector tcp:127.0.0.1:#{port} takes no messages: it has closed the connection"])
  end

  it "have a thread for them only where there are some" do
    start_oversip { nil }
    expect(threads).not_to include("oversip-monitor")
    OverSIP.stop(timeout: 0)
    relay(homer)
    # It names itself once it runs.
    eventually { threads.include?("oversip-monitor") }
  end

  # @return [Array<String>] the names of this process' threads
  def threads
    Dir["/proc/self/task/*/comm"].map { |file| File.read(file).chomp }
  end
end
