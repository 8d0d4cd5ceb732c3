# frozen_string_literal: true

# rubocop:disable Lint/IncompatibleIoSelectWithFiberScheduler -- this scheduler knows IO.select

require "io/wait"
require "net/http"
require "socket"
require "tempfile"
require_relative "../../support/scheduled_events"

RSpec.describe "Sockets, pipes and files, with the Fiber scheduler of the dispatcher", :native do
  include ScheduledEvents

  before { start_scheduled }

  # The descriptors of this process.
  def open_descriptors
    Dir.children("/proc/self/fd").size
  end

  it "a read waits for its peer" do
    ours, theirs = UNIXSocket.pair
    result = in_event { ours.gets }
    expect_to_wait(result)
    theirs.puts "a line"
    expect(result.pop).to eq("a line\n")
  end

  it "a read waits for the end of a pipe" do
    reader, writer = IO.pipe
    result = in_event { reader.read }
    writer << "text"
    expect_to_wait(result)
    writer.close
    expect(result.pop).to eq("text")
  end

  it "a read meets the error of its descriptor" do
    ours = UDPSocket.new
    ours.connect("127.0.0.1", dead_port)
    result = in_event { ours.recv(1) }
    expect_to_wait(result)
    ours.send("x", 0)
    expect(result.pop).to be_a(Errno::ECONNREFUSED)
  end

  it "a write waits for room" do
    ours, theirs = UNIXSocket.pair
    text = "x" * 1_000_000
    result = in_event { ours.write(text) }
    expect_to_wait(result)
    expect(theirs.read(text.size)).to eq(text)
    expect(result.pop).to eq(text.size)
  end

  it "a server waits for clients and serves many at the same time" do
    server = TCPServer.new("127.0.0.1", 0)
    port = server.local_address.ip_port
    accepting = in_event { Array.new(20) { server.accept } }
    expect_to_wait(accepting)
    clients = Array.new(20) { in_event { TCPSocket.open("127.0.0.1", port).gets } }
    sockets = accepting.pop
    expect_to_wait(*clients)
    sockets.each_with_index { |socket, number| socket.puts number }
    expect(clients.map(&:pop)).to match_array((0...20).map { |number| "#{number}\n" })
  end

  it "two events may wait for the same descriptor" do
    ours, theirs = UNIXSocket.pair
    results = [in_event { ours.wait_readable.class }, in_event { ours.wait_readable.class }]
    expect_to_wait(*results)
    theirs << "x"
    expect(results.map(&:pop)).to eq([UNIXSocket, UNIXSocket])
  end

  it "one event may wait for its input while another waits for room in it" do
    ours, theirs = UNIXSocket.pair
    reading = in_event { ours.readpartial(10) }
    writing = in_event { ours.write("x" * 1_000_000) }
    expect_to_wait(reading, writing)
    theirs << "input"
    expect(reading.pop).to eq("input")
    expect_to_wait(writing)
    theirs.read(1_000_000)
    writing.pop
  end

  it "a wait has a limit by the engine's clock" do
    OverSIP::Testing.freeze
    ours, theirs = UNIXSocket.pair
    result = in_event { ours.wait_readable(3) }
    expect_to_wait(result)
    OverSIP::Testing.advance(3)
    expect(result.pop).to be_nil
    theirs << "x"
    expect(in_event { ours.wait_readable(3) }.pop).to equal(ours)
  end

  it "a descriptor that is closed meanwhile ends its wait, whoever closes it" do
    closers = [->(socket) { socket.close }, ->(socket) { in_event { socket.close }.pop }]
    errors = closers.map do |close|
      ours, _theirs = UNIXSocket.pair
      result = in_event { ours.gets }
      expect_to_wait(result)
      close.call(ours)
      result.pop
    end
    expect(errors).to all(be_a(IOError))
  end

  it "a descriptor is closed by a thread for which the dispatcher waits" do
    ours, _theirs = UNIXSocket.pair
    result = in_event { ours.gets }
    expect_to_wait(result)
    allow(OverSIP::Dispatcher).to receive(:warn_of_held_up)
    # Ruby may interrupt it.
    in_event { Fiber.new { Thread.new { ours.close }.join }.resume }.pop
    expect(ours).to be_closed
    expect(result.pop).to be_a(IOError)
  end

  it "a descriptor that has its number afterwards is another one" do
    ours, _theirs = UNIXSocket.pair
    number = ours.fileno
    result = in_event { ours.gets }
    expect_to_wait(result)
    ours.close
    others = Array.new(4) { UNIXSocket.pair }.flatten
    expect(others.map(&:fileno)).to include(number)
    expect(result.pop).to be_a(IOError)
  end

  it "keeps no descriptor open" do
    in_event { Array.new(2) { IO.pipe } && nil }.pop
    GC.start
    dispatcher_caught_up
    OverSIP::Testing.freeze
    before = open_descriptors
    20.times do
      reader, writer = IO.pipe
      result = in_event { reader.wait_readable && reader.close }
      writer.close
      result.pop
      reader, writer = IO.pipe
      result = in_event { reader.wait_readable(1) }
      expect_to_wait(result)
      OverSIP::Testing.advance(1)
      expect(result.pop).to be_nil
      [reader, writer].each(&:close)
    end
    eventually { open_descriptors <= before }
  end

  it "a regular file is read at once, and is always ready" do
    file = Tempfile.new("oversip").tap { |created| created.write("text") && created.rewind }
    expect(in_event { [file.wait_readable.class, file.read, File.read(file.path), IO.select([file.to_io]).flatten.size] }.pop)
      .to eq([File, "text", "text", 1])
  end

  describe "IO.select" do
    it "waits for the first of several" do
      pairs = Array.new(3) { UNIXSocket.pair }
      ours = pairs.map(&:first)
      result = in_event { IO.select(ours, nil, nil) }
      expect_to_wait(result)
      pairs[1].last << "x"
      expect(result.pop).to eq([[ours[1]], [], []])
    end

    it "is also Kernel#select" do
      reader, writer = IO.pipe
      results = [in_event { select([reader], nil, nil) }, in_event { Kernel.select([reader], nil, nil) }]
      expect_to_wait(*results)
      writer << "x"
      expect(results.map(&:pop)).to eq([[[reader], [], []]] * 2)
    end

    it "tells readable and writable ones" do
      ours, theirs = UNIXSocket.pair
      theirs << "x"
      expect(in_event { IO.select([ours], [ours], [ours], 5) }.pop).to eq([[ours], [ours], []])
    end

    it "has a limit by the engine's clock" do
      OverSIP::Testing.freeze
      ours, = UNIXSocket.pair
      results = [in_event { IO.select([ours], nil, nil, 3) }, in_event { IO.select(nil, nil, nil, 3) }]
      expect_to_wait(*results)
      OverSIP::Testing.advance(3)
      expect(results.map(&:pop)).to eq([nil, nil])
    end

    it "waits for urgent data until its limit, and holds up nobody, when the peer hangs up" do
      ours, theirs = UNIXSocket.pair
      OverSIP::Testing.freeze
      result = in_event { IO.select(nil, nil, [ours], 3) }
      expect_to_wait(result)
      theirs.close
      other = mailbox
      OverSIP.schedule(after: 1) { other << :told }
      OverSIP::Testing.advance(1)
      expect(other.pop).to eq(:told)
      OverSIP::Testing.advance(2)
      expect(result.pop).to be_nil
    end

    it "does not wait with a limit of 0" do
      ours, = UNIXSocket.pair
      expect(in_event { IO.select([ours], nil, nil, 0) }.pop).to be_nil
    end
  end

  describe "processes and names" do
    it "a child is waited for" do
      reader, writer = IO.pipe
      result = in_event { system("read line; exit 3", in: reader) || Process.last_status.exitstatus }
      expect_to_wait(result)
      writer.puts "a line"
      expect(result.pop).to eq(3)
    end

    it "its output is" do
      reader, writer = IO.pipe
      result = in_event { IO.popen("cat", in: reader, &:read) }
      expect_to_wait(result)
      writer << "text"
      writer.close
      expect(result.pop).to eq("text")
    end

    it "a child that there is not is an error, as ever" do
      expect(in_event { Process.wait((2**22) - 1) }.pop).to be_a(Errno::ECHILD)
    end

    it "a name is looked up on a thread of the pool" do
      gate = Thread::Queue.new
      addresses = Addrinfo.method(:getaddrinfo)
      allow(Addrinfo).to receive(:getaddrinfo) { |*arguments| gate.pop && addresses.call(*arguments) }
      result = in_event { TCPSocket.open("localhost", dead_port) }
      expect_to_wait(result)
      gate << :go
      expect(result.pop).to be_a(Errno::ECONNREFUSED)
    end

    it "a name without an address is an error, as ever" do
      expect(in_event { TCPSocket.open("nobody.invalid", 5060) }.pop).to be_a(SocketError)
    end
  end

  describe "Net::HTTP" do
    # Answers when it is told to.
    def http_server(gate)
      TCPServer.new("127.0.0.1", 0).tap do |server|
        Thread.new do
          while (socket = server.accept)
            nil until socket.gets.chomp.empty?
            socket << "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n#{gate.pop}"
            socket.close
          end
        end
      end
    end

    it "waits for its answer" do
      gate = Thread::Queue.new
      port = http_server(gate).local_address.ip_port
      result = in_event { Net::HTTP.get(URI("http://localhost:#{port}/")) }
      eventually { gate.num_waiting == 1 }
      expect_to_wait(result)
      gate << "text"
      expect(result.pop).to eq("text")
    end

    it "gives up at its limit" do
      gate = Thread::Queue.new
      port = http_server(gate).local_address.ip_port
      OverSIP::Testing.freeze
      result = in_event { Net::HTTP.start("127.0.0.1", port, read_timeout: 7, max_retries: 0) { |http| http.get("/") } }
      eventually { gate.num_waiting == 1 }
      expect_to_wait(result)
      OverSIP::Testing.advance(7)
      expect(result.pop).to be_a(Net::ReadTimeout)
    end
  end
end
# rubocop:enable Lint/IncompatibleIoSelectWithFiberScheduler
