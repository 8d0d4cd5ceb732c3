# frozen_string_literal: true

# A process that carries SIP between SIPp, which speaks TCP, and TLS or WebSocket. It prints the port that it listens on.
#
#   ruby pump.rb to-tls PORT                       from TCP to a TLS server
#   ruby pump.rb from-tls PORT CERTIFICATE KEY     from TLS to a TCP server
#   ruby pump.rb to-websocket PORT                 from TCP to a WebSocket server

require "openssl"
require "socket"
require_relative "websocket_frames"

module Bench
  # Connects what it accepts with a server, and carries bytes both ways.
  class Pump
    CHUNK = 65_536

    def initialize(port)
      @target = port
      @server = TCPServer.new("127.0.0.1", 0)
      Thread.new { loop { join(prompt(@server.accept)) } }
    end

    def port
      @server.addr[1]
    end

    private

    # A message is sent at once, not with the next one.
    def prompt(socket)
      socket.tap { socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1) }
    end

    def connect
      prompt(TCPSocket.new("127.0.0.1", @target))
    end

    # @param ends [Array] the accepted one and the other
    # @yield [String] takes from the buffer what is complete
    # @yieldreturn [String] what is to be sent for it
    def carry(ends, from, to, buffer = +"".b)
      Thread.new do
        loop do
          buffer << from.readpartial(CHUNK)
          bytes = yield(buffer)
          to.write(bytes) unless bytes.empty?
        end
      rescue IOError, SystemCallError, OpenSSL::SSL::SSLError
        ends.each(&:close)
      end
    end
  end

  # From TCP to a TLS server, whose certificate is not checked.
  class ToTls < Pump
    private

    def join(plain)
      far = OpenSSL::SSL::SSLSocket.new(connect, OpenSSL::SSL::SSLContext.new).tap { |it| it.sync_close = true }
      ends = [plain, far.tap(&:connect)]
      ends.permutation { |from, to| carry(ends, from, to) { |buffer| buffer.slice!(0..) } }
    end
  end

  # From TLS to a TCP server.
  class FromTls < Pump
    def initialize(port, certificate, key)
      @context = OpenSSL::SSL::SSLContext.new
      @context.add_certificate(OpenSSL::X509::Certificate.new(File.read(certificate)), OpenSSL::PKey.read(File.read(key)))
      super(port)
    end

    private

    def join(encrypted)
      near = OpenSSL::SSL::SSLSocket.new(encrypted, @context).tap { |it| it.sync_close = true }
      ends = [near.tap(&:accept), connect]
      ends.permutation { |from, to| carry(ends, from, to) { |buffer| buffer.slice!(0..) } }
    end
  end

  # From TCP to a WebSocket server, a frame for each message.
  class ToWebsocket < Pump
    UPGRADE = ["GET / HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: sip"].join("\r\n").freeze

    private

    def join(plain)
      ends = [plain, connect]
      rest = upgrade(ends.last)
      carry(ends, *ends) do |buffer|
        WebsocketFrames.take_messages(buffer).map { |message| WebsocketFrames.frame(message) }.join
      end
      carry(ends, *ends.reverse, rest) { |buffer| WebsocketFrames.take_payloads(buffer) }
    end

    # @return [String] what came behind the answer
    def upgrade(far)
      far.write("#{UPGRADE}\r\n\r\n")
      answer = +"".b
      answer << far.readpartial(CHUNK) until answer.include?("\r\n\r\n")
      answer.start_with?("HTTP/1.1 101 ") or abort "no WebSocket: #{answer}"
      answer.partition("\r\n\r\n").last
    end
  end
end

Thread.abort_on_exception = true
# At once, without waiting for threads that read.
trap("TERM") { exit! }
kinds = { "to-tls" => Bench::ToTls, "from-tls" => Bench::FromTls, "to-websocket" => Bench::ToWebsocket }
kind, port, *files = ARGV
$stdout.puts kinds.fetch(kind).new(port.to_i, *files).port
$stdout.flush
sleep
