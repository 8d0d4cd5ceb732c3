# frozen_string_literal: true

# How long a request waits for its answer while work of OverSIP.await computes in pure Ruby, and how long it would wait
# if the library did not have the worker give way. Run it as `ruby -Ilib benches/computing_worker.rb [REQUESTS]`.

require "oversip"
require "socket"

REQUESTS = Integer(ARGV.fetch(0, "200"))

# What a client of another process measures.
class Client
  def initialize(port)
    @port = port
    @socket = UDPSocket.new
    @socket.connect("127.0.0.1", port)
  end

  # @return [Array<Float>] milliseconds until each answer, in order of size
  def measure(number)
    times = Array.new(number) do |index|
      sleep 0.005
      time { ask(index) }
    end
    times.sort
  end

  private

  def time
    before = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    yield
    (Process.clock_gettime(Process::CLOCK_MONOTONIC) - before) * 1000
  end

  def ask(index)
    @socket.send(options("#{Process.pid}-#{index}"), 0)
    @socket.recv(65_535)
  end

  def options(name)
    ["OPTIONS sip:bench@127.0.0.1:#{@port} SIP/2.0",
     "Via: SIP/2.0/UDP 127.0.0.1:#{@socket.addr[1]};branch=z9hG4bK#{name};rport",
     "Max-Forwards: 70", "From: <sip:a@a.example>;tag=1", "To: <sip:b@b.example>", "Call-ID: #{name}", "CSeq: 1 OPTIONS",
     "Content-Length: 0", "", ""].join("\r\n")
  end
end

# The client's figures, measured in a process of its own: this one computes.
def figures(port)
  output = IO.popen([RbConfig.ruby, "-I", File.expand_path("../lib", __dir__), __FILE__, REQUESTS.to_s, port.to_s], &:read)
  times = output.split.map(&:to_f)
  "p50 #{times[times.size / 2]} ms, p99 #{times[times.size * 99 / 100]} ms, longest #{times.last} ms"
end

if (port = ARGV[1])
  puts(Client.new(Integer(port)).measure(REQUESTS).map { |milliseconds| milliseconds.round(2) })
  exit
end

OverSIP::SipEvents.define_singleton_method(:on_request) { |request| request.reply(200) }
OverSIP.start(configuration: { sip: { listen_port: 0, enable_ipv6: false }, core: { syslog_level: "error" } }) do
  port = OverSIP.configuration[:sip][:listen_port]
  puts "no worker: #{figures(port)}"
  [1, 4].each do |workers|
    over = false
    OverSIP.schedule { workers.times { OverSIP.async { 1 + 1 until over } } }
    Thread.pass until OverSIP.stats[:await_running] == workers
    puts "#{workers} computing, with it: #{figures(port)}"
    workers.times { OverSIP::Engine.worker_ends }
    puts "#{workers} computing, without it: #{figures(port)}"
    over = true
    Thread.pass until OverSIP.stats[:await_running].zero?
  end
end
