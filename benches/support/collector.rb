# frozen_string_literal: true

require "rbconfig"
require "socket"
require_relative "waiting"

module Bench
  # Where a relay sends copies of its messages (HEP3) while it is measured.
  module Collector
    # Reads and forgets, in a process of its own.
    READER = "socket = UDPSocket.for_fd(ARGV[0].to_i); loop { socket.recv(65_536) }"
    private_constant :READER

    class << self
      # @param kind [Symbol] :reads, by UDP; :stalls, by TCP: it never reads, so that soon nothing more can be sent
      # @yieldparam address [String] as the section `hep` names it
      def run(kind, &)
        kind == :reads ? reading(&) : stalled(&)
      end

      private

      def reading
        socket = UDPSocket.new
        socket.bind("127.0.0.1", 0)
        pid = Process.spawn(RbConfig.ruby, "-rsocket", "-e", READER, socket.fileno.to_s, socket.fileno => socket.fileno)
        yield "udp:127.0.0.1:#{socket.addr[1]}"
      ensure
        Waiting.end_of(pid) if pid
        socket&.close
      end

      def stalled
        server = TCPServer.new("127.0.0.1", 0)
        yield "tcp:127.0.0.1:#{server.addr[1]}"
      ensure
        server&.close
      end
    end
  end
end
