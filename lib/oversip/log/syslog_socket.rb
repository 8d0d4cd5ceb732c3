# frozen_string_literal: true

require "socket"

module OverSIP
  module Log
    # The local socket of the system's log: datagrams, or a stream if the daemon requires it. It is opened again after a
    # restart of the daemon.
    #
    # @api private
    class SyslogSocket
      # Ends a record on a stream.
      NUL = "\0"

      # @param path [String]
      # @raise [SystemCallError] nobody listens there
      def initialize(path)
        @path = path
        connect
      end

      # Sends one record; waits as long as the daemon is busy.
      #
      # @raise [SystemCallError] it could not be sent, nor over a new socket
      def send(text)
        transmit(text)
      rescue Errno::EMSGSIZE
        raise
      rescue SystemCallError, IOError
        connect
        transmit(text)
      end

      private

      def transmit(text)
        @stream ? @socket.write(text, NUL) : @socket.send(text, 0)
      end

      def connect
        @socket&.close
        @socket = connected(:DGRAM)
        @stream = false
      rescue Errno::EPROTOTYPE
        @socket = connected(:STREAM)
        @stream = true
      end

      def connected(type)
        socket = Socket.new(:UNIX, type)
        socket.connect(address)
        socket
      rescue SystemCallError
        socket&.close
        raise
      end

      # The path of a socket has about a hundred bytes at most.
      def address
        Socket.pack_sockaddr_un(@path)
      rescue ArgumentError
        raise Errno::ENAMETOOLONG, @path
      end
    end
  end
end
