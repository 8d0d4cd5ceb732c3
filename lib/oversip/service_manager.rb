# frozen_string_literal: true

require "socket"

module OverSIP
  # The messages of a `Type=notify` service to systemd, over the socket in NOTIFY_SOCKET. Without it nothing is sent.
  #
  # @api private
  class ServiceManager
    include Logger

    # @param path [String, nil] NOTIFY_SOCKET; `@` at its start is an abstract address
    def initialize(path = ENV.delete("NOTIFY_SOCKET"))
      @log_id = "launcher"
      @path = path unless path.to_s.empty?
    end

    # Requests are served.
    def ready
      tell("READY=1")
    end

    # Runs a reload, which begins and ends with a message.
    def reloading
      tell("RELOADING=1\nMONOTONIC_USEC=#{Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond)}")
      yield
    ensure
      ready
    end

    # The end has begun.
    def stopping
      tell("STOPPING=1")
    end

    private

    def tell(message)
      return unless @path

      socket = Socket.new(:UNIX, :DGRAM)
      socket.send(message, 0, Socket.pack_sockaddr_un(@path.sub(/\A@/, "\0")))
    rescue SystemCallError, ArgumentError => e
      log_system_warn "cannot tell systemd #{message.lines.first.chomp}: #{e.message}"
    ensure
      socket&.close
    end
  end
end
