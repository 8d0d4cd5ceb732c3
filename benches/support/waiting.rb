# frozen_string_literal: true

require "socket"

module Bench
  # A failure whose message is all that the user needs.
  class Failure < StandardError
  end

  # Waits with a deadline.
  module Waiting
    # @param message [String] what is wrong if the block does not become true in time
    def self.until(message, limit:)
      deadline = now + limit
      until yield
        raise Failure, "#{message} within #{limit} s" if now > deadline

        sleep 0.02
      end
    end

    # @param transport [Symbol] :udp or :tcp
    # @return [Boolean] whether a program listens on this port of 127.0.0.1
    def self.bound?(transport, port)
      # Without SO_REUSEADDR, by which UDP sockets share a port.
      socket = transport == :udp ? UDPSocket.new : Socket.tcp_server_sockets("127.0.0.1", port).first
      socket.bind("127.0.0.1", port) if transport == :udp
      false
    rescue Errno::EADDRINUSE
      true
    ensure
      socket&.close
    end

    # Ends a child: TERM, and KILL if it takes too long.
    #
    # @param waiter [Thread] that of `Process.detach`, which a child has only once
    # @param whole_group [Boolean] whether KILL is for the process group that it leads
    def self.end_of(pid, waiter: Process.detach(pid), limit: 3, whole_group: false)
      Process.kill("TERM", pid)
      Process.kill("KILL", whole_group ? -pid : pid) unless waiter.join(limit)
      waiter.join
    rescue Errno::ESRCH
      waiter.join
    end

    # @return [Float] seconds of a clock that nobody sets
    def self.now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
