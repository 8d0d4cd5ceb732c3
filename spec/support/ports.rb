# frozen_string_literal: true

require "socket"

# Ports for programs that have to be told theirs.
module Ports
  # Below those that the kernel gives to sockets without a port of their own: between this look and the program's bind nobody
  # gets one by chance.
  RANGE = (20_000...32_000)

  @given = []
  # Not the seeded one: runs with one seed beside each other would look for the same ports.
  @dice = Random.new

  # @return [Integer] a port of 127.0.0.1 that neither UDP nor TCP uses just now, another one at each call
  def self.free
    loop do
      port = @dice.rand(RANGE)
      next if @given.include?(port) || !unused?(port)

      @given << port
      return port
    end
  end

  def self.unused?(port)
    %i[tcp udp].all? { |transport| Addrinfo.public_send(transport, "127.0.0.1", port).bind { true } }
  rescue Errno::EADDRINUSE
    false
  end
  private_class_method :unused?
end
