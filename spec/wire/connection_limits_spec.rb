# frozen_string_literal: true

require "oversip/testing"
require_relative "../support/scripted_dns"
require_relative "../support/tls_peer"

# Each limit of a connection by the clock that the example holds: nothing happens before it is over, and all has happened when
# `advance` returns.
RSpec.describe "The limits of connections, by a clock that is moved,", :native do
  let(:ended) { mailbox }
  let(:connection_error) { [500, "Connection Error", :connection_error] }

  def start(**profile)
    start_oversip(configuration: tls_configuration, proxies: { default_proxy: profile })
    OverSIP::Testing.freeze
  end

  def send_to(port, transport)
    uac = OverSIP::SIP::Uac.new
    uac.on_error { |*error| ended << error }
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:127.0.0.1" }), "127.0.0.1", port, transport)
  end

  def connections
    OverSIP.stats[:connections]
  end

  # How many of our connections of a port are in one of these states of TCP, as Linux tells; one that nobody holds has no inode.
  def held(port, *states)
    rows = File.readlines("/proc/net/tcp").drop(1).map(&:split)
    rows.count { |row| row[1].end_with?(format(":%04X", port)) && states.include?(row[3]) && row[9] != "0" }
  end

  def established(port)
    held(port, "01")
  end

  # They have said that they end and wait for the peer's end.
  def lingering(port)
    held(port, "04", "05")
  end

  # @yield what must hold until the limit is over
  def reach(limit, by: 0.001)
    engine_caught_up
    OverSIP::Testing.advance(limit - by)
    dispatcher_caught_up
    yield
    OverSIP::Testing.advance(by)
    dispatcher_caught_up
  end

  it "end a connect that nobody answers after connect_timeout" do
    start(connect_timeout: 30)
    send_to(dropping_port, :tcp)
    reach(30) { expect([ended.all, connections]).to eq([[], 1]) }
    expect([ended.all, connections]).to eq([[connection_error], 0])
  end

  it "are counted from the beginning of each connection" do
    start(connect_timeout: 10)
    2.times { send_to(dropping_port, :tcp) }
    OverSIP::Testing.advance(5)
    send_to(dropping_port, :tcp)
    engine_caught_up
    OverSIP::Testing.advance(5)
    dispatcher_caught_up
    expect(ended.all).to eq([connection_error] * 2)
    OverSIP::Testing.advance(5)
    dispatcher_caught_up
    expect(ended.all).to eq([connection_error])
  end

  it "count for each target of a search, one after the other" do
    ports = Array.new(2) { dropping_port }
    servers = ports.map.with_index { |port, at| { srv: [at, 0, port, "h.example"] } }
    dns = scripted_dns({ "_sip._tcp.bob.example" => servers, "h.example" => ["127.0.0.1"] })
    start_oversip(configuration: { core: { nameservers: [dns.address] } }, proxies: { default_proxy: { connect_timeout: 10, use_naptr: false } })
    OverSIP::Testing.freeze
    uac = OverSIP::SIP::Uac.new
    uac.on_target { |target| ended << target.port }
    uac.on_error { |*error| ended << error }
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob.example;transport=tcp" }))
    eventually { connections == 1 }
    # The blocks of the second target run in their own thread.
    OverSIP::Testing.advance(10)
    dispatcher_caught_up
    OverSIP::Testing.advance(9.999)
    dispatcher_caught_up
    expect(ended.all).to eq(ports)
    OverSIP::Testing.advance(0.001)
    dispatcher_caught_up
    expect(ended.all).to eq([connection_error])
  end

  it "end a TLS handshake that a server leaves unanswered after tls_handshake_timeout" do
    start(tls_handshake_timeout: 30)
    listener = tcp_server
    send_to(listener.port, :tls)
    # It has come as far as the handshake.
    silent = listener.accept
    silent.next_bytes
    reach(30) { expect([ended.all, connections]).to eq([[], 1]) }
    expect([ended.all, connections]).to eq([[connection_error], 0])
    expect(silent).to be_closed_by_peer
  end

  it "end the TLS handshake of a client that says nothing after 4 s" do
    start
    silent = tcp_peer(tls_port)
    eventually { connections == 1 }
    reach(4) { expect(connections).to eq(1) }
    expect(connections).to eq(0)
    expect(silent).to be_closed_by_peer
  end

  it "end a connection that brings no PROXY line after 4 s" do
    port = dead_port
    capture_log do
      start_oversip(configuration: tls_configuration(use_tls_tunnel: true, listen_port_tls_tunnel: port))
    end
    OverSIP::Testing.freeze
    silent = tcp_peer(port)
    eventually { established(port) == 1 }
    reach(4) { expect(established(port)).to eq(1) }
    expect(established(port)).to eq(0)
    expect(silent).to be_closed_by_peer
  end

  it "end a connection without traffic after two hours" do
    start
    peer = tcp_peer
    eventually { connections == 1 }
    # Looked for once a second.
    reach(7201, by: 1.001) { expect(connections).to eq(1) }
    expect(connections).to eq(0)
    expect(peer).to be_closed_by_peer
  end

  it "end the wait for a peer's own end after 2 s" do
    start
    peer = tcp_peer
    eventually { connections == 1 }
    OverSIP::Testing.advance(7201)
    expect(peer).to be_closed_by_peer
    expect(lingering(oversip_port)).to eq(1)
    # From where the look-out found it idle.
    reach(2.001, by: 1.002) { expect(lingering(oversip_port)).to eq(1) }
    expect(lingering(oversip_port)).to eq(0)
  end
end
