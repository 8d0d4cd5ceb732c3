# frozen_string_literal: true

require "rbconfig"
require "socket"

# MESSAGE requests in great numbers, from one child process through the relay to another. This file is also what the
# children run: `message_load.rb callee`, `message_load.rb caller PORT`.
class MessageLoad
  # How many requests are under way at the same time.
  WINDOW = 40
  # Seconds without an answer that count as a loss.
  PATIENCE = 60

  # The callee: answers 200 to everything. Says its port first.
  def self.callee
    socket = UDPSocket.new.tap { |udp| udp.bind("127.0.0.1", 0) }
    $stdout.puts(socket.addr[1])
    $stdout.flush
    loop do
      request, from = socket.recvfrom(4096)
      kept = request.lines.grep(/\A(?:Via|From|Call-ID|CSeq):/)
      to = request[/^To: [^\r\n]*/]
      socket.send("SIP/2.0 200 OK\r\n#{kept.join}#{to};tag=callee\r\nContent-Length: 0\r\n\r\n", 0, from[3], from[1])
    end
  end

  # The caller: for each number that it reads it sends so many requests, waits for their answers and says the statuses.
  def self.caller(port)
    socket = UDPSocket.new.tap { |udp| udp.bind("127.0.0.1", 0) }
    socket.connect("127.0.0.1", port)
    own = "127.0.0.1:#{socket.addr[1]}"
    sent = 0
    $stdin.each_line do |line|
      last = sent + Integer(line)
      statuses = Hash.new(0)
      under_way = 0
      while sent < last || under_way.positive?
        while sent < last && under_way < WINDOW
          socket.send(message(own, sent += 1), 0)
          under_way += 1
        end
        break unless socket.wait_readable(PATIENCE)

        statuses[socket.recv(4096)[8, 3]] += 1
        under_way -= 1
      end
      $stdout.puts(statuses.map { |status, count| "#{status}=#{count}" }.join(" "))
      $stdout.flush
    end
  end

  def self.message(own, number)
    "MESSAGE sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP #{own};branch=z9hG4bK-#{number};rport\r\nMax-Forwards: 70\r\n" \
      "From: <sip:alice@a.example>;tag=#{number}\r\nTo: <sip:bob@b.example>\r\nCall-ID: #{number}@load\r\n" \
      "CSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n"
  end

  attr_reader :callee_port

  def initialize
    @pids = []
    @callee_output = start(:callee).last
    @callee_port = Integer(@callee_output.gets)
  end

  # Sends requests to a port of 127.0.0.1 and waits for their answers.
  #
  # @return [String] the statuses and how often they came, as "200=5000"
  def send_messages(count, port)
    @input, @output = start(:caller, port) unless @input
    @input.puts(count)
    @input.flush
    @output.gets.to_s.chomp
  end

  def close
    Process.kill("KILL", *@pids)
    @pids.each { |pid| Process.wait(pid) }
    [@callee_output, @input, @output].compact.each(&:close)
  end

  private

  # @return [Array<IO>] the child's input and output
  def start(*arguments)
    child_in, input = IO.pipe
    output, child_out = IO.pipe
    @pids << Process.spawn(RbConfig.ruby, __FILE__, *arguments.map(&:to_s), in: child_in, out: child_out)
    [child_in, child_out].each(&:close)
    [input, output]
  end
end

if $PROGRAM_NAME == __FILE__
  ARGV[0] == "callee" ? MessageLoad.callee : MessageLoad.caller(Integer(ARGV[1]))
end
