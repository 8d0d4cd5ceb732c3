# frozen_string_literal: true

require_relative "../../support/asked_server"

RSpec.describe "oversip status" do
  include AskedServer

  def page(*arguments, **facts)
    server("/status" => status(**facts))
    oversip("status", *arguments)
  end

  it "is a page whose first line is that of a monitoring plugin" do
    out, error, status = page
    expect([error, status]).to eq(["", 0])
    expect(out).to eq(<<~TEXT)
      OK: oversip 3.0.0, process 4711, running for 3 h 0 min
      calls    56 not answered yet, 12345 since the start
      ended    11800 answered, 7 redirected, 120 cancelled,
               205 failed (200 4xx, 5 without a response)
      script   0 events wait, suspended fibers 3
      trace    10 of 1000 calls, 120 KiB of 16 MiB

      target              tried  answered  failed  timeouts   time      last
      udp:192.0.2.1:5060    800       700      60        40  34 ms   timeout
      tls:192.0.2.2:5061   8000      7000      60         0  1.2 s  answered

      why calls failed        calls
      486 Busy Here, relayed    120
      timeout                    20

      slowest blocks           runs    mean  longest  raised
      on_error server.rb:40      10    1 ms   500 ms       0
      on_request server.rb:12  1000  1.5 ms   234 ms       2
    TEXT
  end

  listed = AskedServer::STATUS[:targets].map { |target| target.merge(blacklisted: target[:target].start_with?("udp")) }
  {
    "a target is blacklisted" => [{ targets: listed }, 1, "WARNING", "blacklisted: udp:192.0.2.1:5060"],
    "an event waits" => [{ queue: { events: 3, oldest_seconds: 1.5 } }, 1, "WARNING", "an event has waited for the script for 1.5 s"],
    "an event waits for long" => [{ queue: { events: 3, oldest_seconds: 12.0 } }, 2, "CRITICAL", "an event has waited for the script for 12.0 s"],
    "a block runs for long" => [{ queue: { events: 0, oldest_seconds: 0.0, running_seconds: 11.04 } }, 2, "CRITICAL", "a block has run for 11.0 s and holds up all others"],
    "a block keeps the interpreter" => [{ script: nil, queue: { events: 0, oldest_seconds: 0.0, running_seconds: 0.95 } }, 2, "CRITICAL",
                                        "Ruby has not answered within a second: a block computes or waits without"],
    "something else keeps the interpreter" => [{ script: nil }, 2, "CRITICAL",
                                               "Ruby has not answered within a second: no event's block has run that long"],
    "it ends" => [{ status: "terminating" }, 1, "WARNING", "it is terminating"],
    "a HEP collector is away" => [{ hep: [{ collector: "tcp:192.0.2.9:9060", sent: 1, dropped: 2, connected: false }] }, 1, "WARNING",
                                  "no connection with the HEP collector tcp:192.0.2.9:9060"]
  }.each do |state, (facts, status, word, reason)|
    it "is #{word} when #{state}" do
      out, error, exit_status = page(**facts)
      expect([error, exit_status]).to eq(["", status])
      expect(out).to start_with("#{word}: oversip 3.0.0").and include("\n- #{reason}")
      @monitor.close
      File.delete(socket)
      expect(page("--json", **facts).last).to eq(status)
    end
  end

  it "says how long the certificate is valid" do
    now = AskedServer::STATUS[:now]
    expect(page(certificate: { not_after: now + (20 * 86_400) + 7200 }).first).to include("\nTLS      the certificate is valid for 20 d 2 h\n")
    @monitor.close
    File.delete(socket)
    expect(page(certificate: { not_after: now - 1 }).first).to include("\nTLS      the certificate has ended\n")
  end

  it "is as bad as the worst of several reasons" do
    expect(page(script: nil, queue: { events: 1, oldest_seconds: 2 })).to match([/\ACRITICAL: .*\n- Ruby has.*\n.*\n?- an event/, "", 2])
  end

  it "says how long a block runs" do
    expect(page(queue: { events: 2, oldest_seconds: 0.25, running_seconds: 0.3 }).first).to include("script   2 events wait, the oldest for 250 ms, a block runs for 300 ms")
  end

  it "has all of it as JSON" do
    expect(JSON.parse(page("--json").first)).to eq(JSON.parse(status))
  end

  it "has its exit status also for who does not read it" do
    server("/status" => status(script: nil, stats: { long: "x" * 100_000 }))
    reader, writer = IO.pipe
    reader.close
    former = $stdout
    $stdout = writer
    expect(OverSIP::CommandLine.run(["status", "--json", "--socket", socket], program: "oversip")).to eq(2)
  ensure
    $stdout = former
    begin
      writer.close
    rescue Errno::EPIPE
      nil # what was left in its buffer
    end
  end

  it "shows a server that knows less, and names that a terminal would obey" do
    server("/status" => JSON.generate(status: "running", script: {}, version: "\e[2J", targets: [{ target: "\u202E" }], causes: [{ cause: "\e]0;" }], blocks: [{}]))
    out, error, status = oversip("status")
    expect([error, status]).to eq(["", 0])
    expect(out).to include("trace    off").and match(/\A[^\e\u202E]+\z/)
  end

  it "tells targets apart where there is no room for their names" do
    target = AskedServer::STATUS[:targets].first
    out, = page(targets: [25_070, 25_079].map { |port| { **target, target: "udp:[2001:db8::ffff:0:1]:#{port}" } })
    expect(out.scan(/^udp:.*?(?= )/)).to eq(%w[udp:[2001:db8:..ff:0:1]:25070 udp:[2001:db8:..ff:0:1]:25079])
  end

  it "is critical when the server hangs" do
    stub_const("OverSIP::MonitorClient::LIMIT", 0.05)
    hanging = UNIXServer.new(socket)
    expect(oversip("status")).to eq(["CRITICAL: the server at #{socket} does not answer within 0.05 s\n", "", 2])
  ensure
    hanging&.close
  end

  it "is critical when no server runs" do
    expect(oversip("status")).to eq(["CRITICAL: no server runs with the socket #{socket}\n", "", 2])
    UNIXServer.new(socket).close
    expect(oversip("status")).to eq(["CRITICAL: nobody listens at #{socket}: the server has ended\n", "", 2])
  end

  it "is unknown when the socket is none of a server" do
    File.write(socket, "")
    expect(oversip("status")).to match([/\A(?:UNKNOWN|CRITICAL): /, "", be_between(2, 3)])
    File.delete(socket)
    { "/status" => "[]", "/statu" => "" }.each_with_index do |(page, body), index|
      @monitor = FakeMonitor.new("#{socket}#{index}", page => body)
      expect(oversip("status", socket: "#{socket}#{index}")).to match([/\AUNKNOWN: /, "", 3])
      @monitor.close
    end
  end
end
