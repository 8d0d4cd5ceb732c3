# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "command"
require_relative "ports"
require_relative "sip_peer"

# The server of docs/operations.md with its gateways and callers on loopback, and what the commands of the guide print there.
#
#   ruby spec/support/operations_scene.rb   # writes into the guide what they print now
class OperationsScene
  include Command

  GUIDE = File.expand_path("../../docs/operations.md", __dir__)
  PATTERN = /^```console\n(.*?)^```\n/m
  LIMIT = 20

  # What the guide calls the addresses: as many letters as those have.
  SERVER = "192.0.2.50:5060"
  GATEWAYS = %w[192.0.2.10:5060 192.0.2.11:5060].freeze
  CALLER = "192.0.2.77:5060"

  class << self
    # @return [String] the script that the guide shows
    def script
      File.read(GUIDE)[/^```ruby\n(# server\.rb\n.*?)^```/m, 1]
    end

    # @return [Array<String>] the commands that the guide shows, each with what it prints
    def shown
      File.read(GUIDE).scan(PATTERN).flatten
    end

    # @return [Array<String>] what should stand there
    def run
      scene = new
      scene.play
      shown.map { |block| scene.output_of(block.lines.first) }
    ensure
      scene&.close
    end

    # Writes it into the guide.
    def write
      blocks = run
      File.write(GUIDE, File.read(GUIDE).gsub(PATTERN) { "```console\n#{blocks.shift}```\n" })
    end

    # @return [Array<String>] the words without what differs between two runs: times and numbers, with them how long lines
    #   and arrows are, and the order of what happens at the same time; a longer number leaves room for fewer words
    def structure(text)
      text.gsub(/\d+(?:\.\d+)?/, "0").gsub(/\s(?:ms|s|min)\b/, " t").gsub(/, last at 0(?: t)?/, " until 0").split(/[\s|-]+/).sort
    end
  end

  def initialize
    @folder = Dir.mktmpdir("oversip-operations")
    @gateways = Array.new(2) { UdpPeer.new }
    @caller = UdpPeer.new
    @port = Ports.free
    @answers = { "4930100" => [180, 200], "4930200" => [180, 486], "4930300" => [200] }
    @acknowledged = Thread::Queue.new
    @ringing = Thread::Queue.new
    @threads = @gateways.map { |gateway| Thread.new { answer(gateway) } }
    start
  end

  # The calls of the guide.
  def play
    call("bob", "1f6a20c4be37") { |response| hang_up(response) }
    call("carol", "2c9d51e07a84")
    call("dave", "3ab81f925d60")
    call("erin", "4e02c7d8916b")
    close_first_gateway
    call("bob", "5d0e84b37fa1") { |response| hang_up(response) }
  end

  # @param line [String] "$ oversip status\n"
  # @return [String] the same, and what it prints
  def output_of(line)
    arguments = line.delete_prefix("$ oversip ").split
    printed = arguments.include?("--follow") ? followed(arguments) : printed(arguments)
    "#{line}#{masked(printed)}"
  end

  def close
    @server&.kill
    @threads.each(&:kill).each(&:join)
    [*@gateways, @caller].each { |peer| peer.close unless peer.socket.closed? }
    FileUtils.rm_rf(@folder)
  end

  private

  def start
    addresses = GATEWAYS.zip(@gateways.map(&:port)).to_h { |name, port| [name.split(":").first, port] }
    script = self.class.script.gsub(/"(192\.0\.2\.\d+)", 5060/) { "\"127.0.0.1\", #{addresses.fetch(Regexp.last_match(1))}" }
    write("server.rb", script)
    write("proxies.conf", "default_proxy: {use_blacklist: yes}\n")
    write("oversip.conf", <<~YAML)
      core: {control_socket: #{socket}, syslog_level: info}
      sip: {listen_ipv4: 127.0.0.1, listen_port: #{@port}, enable_ipv6: no, sip_tcp: no}
    YAML
    @server = Command::Running.new(command("--config-dir", @folder, "--no-color"))
    @server.wait_for(/running, process/)
  end

  def socket
    File.join(@folder, "oversip.sock")
  end

  def write(name, text)
    File.write(File.join(@folder, name), text)
  end

  def answer(gateway)
    loop do
      request = gateway.receive(limit: 3600)
      @acknowledged << request.header("Call-ID") if request.method_name == "ACK"
      statuses = { INVITE: @answers[request.ruri[/sip:(\d+)/, 1]], BYE: [200] }[request.method_name.to_sym]
      Array(statuses).each_with_index do |status, index|
        @ringing.pop if index.positive?
        gateway.answer(request, status, REASONS.fetch(status))
      end
    end
  rescue IOError
    nil # it was closed
  end

  REASONS = { 180 => "Ringing", 200 => "OK", 486 => "Busy Here" }.freeze
  private_constant :REASONS

  # @yieldparam response [SipText] its 2xx
  def call(user, call_id)
    invite = @caller.build(:INVITE, "sip:#{user}@example.com", call_id: call_id,
                                                               headers: { "From" => "<sip:alice@example.com>;tag=1",
                                                                          "To" => "<sip:#{user}@example.com>" })
    @caller.send_text(invite, @port)
    response = final
    if response.status < 300
      @caller.send_text(@caller.in_dialog(:ACK, response, cseq: 1), @port)
      nil until @acknowledged.pop == call_id
      yield response if block_given?
    else
      @caller.send_text(@caller.companion(invite, :ACK), @port)
    end
  end

  # The gateway goes on when the caller knows that it rings.
  def final
    @caller.receive_until(limit: LIMIT) do |response|
      @ringing << true if response.status == 180
      response.status >= 200
    end
  end

  def hang_up(response)
    @caller.send_text(@caller.in_dialog(:BYE, response, cseq: 2), @port)
    @caller.receive_final(limit: LIMIT)
  end

  def close_first_gateway
    @threads.shift.kill.join
    @first_port = @gateways.first.port
    @gateways.first.close
  end

  def printed(arguments)
    oversip(*arguments, "--socket", socket).first(2).join
  end

  # Until the call that comes meanwhile has ended.
  def followed(arguments)
    running = Command::Running.new(command(*arguments, "--socket", socket))
    running.wait_for(/^following /)
    call("bob", "7c41e9a26b05") { |response| hang_up(response) }
    running.wait_for(/BYE.*200 OK.*200 OK/m)
    running.signal("INT")
    running.status
    running.output
  ensure
    running&.kill
  end

  def masked(text)
    ports = { @port => SERVER, @first_port => GATEWAYS.first, @gateways.last.port => GATEWAYS.last, @caller.port => CALLER }
    text.gsub(/127\.0\.0\.1:(\d+)/) { |address| ports.fetch(Regexp.last_match(1).to_i, address) }
        .gsub("127.0.0.", "192.0.2.").sub(socket, "/run/oversip/oversip.sock").gsub(/[ \t]+$/, "").sub(/\n*\z/, "\n")
  end
end

if $PROGRAM_NAME == __FILE__
  NATIVE = true
  OperationsScene.write
end
