# frozen_string_literal: true

require "socket"

# Ports for programs that have to be told theirs.
module Ports
  # @return [Integer] a port of 127.0.0.1 that neither UDP nor TCP uses just now
  def self.free
    loop do
      Addrinfo.tcp("127.0.0.1", 0).bind do |tcp|
        port = tcp.local_address.ip_port
        Addrinfo.udp("127.0.0.1", port).bind { return port }
      rescue Errno::EADDRINUSE
        next
      end
    end
  end
end
