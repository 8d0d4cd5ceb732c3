# frozen_string_literal: true

require_relative "../support/calls"

# Requests to TCP servers: one connection for all, also when it is late, cut or closed.
RSpec.describe "Requests over TCP", :native do
  let(:results) { mailbox }
  let(:connection_error) { [500, "Connection Error", :connection_error] }

  def send_to(port, count = 1, method: :OPTIONS, profile: :default_proxy)
    Array.new(count) do |n|
      uac = OverSIP::SIP::Uac.new(profile)
      uac.on_provisional_response { |response| results << response.status_code }
      uac.on_success_response { |response| results << [n, response.status_code] }
      uac.on_failure_response { |response| results << [n, response.status_code] }
      uac.on_error { |*error| results << error }
      uac.route OverSIP::SIP::UacRequest.new({ sip_method: method, ruri: "sip:n#{n}@127.0.0.1:#{port};transport=tcp" })
      uac
    end
  end

  it "share a connection, which may carry many at once, answered in any order" do
    start_oversip
    server = tcp_server
    send_to(server.port, 20)
    peer = server.accept
    Array.new(20) { peer.receive }.reverse_each { |request| peer.answer(request, 200) }
    expect(Array.new(20) { results.pop }).to match_array(Array.new(20) { |n| [n, 200] })
    expect(OverSIP.stats[:connections]).to eq(1)
  end

  it "use a connection that the server has opened" do
    start_oversip
    peer = tcp_peer
    eventually { OverSIP.stats[:connections] == 1 }
    send_to(peer.port)
    peer.answer(peer.receive, 200)
    expect(results.pop).to eq([0, 200])
    expect(OverSIP.stats[:connections]).to eq(1)
  end

  it "take answers in pieces and several at once" do
    start_oversip
    server = tcp_server
    send_to(server.port, 3)
    peer = server.accept
    answers = Array.new(3) { peer.response(peer.receive, 200, body: "x" * 50) }.join
    answers.scan(/.{1,100}/m) { |part| peer.send_text(part) }
    expect(Array.new(3) { results.pop }).to match_array([[0, 200], [1, 200], [2, 200]])
  end

  it "fail at once when the connection is lost before any answer, whatever the method" do
    start_oversip
    server = tcp_server
    send_to(server.port)
    send_to(server.port, method: :INVITE)
    peer = server.accept
    2.times { peer.receive }
    peer.close
    expect(Array.new(2) { results.pop }).to eq([connection_error] * 2)
  end

  it "fail at once when half an answer came" do
    start_oversip
    server = tcp_server
    send_to(server.port)
    peer = server.accept
    peer.send_text(peer.response(peer.receive, 200)[0, 60])
    peer.close
    expect(results.pop).to eq(connection_error)
  end

  it "after a provisional answer go on waiting, and take the rest over another connection" do
    start_oversip
    server = tcp_server
    send_to(server.port, method: :INVITE)
    peer = server.accept
    invite = peer.receive
    peer.answer(invite, 180)
    expect(results.pop).to eq(180)
    peer.close
    eventually { OverSIP.stats[:connections].zero? }
    expect(results).to be_empty
    other = tcp_peer
    other.send_text(other.response(invite, 486))
    expect(results.pop).to eq([0, 486])
    # The ACK belongs to the server, and gets a connection of its own.
    ack = server.accept.receive
    expect([ack.method_name, ack.header("Via")[/branch=[^;]+/]]).to eq(["ACK", invite.header("Via")[/branch=[^;]+/]])
  end

  it "are cancelled over another connection when theirs is gone after a provisional answer" do
    start_oversip
    server = tcp_server
    uac, = send_to(server.port, method: :INVITE)
    peer = server.accept
    invite = peer.receive
    peer.answer(invite, 180)
    expect(results.pop).to eq(180)
    peer.close
    eventually { OverSIP.stats[:connections].zero? }
    uac.cancel
    other = server.accept
    cancel = other.receive
    same = %w[Via Call-ID From To]
    expect(cancel.first_line).to eq(invite.first_line.sub("INVITE", "CANCEL"))
    expect(same.map { |name| cancel.header(name) }).to eq(same.map { |name| invite.header(name) })
    # What ends the INVITE comes by that connection, and its ACK goes by it.
    other.answer(cancel, 200)
    other.answer(invite, 487)
    expect(results.pop).to eq([0, 487])
    expect(other.receive.method_name).to eq("ACK")
    expect(OverSIP.stats[:connections]).to eq(1)
  end

  it "all fail when the connection is refused, and the target is blacklisted" do
    start_oversip
    port = dead_port
    send_to(port, 3)
    expect(Array.new(3) { results.pop }).to eq([connection_error] * 3)
    expect(OverSIP.proxies[:default_proxy][:blacklist].keys).to eq(["tcp:127.0.0.1:#{port}"])
  end

  it "fail when the server does not take the connection within connect_timeout" do
    start_oversip(proxies: { default_proxy: { connect_timeout: 1 } })
    OverSIP::Testing.freeze
    send_to(dropping_port, 2)
    OverSIP::Testing.advance(0.9)
    dispatcher_caught_up
    expect(results).to be_empty
    OverSIP::Testing.advance(0.1)
    expect(Array.new(2) { results.pop }).to eq([connection_error] * 2)
  end

  it "a connection that we opened ends after two hours without traffic" do
    start_oversip
    server = tcp_server
    send_to(server.port)
    peer = server.accept
    peer.answer(peer.receive, 200)
    expect(results.pop).to eq([0, 200])
    OverSIP::Testing.freeze
    OverSIP::Testing.advance(7100)
    expect(OverSIP.stats[:connections]).to eq(1)
    OverSIP::Testing.advance(200)
    expect(peer).to be_closed_by_peer
  end

  it "a connection that we opened has the keep-alive of the configuration" do
    start_oversip(configuration: { sip: { tcp_keepalive_interval: 180 } })
    server = tcp_server
    send_to(server.port)
    peer = server.accept
    peer.receive
    # The socket is of this process: what Linux says of its timer is in /proc/net/tcp (2: keep-alive).
    ours = format("%04X", peer.socket.remote_address.ip_port)
    eventually do
      File.readlines("/proc/net/tcp").any? { |line| line.split[1].end_with?(":#{ours}") && line.split[5].start_with?("02:") }
    end
  end

  it "work with a thousand at once to a thousand servers" do
    soft, hard = Process.getrlimit(:NOFILE)
    Process.setrlimit(:NOFILE, [hard, 4096].min, hard) if soft < 4096
    start_oversip
    server = tcp_server
    peers = Array.new(1000) { TcpPeer.connect(oversip_port).tap { |peer| opened << peer } }
    eventually(limit: 60) { OverSIP.stats[:connections] == 1000 }
    peers.each { |peer| send_to(peer.port) }
    peers.reverse_each { |peer| peer.answer(peer.receive(limit: 60), 200) }
    expect(Array.new(1000) { results.pop(limit: 60) }).to eq([[0, 200]] * 1000)
    expect(OverSIP.stats[:connections]).to eq(1000)
    server.close
  end
end
