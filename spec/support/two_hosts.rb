# frozen_string_literal: true

require "open3"
require "rbconfig"
require "socket"
require_relative "sip_peer"

# Two hosts with a cable between them: network namespaces that are made here and vanish with the object. Programs run on the
# near one; sockets of the far one are used from this process.
class TwoHosts
  NEAR = { ipv4: "192.0.2.1", ipv6: "2001:db8::1" }.freeze
  FAR = { ipv4: "192.0.2.2", ipv6: "2001:db8::2" }.freeze
  SECOND = "192.0.2.3" # an address that the near host can get

  # What the far host runs: opens a socket for each line and hands it over.
  OPENER = <<~RUBY
    control = UNIXSocket.for_fd(3)
    while (line = control.gets)
      kind, ip, port = line.split
      socket = kind == "tcp" ? TCPServer.new(ip, port.to_i) : UDPSocket.new(ip.include?(":") ? Socket::AF_INET6 : Socket::AF_INET)
      socket.bind(ip, port.to_i) if kind == "udp"
      control.send_io(socket)
      socket.close
    end
  RUBY

  # @return [String, nil] why there cannot be two hosts here
  def self.obstacle
    return @obstacle if defined?(@obstacle)

    folders = ENV.fetch("PATH").split(File::PATH_SEPARATOR)
    needed = %w[unshare nsenter ip].reject { |name| folders.any? { |folder| File.executable?(File.join(folder, name)) } }
    @obstacle = if needed.any? then "#{needed.join(", ")} not installed"
                elsif !system("unshare", "-n", "ip", "link", "add", "near0", "type", "veth", "peer", "name", "far0", %i[out err] => File::NULL)
                  "network namespaces with a cable between them need root's rights"
                end
  end

  def initialize
    @hosts = Array.new(2) { start_host }
    connect
    near("ip", "addr", "add", "#{NEAR[:ipv4]}/24", "dev", "near0")
    near("ip", "-6", "addr", "add", "#{NEAR[:ipv6]}/64", "dev", "near0", "nodad")
    far("ip", "addr", "add", "#{FAR[:ipv4]}/24", "dev", "far0")
    far("ip", "-6", "addr", "add", "#{FAR[:ipv6]}/64", "dev", "far0", "nodad")
    near("ip", "link", "set", "near0", "up")
    far("ip", "link", "set", "far0", "up")
    start_opener
  end

  # Runs a command on the near host to its end.
  def near(*command)
    run(@hosts[0].pid, command)
  end

  # (see #near)
  def far(*command)
    run(@hosts[1].pid, command)
  end

  # @return [Array<String>] what to put before a command to run it on the near host
  def on_near
    on(@hosts[0].pid)
  end

  # @param ip [String] an address of the far host
  def udp_peer(ip, port = 0)
    FarUdpPeer.new(open_far("udp", ip, port, UDPSocket), ip)
  end

  # @return [TCPServer]
  def tcp_listener(ip, port = 0)
    open_far("tcp", ip, port, TCPServer)
  end

  def close
    [@control, *@lives].compact.each(&:close)
    [@opener, *@hosts].compact.each do |process|
      Process.kill("KILL", process.pid)
      process.join
    rescue Errno::ESRCH
      process.join
    end
  end

  # A UDP socket of the far host, with where the last datagram came from.
  class FarUdpPeer < UdpPeer
    attr_reader :source

    def initialize(socket, ip) # rubocop:disable Lint/MissingSuper -- its socket is opened elsewhere
      @socket = socket
      @ip = ip
    end

    def receive?(limit)
      text, from = arrived(now + limit) { @socket.recvfrom_nonblock(65_535, exception: false) }
      return unless text

      ip = from[3]
      @source = ip.include?(":") ? "[#{ip}]:#{from[1]}" : "#{ip}:#{from[1]}"
      SipText.new(text)
    end

    # Sends to `host:port`.
    def send_to(address, text)
      host, port = address.match(/\A(.+):(\d+)\z/).captures
      send_text(text, port.to_i, host.delete("[]"))
    end
  end

  private

  # A process that keeps a namespace; it says when it has one. It ends when this process has, however that ends.
  def start_host
    reader, writer = IO.pipe
    held, life = IO.pipe
    pid = Process.spawn("unshare", "-n", "sh", "-c", "ip link set lo up && echo up && exec cat", in: held, out: writer)
    [writer, held].each(&:close)
    (@lives ||= []) << life
    reader.gets or raise "no network namespace"
    Process.detach(pid)
  end

  def connect
    near("ip", "link", "add", "near0", "type", "veth", "peer", "name", "far0", "netns", @hosts[1].pid.to_s)
  end

  def start_opener
    @control, theirs = UNIXSocket.pair
    pid = Process.spawn(*on(@hosts[1].pid), RbConfig.ruby, "-rsocket", "-e", OPENER, 3 => theirs)
    theirs.close
    @opener = Process.detach(pid)
  end

  def open_far(kind, ip, port, type)
    @control.puts "#{kind} #{ip} #{port}"
    @control.recv_io(type)
  end

  def on(pid)
    ["nsenter", "-t", pid.to_s, "-n"]
  end

  def run(pid, command)
    output, status = Open3.capture2e(*on(pid), *command)
    raise "#{command.join(" ")}: #{output}" unless status.success?

    output
  end
end
