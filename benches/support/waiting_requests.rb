# frozen_string_literal: true

require "securerandom"
require "socket"
require_relative "waiting"

module Bench
  # OPTIONS requests that are sent all at once, over UDP. benches/relay answers each when its block has waited.
  class WaitingRequests
    # Seconds after which an answer has not come.
    LIMIT = 30
    BUFFER = 8 * 1024 * 1024

    # @param port [Integer] of the relay, on 127.0.0.1
    def initialize(port)
      @port = port
    end

    # Sends them and waits for their answers.
    #
    # @return [Float, nil] seconds from the first request to the last answer; nil when answers are missing
    def run(count)
      socket = UDPSocket.new
      socket.setsockopt(:SOCKET, :RCVBUF, BUFFER)
      socket.bind("127.0.0.1", 0)
      socket.connect("127.0.0.1", @port)
      requests = Array.new(count) { request(socket.addr[1]) }
      begun = Waiting.now
      requests.each { |text| socket.send(text, 0) }
      answers = count_answers(socket, count, begun + LIMIT)
      Waiting.now - begun if answers == count
    ensure
      socket.close
    end

    private

    def count_answers(socket, count, deadline)
      answered = 0
      while answered < count
        left = deadline - Waiting.now
        return answered unless left.positive? && socket.wait_readable(left)

        answered += 1 if socket.recv(4096).start_with?("SIP/2.0 200 ")
      end
      answered
    end

    def request(port)
      call = SecureRandom.hex(8)
      ["OPTIONS sip:waits@127.0.0.1 SIP/2.0", "Via: SIP/2.0/UDP 127.0.0.1:#{port};rport;branch=z9hG4bK#{call}",
       "Max-Forwards: 70", "From: <sip:bench@127.0.0.1>;tag=#{call}", "To: <sip:waits@127.0.0.1>", "Call-ID: #{call}",
       "CSeq: 1 OPTIONS", "Content-Length: 0", "", ""].join("\r\n")
    end
  end
end
