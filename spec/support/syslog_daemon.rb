# frozen_string_literal: true

require "io/wait"
require "socket"

# What listens on the system's log socket, at a path of its own.
class SyslogDaemon
  LIMIT = 10

  attr_reader :path

  # @param type [Symbol] :DGRAM or :STREAM
  def initialize(path, type: :DGRAM)
    @path = path
    @type = type
    listen
  end

  def listen
    @socket = Socket.new(:UNIX, @type)
    @socket.bind(Socket.pack_sockaddr_un(@path))
    @socket.listen(5) if @type == :STREAM
  end

  # @return [String] the next record
  def receive
    return ready(@socket).recv(65_536).force_encoding(Encoding::UTF_8) if @type == :DGRAM

    @connection ||= ready(@socket).accept.first
    @text ||= +""
    @text << ready(@connection).readpartial(65_536) until @text.include?("\0")
    @text.slice!(/\A[^\0]*\0/).chomp("\0").force_encoding(Encoding::UTF_8)
  end

  def close
    [@connection, @socket].compact.each(&:close)
    @connection = nil
    File.delete(@path)
  end

  private

  def ready(socket)
    socket.wait_readable(LIMIT) or raise "nothing was logged within #{LIMIT} s"
    socket
  end
end
