# frozen_string_literal: true

# The demonstration: a caller (this process, OverSIP::SIP::Uac), a relay (exe/oversip with examples/relay/server.rb) and a
# callee (callee.rb) on loopback. Ends with status 0 only if every expected event came, in its order.

require "fileutils"
require "oversip"
require "rbconfig"
require "socket"
require "tmpdir"
require_relative "scene"
require_relative "trace"
require_relative "../../examples/uac/call"
require_relative "../../spec/support/ports"

class Demo
  ROOT = File.expand_path("../..", __dir__)
  RELAY = File.join(ROOT, "examples", "relay")
  START_LIMIT = 20

  # @param picture [String, nil] a file that gets the picture of the first call, as the relay's engine saw it
  def initialize(picture = nil)
    @picture = picture && File.expand_path(picture)
    @events = Thread::Queue.new
    @children = []
    @scenes = []
  end

  # @return [Boolean] whether everything expected happened
  def run
    Dir.mktmpdir("oversip-demo") do |folder|
      start_callee
      start_relay(folder)
      OverSIP.start(configuration: { core: { syslog_level: "warn" }, sip: { listen_port: 0, enable_ipv6: false } }) do
        parties
        scenes
      end
      draw(folder) if @picture
      stop_relay
    end
    conclude
  ensure
    @children.each { |pid| end_child(pid) }
  end

  private

  def start_callee
    reader = child(File.join(__dir__, "callee.rb"), stream: :out)
    @callee_port = Integer(reader.gets)
    follow(reader)
  end

  # The folder of the example, only with ports that are free here.
  def start_relay(folder)
    FileUtils.cp(Dir[File.join(RELAY, "*")], folder)
    @relay_port = Ports.free
    configuration = File.join(folder, "oversip.conf")
    given = { /listen_port: \d+/ => "listen_port: #{@relay_port}",
              /^core:$/ => "core:\n  control_socket: #{socket(folder)}" }
    File.write(configuration, given.reduce(File.read(configuration)) { |text, (line, value)| text.sub(line, value) })

    # Bound, but not listening: the kernel refuses connections, and nobody else can take the port meanwhile.
    @dead = Addrinfo.tcp("127.0.0.1", 0).bind
    environment = { "RELAY_TARGET" => "127.0.0.1:#{@callee_port}",
                    "RELAY_FIRST_TARGET" => "tcp:127.0.0.1:#{@dead.local_address.ip_port}" }
    # Its log is of interest here, not the configuration that it prints.
    reader = child(File.join(ROOT, "exe", "oversip"), "--config-dir", folder, "-r", File.join(__dir__, "relay_trace"),
                   stream: :err, out: File::NULL, environment: environment)
    @relay = @children.last
    wait_for_start(reader)
    follow(reader)
  end

  def socket(folder)
    File.join(folder, "oversip.sock")
  end

  # By the command that a user has.
  def draw(folder)
    drawn = system(RbConfig.ruby, File.join(ROOT, "exe", "oversip"), "trace", "--socket", socket(folder), "--to", "bob",
                   "--svg", "--output", @picture)
    drawn ? puts("", "oversip trace --svg has drawn the first call: #{@picture}") : abort("oversip trace has failed")
  end

  def wait_for_start(reader)
    said = +""
    deadline = Trace.now + START_LIMIT
    until said.include?("running, process")
      ready = reader.wait_readable([deadline - Trace.now, 0].max)
      line = ready && reader.gets
      abort "the relay did not start:\n#{said}" unless line
      said << line
    end
  end

  # @param stream [Symbol] which of its outputs to read; the other one goes where ours goes
  # @return [IO]
  def child(*arguments, stream:, environment: {}, **others)
    reader, writer = IO.pipe
    @children << Process.spawn(environment, RbConfig.ruby, *arguments, stream => writer, **others)
    writer.close
    reader
  end

  # Turns the lines of a child into events. Of what else it says, warnings and worse are shown.
  def follow(reader)
    Thread.new do
      reader.each_line do |line|
        event = Trace.parse(line)
        event ? @events << event : $stderr.print(line.sub(/\A\S+ (?:INFO|NOTICE): .*/m, ""))
      end
    end
  end

  def note(name, text)
    @events << Trace::Event.new(Trace.now, "caller", name.to_s, text, "")
  end

  def parties
    ports = { "caller" => OverSIP.configuration[:sip][:listen_port], "relay" => @relay_port, "callee" => @callee_port,
              "nobody" => @dead.local_address.ip_port }
    @addresses = ports.transform_values { |port| "127.0.0.1:#{port}" }
    puts "caller  #{@addresses["caller"]}   OverSIP::SIP::Uac, this process"
    puts "relay   #{@addresses["relay"]}   exe/oversip with examples/relay/server.rb, process #{@relay}"
    puts "callee  #{@addresses["callee"]}   a UDP socket, process #{@children.first}"
    puts "nobody  #{@addresses["nobody"]}   (TCP) the dead target of the last scene"
  end

  def scenes
    scene("A call", Scene.call("sip:bob@")) { call("bob") }
    scene("An OPTIONS", Scene.options) { options }
    scene("A call to a dead target that fails over to a live one", Scene.failover) { call("failover") }
  end

  def scene(title, expected)
    scene = Scene.new(title, expected, @addresses, @events)
    @scenes << scene
    yield
    scene.wait
    puts "", scene
  end

  def call(user)
    call = Call.new("sip:#{user}@127.0.0.1:#{@relay_port}") { |event, text| note(event, text) }
    call.bye if call.invite
  end

  def options
    uac = OverSIP::SIP::Uac.new
    uac.on_success_response { |response| note(:success, "#{response.status_code} #{response.reason_phrase} to OPTIONS") }
    uac.on_failure_response { |response| note(:failure, "#{response.status_code} #{response.reason_phrase} to OPTIONS") }
    uac.on_error { |*error| note(:error, error.join(" ")) }
    request = OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:127.0.0.1:#{@relay_port}" })
    note(:sent, "OPTIONS #{request.ruri}")
    uac.route(request)
  end

  def stop_relay
    Process.kill("TERM", @relay)
    @children.delete(@relay)
    @relay_status = Process.wait2(@relay).last
  end

  def conclude
    missing = @scenes.reject(&:complete?)
    missing.each { |scene| puts "", "MISSING in \"#{scene.title}\": #{scene.missing}" }
    puts "", "The relay did not end in order: #{@relay_status}" unless @relay_status.success?
    good = missing.empty? && @relay_status.success?
    puts "", good ? "Everything expected happened in #{@scenes.size} scenes, and the relay ended in order." : "FAILED"
    good
  end

  def end_child(pid)
    Process.kill("KILL", pid)
    Process.wait(pid)
  rescue Errno::ESRCH, Errno::ECHILD
    nil
  end
end

picture = ARGV[1] if ARGV.first == "--svg"
exit Demo.new(picture).run
