# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/calls"
require_relative "../support/tls_peer"

# A server may end a connection at any time, and the next request may be on its way by then.
RSpec.describe "A request over a connection that has served before", :native do
  let(:results) { mailbox }
  let(:connection_error) { [500, "Connection Error", :connection_error] }

  def send_to(port, method = :OPTIONS, transport: "tcp")
    uac = OverSIP::SIP::Uac.new
    uac.on_provisional_response { |response| results << response.status_code }
    uac.on_success_response { |response| results << response.status_code }
    uac.on_failure_response { |response| results << response.status_code }
    uac.on_error { |*error| results << error }
    uac.route OverSIP::SIP::UacRequest.new({ sip_method: method, ruri: "sip:n@127.0.0.1:#{port};transport=#{transport}" })
    uac
  end

  # A connection that OverSIP has opened and that has carried an answer.
  def served(server, transport: "tcp")
    send_to(server.port, transport: transport)
    server.accept.tap do |peer|
      peer.answer(peer.receive, 200)
      expect(results.pop).to eq(200)
    end
  end

  def blacklist
    OverSIP.proxies[:default_proxy][:blacklist]
  end

  %i[OPTIONS INVITE].each do |method|
    it "is sent again with the same branch over a new one when that breaks before anything came back (#{method})" do
      start_oversip
      server = tcp_server
      first = served(server)
      send_to(server.port, method)
      sent = first.receive
      first.close
      again = server.accept
      repeated = again.receive
      expect(repeated.to_s).to eq(sent.to_s)
      again.answer(repeated, 200)
      expect(results.pop).to eq(200)
      expect(blacklist).to be_empty
    end
  end

  it "is sent again by TLS likewise" do
    start_oversip(configuration: tls_configuration)
    server = tls_server
    first = served(server, transport: "tls")
    send_to(server.port, transport: "tls")
    sent = first.receive
    first.close
    again = server.accept
    repeated = again.receive
    expect(repeated.header("Via")).to eq(sent.header("Via"))
    again.answer(repeated, 200)
    expect(results.pop).to eq(200)
  end

  it "goes over a new one when an earlier request has timed out on that in silence, which is closed then" do
    start_oversip
    OverSIP::Testing.freeze
    server = tcp_server
    first = served(server)
    send_to(server.port)
    first.receive
    engine_caught_up
    OverSIP::Testing.advance(32)
    expect(results.pop).to eq([408, "Client Timeout", :client_timeout])
    blacklist.clear
    send_to(server.port)
    second = server.accept
    second.answer(second.receive, 200)
    expect(results.pop).to eq(200)
    expect(first).to be_closed_by_peer
  end

  it "is sent again once only" do
    start_oversip
    server = tcp_server
    first = served(server)
    send_to(server.port)
    first.receive
    first.close
    again = server.accept
    again.receive
    again.close
    expect(results.pop).to eq(connection_error)
    expect(blacklist).to be_empty
  end

  it "shares the new connection with all others that went by the old one" do
    start_oversip
    server = tcp_server
    first = served(server)
    3.times { send_to(server.port) }
    3.times { first.receive }
    first.close
    again = server.accept
    Array.new(3) { again.receive }.each { |request| again.answer(request, 200) }
    expect(Array.new(3) { results.pop }).to eq([200] * 3)
    eventually { OverSIP.stats[:connections] == 1 }
  end

  it "fails as any other when the server takes no new one" do
    start_oversip
    server = tcp_server
    first = served(server)
    send_to(server.port)
    first.receive
    port = server.port
    server.close
    opened.delete(server)
    first.close
    expect(results.pop).to eq(connection_error)
    expect(blacklist.keys).to eq(["tcp:127.0.0.1:#{port}"])
  end

  it "is not sent again when it was answered provisionally: it waits on" do
    start_oversip
    server = tcp_server
    first = served(server)
    send_to(server.port, :INVITE)
    invite = first.receive
    first.answer(invite, 180)
    expect(results.pop).to eq(180)
    first.close
    eventually { OverSIP.stats[:connections].zero? }
    other = tcp_peer
    other.send_text(other.response(invite, 486))
    expect(results.pop).to eq(486)
  end

  it "is not sent again when it was cancelled meanwhile" do
    start_oversip
    server = tcp_server
    first = served(server)
    uac = send_to(server.port, :INVITE)
    first.receive
    uac.cancel
    engine_caught_up
    first.close
    eventually { OverSIP.stats[:connections].zero? }
    send_to(server.port)
    next_one = server.accept.receive
    expect(next_one.method_name).to eq("OPTIONS")
  end
end
