# frozen_string_literal: true

# A telephone that answers: one UDP socket, no library. It prints its port, then a line for each request that it gets.

require "socket"
require_relative "trace"

# The callee of the demonstration.
class Callee
  RING_TIME = 0.15

  def initialize
    @socket = UDPSocket.new
    @socket.bind("127.0.0.1", 0)
    @port = @socket.local_address.ip_port
    @tag = rand(2**32).to_s(16)
  end

  def run
    $stdout.puts @port
    $stdout.flush
    loop do
      datagram, sender = @socket.recvfrom(65_535)
      answer(datagram, sender)
    end
  end

  private

  def answer(datagram, sender)
    head = datagram.split("\r\n\r\n", 2).first.to_s.split("\r\n")
    method = head.first.to_s[/\A[A-Z]+/] or return
    $stdout.puts Trace.line("callee", "request", head.first.delete_suffix(" SIP/2.0"))
    $stdout.flush
    return if method == "ACK"

    if method == "INVITE"
      respond(head, 180, "Ringing", sender)
      sleep RING_TIME
    end
    respond(head, 200, "OK", sender)
  end

  # RFC 3261 8.2.6: Via, From, To, Call-ID and CSeq of the request; Record-Route as 12.1.1 says.
  def respond(head, status, reason, sender)
    copied = head.drop(1).grep(/\A(?:Via|From|Call-ID|CSeq|Record-Route):/i)
    to = head.grep(/\ATo:/i).first.to_s
    to = "#{to};tag=#{@tag}" unless to.match?(/;\s*tag=/i)
    lines = ["SIP/2.0 #{status} #{reason}", *copied, to, "Contact: <sip:callee@127.0.0.1:#{@port}>", "Content-Length: 0"]
    @socket.send("#{lines.join("\r\n")}\r\n\r\n", 0, sender[3], sender[1])
  end
end

Callee.new.run
