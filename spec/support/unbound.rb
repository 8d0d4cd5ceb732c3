# frozen_string_literal: true

require "fileutils"
require "resolv"
require "socket"
require "tmpdir"

# Unbound as a child process on a free port of 127.0.0.1, with records of its own and no way to the outside.
class Unbound
  LIMIT = 10

  # Debian keeps daemons where a user's PATH may not look.
  PROGRAM = [*ENV.fetch("PATH").split(":"), "/usr/sbin"].map { |dir| File.join(dir, "unbound") }.find { |path| File.executable?(path) }

  attr_reader :port

  # @param records [Array<String>] in zone file form, names absolute
  # @param zones [Array<String>] names under which everything else does not exist
  def initialize(records, zones: ["example."])
    @folder = Dir.mktmpdir("oversip-unbound")
    @port = free_port
    File.write(File.join(@folder, "unbound.conf"), configuration(records, zones))
    @pid = Process.spawn(PROGRAM, "-d", "-p", "-c", File.join(@folder, "unbound.conf"), out: log, err: %i[child out])
    wait_until_it_answers
  rescue StandardError
    close
    raise
  end

  def address
    "127.0.0.1:#{port}"
  end

  def close
    if @pid
      Process.kill("KILL", @pid)
      Process.wait(@pid)
      @pid = nil
    end
    FileUtils.remove_entry(@folder)
  end

  private

  def log
    File.join(@folder, "log")
  end

  def configuration(records, zones)
    [
      "server:",
      "  interface: 127.0.0.1@#{port}", "  port: #{port}", "  do-daemonize: no", "  username: \"\"", "  chroot: \"\"",
      "  directory: \"#{@folder}\"", "  pidfile: \"#{@folder}/pid\"", "  use-syslog: no", "  logfile: \"\"",
      "  num-threads: 1", "  rrset-roundrobin: no", "  module-config: \"iterator\"", "  access-control: 127.0.0.0/8 allow",
      *zones.map { |zone| "  local-zone: \"#{zone}\" static" },
      *zones.map { |zone| "  local-data: \"#{zone} 60 IN SOA ns.#{zone} admin.#{zone} 1 60 60 60 60\"" },
      *records.map { |record| "  local-data: '#{record}'" },
      "remote-control:", "  control-enable: no", ""
    ].join("\n")
  end

  # Free for UDP and TCP.
  def free_port
    loop do
      server = TCPServer.new("127.0.0.1", 0)
      socket = UDPSocket.new
      socket.bind("127.0.0.1", server.addr[1])
      return server.addr[1]
    rescue Errno::EADDRINUSE
      next
    ensure
      server&.close
      socket&.close
    end
  end

  # A question each time: a datagram to a port that is not open yet is lost.
  def wait_until_it_answers
    question = Resolv::DNS::Message.new(1).tap { |message| message.add_question("example.", Resolv::DNS::Resource::IN::SOA) }.encode
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + LIMIT
    until answers?(question)
      raise "unbound does not answer:\n#{File.read(log)}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
    end
  end

  def answers?(question)
    socket = UDPSocket.new
    socket.connect("127.0.0.1", port)
    socket.send(question, 0)
    return false unless socket.wait_readable(0.05)

    !socket.recv(512).empty?
  rescue Errno::ECONNREFUSED
    false
  ensure
    socket.close
  end
end
