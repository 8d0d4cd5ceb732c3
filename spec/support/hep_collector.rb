# frozen_string_literal: true

require "socket"
require_relative "sip_text"

# A collector of HEP3 packets, by UDP or by TCP.
class HepCollector
  # What a packet says.
  Packet = Struct.new(:family, :protocol, :from, :to, :at, :kind, :agent, :password, :correlation_id, :bytes, keyword_init: true) do
    # @return [SipText]
    def message
      SipText.new(bytes)
    end
  end

  # Seconds for a packet.
  LIMIT = 20

  FAMILIES = { 2 => :ipv4, 10 => :ipv6 }.freeze
  PROTOCOLS = { 6 => :tcp, 17 => :udp }.freeze

  class << self
    # @param packet [String] the whole of it
    # @return [Packet]
    def decode(packet)
      magic, length, rest = packet.unpack("a4na*")
      raise "no HEP3 packet: #{packet.inspect}" unless magic == "HEP3" && length == packet.bytesize

      chunks = {}
      until rest.empty?
        vendor, type, size = rest.unpack("nnn")
        raise "a chunk of another vendor, or twice: #{type}" if vendor != 0 || chunks.key?(type)

        chunks[type] = rest.slice!(0, size)[6..]
      end
      of_chunks(chunks)
    end

    private

    def of_chunks(chunks)
      from, to = [[3, 5], [4, 6]].map { |types| IPAddr.new_ntoh(chunks.values_at(*types).compact.first).to_s }
      from_port, to_port = chunks.values_at(7, 8).map { |port| port.unpack1("n") }
      Packet.new(family: FAMILIES.fetch(chunks.fetch(1).ord), protocol: PROTOCOLS.fetch(chunks.fetch(2).ord),
                 from: "#{from}:#{from_port}", to: "#{to}:#{to_port}", at: chunks.fetch(9).unpack1("N") + (chunks.fetch(10).unpack1("N") / 1e6),
                 kind: chunks.fetch(11).ord, agent: chunks.fetch(12).unpack1("N"), password: chunks[14], correlation_id: chunks[17], bytes: chunks.fetch(15))
    end
  end

  # @param protocol [Symbol] :udp or :tcp
  def initialize(protocol, port: 0)
    @protocol = protocol
    @socket = protocol == :udp ? UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", port) } : TCPServer.new("127.0.0.1", port)
  end

  # @return [String] as `hep: collectors:` has it
  def address
    "#{@protocol}:127.0.0.1:#{port}"
  end

  def port
    @socket.local_address.ip_port
  end

  # Waits for the next packet.
  #
  # @return [Packet]
  def packet
    HepCollector.decode(@protocol == :udp ? datagram : next_of_connection)
  end

  # @return [Array<Packet>]
  def packets(count)
    Array.new(count) { packet }
  end

  # Waits for the connection that packets come by.
  #
  # @return [TCPSocket]
  def connection
    @connection ||= @socket.wait_readable(LIMIT) ? @socket.accept : raise("no connection within #{LIMIT} s")
  end

  def close
    @connection&.close
    @socket.close
  end

  private

  def datagram
    @socket.wait_readable(LIMIT) or raise "no packet within #{LIMIT} s"
    @socket.recvfrom(65_535).first
  end

  def next_of_connection
    head = read(6)
    head + read(head.unpack1("x4n") - 6)
  end

  def read(count)
    text = +"".b
    while text.bytesize < count
      connection.wait_readable(LIMIT) or raise "no whole packet within #{LIMIT} s"
      text << connection.readpartial(count - text.bytesize)
    end
    text
  end
end
