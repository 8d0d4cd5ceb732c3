# frozen_string_literal: true

require "securerandom"
require "socket"
require_relative "sip_text"

# What every scripted peer can say. A peer has `address`, `send_text` and `receive`.
module SipPeer
  # Seconds that an expected message may take: only a failing example waits so long, and a busy machine is slow.
  LIMIT = 20
  # Seconds of silence that count as silence.
  SILENCE = 0.15

  # A request of this peer.
  #
  # @param method [Symbol]
  # @param ruri [String]
  # @param headers [Hash{String => String, Array<String>, nil}] over the usual ones; nil leaves one out
  def build(method, ruri, branch: nil, call_id: SecureRandom.hex(6), cseq: 1, to_tag: nil, headers: {}, body: "")
    usual = {
      "Via" => "SIP/2.0/#{protocol} #{address};branch=#{branch || "z9hG4bK#{SecureRandom.hex(6)}"};rport",
      "Max-Forwards" => "70",
      "From" => "\"Alice\" <sip:alice@a.example>;tag=from-#{call_id}",
      "To" => "<sip:bob@b.example>#{";tag=#{to_tag}" if to_tag}",
      "Call-ID" => call_id,
      "CSeq" => "#{cseq} #{method}",
      "Contact" => "<sip:alice@#{address};transport=#{protocol.downcase}>",
      "Content-Length" => body.bytesize.to_s
    }
    lines = usual.merge(headers).flat_map { |name, value| Array(value).map { |one| "#{name}: #{one}" } }
    "#{["#{method} #{ruri} SIP/2.0", *lines].join("\r\n")}\r\n\r\n#{body}"
  end

  # A response to a request that this peer received.
  def response(request, status, reason = "Reason", to_tag: "bob", headers: {}, body: "")
    kept = request.header_lines.filter_map do |name, value|
      case name
      when "via", "from", "call-id", "cseq", "record-route" then "#{name}: #{value}"
      when "to" then "to: #{value}#{";tag=#{to_tag}" if to_tag && !value.include?(";tag=")}"
      end
    end
    own = { "Contact" => "<sip:bob@#{address}>", "Content-Length" => body.bytesize.to_s }.merge(headers)
    lines = kept + own.flat_map { |name, value| Array(value).map { |one| "#{name}: #{one}" } }
    "#{["SIP/2.0 #{status} #{reason}", *lines].join("\r\n")}\r\n\r\n#{body}"
  end

  # The CANCEL, or the ACK for a failure, of a request text that this peer sent.
  def companion(request, method, headers: {})
    sent = SipText.new(request)
    own = { "Via" => sent.header("Via"), "From" => sent.header("From"), "To" => sent.header("To"),
            "CSeq" => "#{sent.header("CSeq").to_i} #{method}", "Contact" => nil }
    build(method, sent.ruri, call_id: sent.header("Call-ID"), headers: own.merge(headers))
  end

  # A request in the dialog that a response to this peer's INVITE has made (RFC 3261 12.2.1.1).
  def in_dialog(method, response, cseq:)
    headers = { "Route" => response.headers("Record-Route").reverse, "From" => response.header("From"),
                "To" => response.header("To") }
    build(method, response.header("Contact")[/<(.+)>/, 1], call_id: response.header("Call-ID"), cseq: cseq, headers: headers)
  end

  # The next message that fits; what does not fit is passed over.
  def receive_until(limit: LIMIT)
    deadline = now + limit
    loop do
      message = receive(limit: [deadline - now, 0].max)
      return message if yield message
    end
  end

  # The next final response.
  def receive_final(limit: LIMIT)
    receive_until(limit: limit) { |message| message.status.to_i >= 200 }
  end

  # Everything that comes until it is quiet.
  def drain(quiet: SILENCE)
    messages = []
    while (message = receive?(quiet))
      messages << message
    end
    messages
  end

  # What the block reads, or nil when nothing has come by the deadline. It looks before it waits: a wait that has no time left
  # may end without a look when another thread wants to run.
  def arrived(deadline)
    while (data = yield) == :wait_readable
      left = deadline - now
      return unless left.positive?

      @socket.to_io.wait_readable(left)
    end
    data
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  def receive(limit: LIMIT)
    receive?(limit) or raise "no message within #{limit} s at #{address}"
  end
end

# A peer with a UDP socket.
class UdpPeer
  include SipPeer

  def initialize(ip = "127.0.0.1", port = 0)
    @socket = UDPSocket.new(ip.include?(":") ? Socket::AF_INET6 : Socket::AF_INET)
    @socket.bind(ip, port)
    @ip = ip
  end

  attr_reader :ip, :socket

  def protocol
    "UDP"
  end

  def port
    @socket.addr[1]
  end

  def address
    @ip.include?(":") ? "[#{@ip}]:#{port}" : "#{@ip}:#{port}"
  end

  # @return [String] the text as sent
  def send_text(text, port, ip = @ip)
    @socket.send(text, 0, ip, port)
    text
  end

  # Answers where the request's top Via says.
  def answer(request, status, reason = "Reason", **options)
    host, port = request.header("Via")[%r{SIP/2.0/UDP ([^;\s]+)}, 1].match(/\A(.+):(\d+)\z/).captures
    send_text(response(request, status, reason, **options), port.to_i, host.delete("[]"))
  end

  def receive?(limit)
    text = arrived(now + limit) { @socket.recvfrom_nonblock(65_535, exception: false) }
    text && SipText.new(text.first)
  rescue Errno::ECONNREFUSED
    retry
  end

  def close
    @socket.close
  end
end

# A peer on one TCP connection.
class TcpPeer
  include SipPeer

  # Connects to a server.
  def self.connect(port, ip = "127.0.0.1")
    new(TCPSocket.new(ip, port))
  end

  def initialize(socket)
    @socket = socket
    @buffer = +""
  end

  attr_reader :socket

  def protocol
    "TCP"
  end

  def port
    @socket.local_address.ip_port
  end

  def address
    ip = @socket.local_address.ip_address
    ip.include?(":") ? "[#{ip}]:#{port}" : "#{ip}:#{port}"
  end

  def send_text(text, *)
    @socket.write(text)
    text
  end

  def answer(request, status, reason = "Reason", **options)
    send_text(response(request, status, reason, **options))
  end

  def receive?(limit)
    deadline = now + limit
    until (message = take)
      @buffer << (arrived(deadline) { read_some } or return)
    end
    message
  rescue EOFError, Errno::ECONNRESET
    nil
  end

  # The next bytes, whatever they are.
  def next_bytes
    arrived(now + LIMIT) { read_some } or raise "no bytes within #{LIMIT} s at #{address}"
  end

  # What has come and is no whole message.
  def received
    @buffer
  end

  # Whether the other side closes within the limit.
  def closed_by_peer?(limit = LIMIT)
    deadline = now + limit
    loop do
      @buffer << (arrived(deadline) { read_some } or return false)
    end
  rescue EOFError, Errno::ECONNRESET
    true
  end

  def close
    @socket.close
  end

  private

  # Raises EOFError at the end, as `readpartial` does.
  def read_some
    data = @socket.read_nonblock(65_536, exception: false)
    data.nil? ? raise(EOFError) : data
  end

  def take
    @buffer.sub!(/\A(\r\n)+/, "")
    head, = @buffer.split("\r\n\r\n", 2)
    return unless head && @buffer.include?("\r\n\r\n")

    length = head[/^(?:Content-Length|l)\s*:\s*(\d+)/i, 1].to_i
    total = head.bytesize + 4 + length
    return if @buffer.bytesize < total

    SipText.new(@buffer.slice!(0, total))
  end
end

# A TCP listener whose connections are peers.
class TcpServerPeer
  # @param ip [String, TCPServer] an address, or what listens already
  def initialize(ip = "127.0.0.1", port: 0)
    @server = ip.is_a?(TCPServer) ? ip : TCPServer.new(ip, port)
  end

  def port
    @server.addr[1]
  end

  def accept(limit = SipPeer::LIMIT)
    accept?(limit) or raise "no connection within #{limit} s"
  end

  # @return [TcpPeer, nil]
  def accept?(limit)
    TcpPeer.new(@server.accept) if @server.wait_readable(limit)
  end

  def close
    @server.close
  end
end
