# frozen_string_literal: true

require "socket"
require_relative "certificates"
require_relative "sip_peer"

# A WebSocket client that sends and returns exact bytes.
class WebSocketPeer
  include SipPeer

  KEY = "dGhlIHNhbXBsZSBub25jZQ=="

  # The lines of a request that is accepted.
  USUAL = {
    "Host" => "127.0.0.1", "Upgrade" => "websocket", "Connection" => "Upgrade", "Sec-WebSocket-Key" => KEY,
    "Sec-WebSocket-Version" => "13", "Sec-WebSocket-Protocol" => "sip", "Origin" => "https://example.net"
  }.freeze

  # One frame as it was received.
  Frame = Struct.new(:start, :payload) do
    def opcode
      start & 0x0f
    end
  end

  # @param lines [Hash{String => String, nil}] over {USUAL}; nil leaves one out
  def self.request(request_line = "GET / HTTP/1.1", lines = {})
    head = USUAL.merge(lines).compact.flat_map { |name, value| Array(value).map { |one| "#{name}: #{one}\r\n" } }
    "#{request_line}\r\n#{head.join}\r\n"
  end

  # A frame as a client sends it.
  #
  # @param first [Integer] FIN, RSV and opcode
  # @param mask [String, nil] four bytes, or nothing
  def self.frame(payload, first: 0x81, mask: "\x37\xfa\x21\x3d".b)
    payload = payload.b
    bit = mask ? 0x80 : 0
    size = payload.bytesize
    length = case size
             when 0..125 then [bit | size].pack("C")
             when 126..65_535 then [bit | 126, size].pack("Cn")
             else [bit | 127, size].pack("CQ>")
             end
    masked = mask ? payload.bytes.each_with_index.map { |byte, at| byte ^ mask.getbyte(at & 3) }.pack("C*") : payload
    [first].pack("C") + length + mask.to_s + masked
  end

  # Connects without saying anything.
  #
  # @param socket [#readpartial, #write] a connected socket
  def initialize(socket)
    @socket = socket
    @buffer = String.new(encoding: Encoding::BINARY)
  end

  attr_reader :socket

  def protocol
    @socket.is_a?(TCPSocket) ? "WS" : "WSS"
  end

  # What a browser writes: it does not know its address (RFC 7118 section 5.2).
  def address
    "df7jal23ls0d.invalid"
  end

  def local_address
    @socket.to_io.local_address
  end

  # Asks for a WebSocket.
  #
  # @return [String] the head of the answer
  def ask(*request)
    send_bytes(self.class.request(*request))
    read_head
  end

  # Asks for a WebSocket and gets it.
  #
  # @return [self]
  def upgrade(*request)
    answer = ask(*request)
    raise "no WebSocket: #{answer.inspect}" unless answer.start_with?("HTTP/1.1 101 ")

    self
  end

  def send_bytes(bytes)
    @socket.write(bytes)
    bytes
  end

  def send_frame(payload, **options)
    send_bytes(self.class.frame(payload, **options))
  end

  # Sends a SIP message in a text frame.
  def send_text(text, *)
    send_frame(text)
    text
  end

  def answer(request, status, reason = "Reason", **options)
    send_text(response(request, status, reason, **options))
  end

  # The next SIP message; other frames are passed over.
  def receive?(limit)
    deadline = now + limit
    while (frame = next_frame([deadline - now, 0].max))
      return SipText.new(frame.payload) if frame.opcode.between?(1, 2) && frame.payload != "\r\n"
    end
  end

  # The next frame.
  def receive_frame(limit: LIMIT)
    next_frame(limit) or raise "no frame within #{limit} s"
  end

  # Exactly this number of bytes, or the bytes before the end.
  def read_bytes(count, limit: LIMIT)
    fill(now + limit) { @buffer.bytesize >= count }
    @buffer.slice!(0, count)
  end

  # Everything until the server closes.
  def rest(limit: LIMIT)
    ended = fill(now + limit) { false }
    raise "not closed within #{limit} s" unless ended == :end

    @buffer.slice!(0..)
  end

  # An HTTP head.
  def read_head(limit: LIMIT)
    fill(now + limit) { @buffer.include?("\r\n\r\n") }
    head, found, = @buffer.partition("\r\n\r\n")
    @buffer.slice!(0, head.bytesize + found.bytesize).force_encoding(Encoding::UTF_8)
  end

  def closed_by_peer?(limit = LIMIT)
    fill(now + limit) { false } == :end
  end

  def close
    @socket.close
  end

  # Resets the connection.
  def reset
    @socket.to_io.setsockopt(Socket::SOL_SOCKET, Socket::SO_LINGER, [1, 0].pack("ii"))
    @socket.close
  end

  private

  def next_frame(limit)
    frame = nil
    fill(now + limit) { frame ||= take_frame }
    frame
  end

  def take_frame
    return if @buffer.bytesize < 2

    first, second = @buffer.unpack("CC")
    length, header = case second
                     when 127 then [@buffer.unpack1("@2Q>"), 10]
                     when 126 then [@buffer.unpack1("@2n"), 4]
                     else [second, 2]
                     end
    return if length.nil? || @buffer.bytesize < header + length

    Frame.new(first, @buffer.slice!(0, header + length).byteslice(header..))
  end

  # Reads until the block returns true, the time is over or the server closes (:end).
  def fill(deadline)
    until yield
      read = @socket.read_nonblock(65_536, exception: false)
      case read
      when nil then return :end
      when :wait_readable then return unless @socket.to_io.wait_readable([deadline - now, 0].max)
      when :wait_writable then return unless @socket.to_io.wait_writable([deadline - now, 0].max)
      else @buffer << read
      end
    end
  rescue Errno::ECONNRESET, EOFError
    :end
  end
end

# WebSocket clients around OverSIP. For examples tagged `:native`.
module WebSocketHelpers
  # Starts OverSIP with a WebSocket listener on a free port beside UDP and TCP.
  #
  # @param websocket [Hash] further parameters of that section
  # @return [Integer] the port for WebSocket
  def start_websocket(websocket: {}, configuration: {}, **options, &on_request)
    listening = { sip_ws: true, listen_port: 0, enable_ipv6: false }.merge(websocket)
    start_oversip(configuration: { websocket: listening }.merge(configuration), **options, &on_request)
    websocket_port
  end

  def websocket_port
    OverSIP.configuration[:websocket][:listen_port]
  end

  # A client that has said nothing so far.
  def websocket_client(port = websocket_port, ip = "127.0.0.1")
    WebSocketPeer.new(TCPSocket.new(ip, port)).tap { |peer| opened << peer }
  end

  # A client with its WebSocket.
  def websocket_peer(...)
    websocket_client(...).upgrade
  end

  # The same with a listener for WebSocket under TLS beside it.
  #
  # @param sip [Hash] further parameters of that section
  # @return [Integer] the port for secure WebSocket
  def start_secure_websocket(sip: {}, **websocket, &on_request)
    sections = { tls: Certificates.section, sip: sip }
    start_websocket(websocket: { sip_wss: true, listen_port_tls: 0, **websocket }, configuration: sections, &on_request)
    secure_websocket_port
  end

  def secure_websocket_port
    OverSIP.configuration[:websocket][:listen_port_tls]
  end

  # A client that has made its TLS handshake and said nothing else.
  def secure_websocket_client(certificate: nil, port: secure_websocket_port)
    context = OpenSSL::SSL::SSLContext.new
    context.verify_mode = OpenSSL::SSL::VERIFY_NONE
    context.add_certificate(certificate.certificate, certificate.key, certificate.intermediates) if certificate
    ssl = OpenSSL::SSL::SSLSocket.new(TCPSocket.new("127.0.0.1", port), context)
    ssl.sync_close = true
    WebSocketPeer.new(ssl.connect).tap { |peer| opened << peer }
  end

  # Redefines a method of WebSocketEvents until the example ends.
  def on_websocket(event, &block)
    OverSIP::WebSocketEvents.define_singleton_method(event) { |*arguments| block.call(*arguments) }
  end
end

RSpec.configure do |config|
  config.include WebSocketHelpers, :native

  events = %i[on_connection on_disconnection on_client_tls_handshake]
  defaults = events.to_h { |event| [event, OverSIP::WebSocketEvents.method(event)] }
  config.after(:each, :native) do
    defaults.each { |event, method| OverSIP::WebSocketEvents.define_singleton_method(event, method) }
  end
end
