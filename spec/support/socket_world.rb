# frozen_string_literal: true

require "oversip/testing"
require_relative "scripted_dns"
require_relative "sip_peer"

# The part of {OverSIP::Engine::World} that personas use, over real sockets, beside a real engine whose clock stands. It goes by
# a plan: what the peers of a simulated world were told when the same was done there. Each message is awaited at its peer and
# its time, so nothing depends on how busy the machine is; what comes beyond the plan is kept as well.
class SocketWorld
  # A peer: its sockets, and connections by the address of the other side.
  Peer = Struct.new(:transport, :ip, :port, :socket, :connections)

  # @return [Array<Array>] what peers were told: time, number of the peer, transport, bytes
  attr_reader :told
  # @return [Float]
  attr_reader :now

  # @param plan [Array<Array<Array>>] for each time that a world went on: `[:message, at, peer]` and `[:timer, at]`
  # @param dns [ScriptedDns]
  # @param element [Array(String, Integer)] where the engine listens
  # @yield returns when the engine has dealt with what was sent to it
  def initialize(plan, dns, element, &caught_up)
    @plan = plan.map(&:dup)
    @dns = dns
    @element = element
    @caught_up = caught_up
    @now = 0.0
    @peers = []
    @timers = {}
    @told = []
  end

  def add_peer(_name, transport, address)
    ip, port = split(address)
    @peers << listening(Peer.new(transport, ip, port, nil, {}))
    @peers.size - 1
  end

  def send_bytes(number, bytes, remote)
    peer = @peers.fetch(number)
    return peer.socket.send_text(bytes, *split(remote).reverse) if peer.transport == :udp

    (peer.connections[remote] ||= connection(peer, remote)).send_text(bytes)
  end

  def start_timer(seconds, key)
    @timers[key] = @now + seconds
  end

  # @return [Array, nil] as {OverSIP::Engine::World#step}
  def step(limit)
    kind, at, number = @plan.first&.shift
    return goes_on_until(limit) unless kind

    move_to(at)
    kind == :timer ? due_timer : await(number)
  end

  def add_record(name, kind, *data)
    @dns.add(name, %i[a aaaa].include?(kind) ? data.first : { kind => data })
  end

  # Nobody listens there any more.
  def cut_off(address, _how)
    peer = @peers.find { |known| "#{known.ip}:#{known.port}" == address }
    peer.socket.close
    peer.socket = nil
  end

  def close
    @peers.each { |peer| [peer.socket, *peer.connections.values].compact.each(&:close) }
  end

  private

  def split(address)
    ip, port = address.split(":")
    [ip, port.to_i]
  end

  def listening(peer)
    peer.socket = peer.transport == :udp ? UdpPeer.new(peer.ip, peer.port) : TcpServerPeer.new(peer.ip, port: peer.port)
    peer
  end

  def connection(peer, remote)
    TcpPeer.new(Socket.tcp(*split(remote), peer.ip, 0))
  end

  def move_to(time)
    return if time <= @now

    @caught_up.call
    OverSIP::Testing.advance(time - @now)
    @now = time
  end

  def due_timer
    key, = @timers.min_by { |number, at| [at, number] }
    @timers.delete(key)
    [:timer, key]
  end

  def await(number)
    message(number, SipPeer::LIMIT) or raise "no message within #{SipPeer::LIMIT} s at peer #{number}, after:\n#{told_lines}"
  end

  def told_lines
    told.map { |at, number, _, bytes| "  #{at} #{number} #{bytes.lines.first}" }.join
  end

  # The end of a run: what comes now is not in the plan.
  def goes_on_until(limit)
    move_to(limit)
    @caught_up.call
    @peers.each_index do |number|
      found = message(number, 0)
      return found if found
    end
    @plan.shift
    nil
  end

  def message(number, limit)
    peer = @peers.fetch(number)
    accept(peer, limit) if peer.transport == :tcp
    remote, text = peer.transport == :udp ? datagram(peer, limit) : from_connections(peer, limit)
    return unless text

    @told << [@now, number, peer.transport, text.b]
    [:message, number, peer.transport, remote, "#{peer.ip}:#{peer.port}", text.b]
  end

  # Only the engine sends to peers.
  def datagram(peer, limit)
    [@element.join(":"), peer.socket&.receive?(limit)&.text]
  end

  # A connection of the engine, when there is none yet.
  def accept(peer, limit)
    return unless peer.socket && peer.connections.empty?

    socket = peer.socket.accept?(limit) or return
    peer.connections[socket.socket.remote_address.inspect_sockaddr] = socket
  end

  def from_connections(peer, limit)
    peer.connections.each do |remote, connection|
      text = connection.receive?(limit)
      return [remote, text.text] if text
    end
    nil
  end
end
