# frozen_string_literal: true

require "stringio"
require "tmpdir"
require "oversip/command_line"
require_relative "fake_monitor"
require_relative "recorded_calls"
require_relative "trace_rows"

# Commands of `oversip` that ask a server, in the process of the spec, and a server that they ask.
module AskedServer
  include RecordedCalls

  STATUS = {
    version: "3.0.0", pid: 4711, name: "oversip", status: "running", began_at: 1_764_322_222.0, now: 1_764_333_022.0,
    stats: {}, script: { suspended_fibers: 3 },
    calls: { begun: 12_345, in_progress: 56, answered: 11_800, cancelled: 120, redirected: 7, failed: { "4xx": 200, none: 5 } },
    causes: [{ cause: "timeout", count: 20 }, { cause: "486 Busy Here", by: "relayed", count: 120 }],
    targets: [{ target: "udp:192.0.2.1:5060", attempts: 800, answered: 700, failed: 60, timeouts: 40, last: "timeout", seconds: 0.034, blacklisted: false },
              { target: "tls:192.0.2.2:5061", attempts: 8000, answered: 7000, failed: 60, timeouts: 0, last: "answered", seconds: 1.234, blacklisted: false }],
    blocks: [{ event: "on_request", place: "/etc/oversip/server.rb:12", count: 1000, seconds: 1.5, longest: 0.234, exceptions: 2 },
             { event: "on_error", place: "/etc/oversip/server.rb:40", count: 10, seconds: 0.01, longest: 0.5, exceptions: 0 }],
    queue: { events: 0, oldest_seconds: 0.0 }, trace: { calls: 10, bytes: 123_456, most_calls: 1000, most_bytes: 16_777_216 }, hep: []
  }.freeze

  def self.included(group)
    group.around { |example| Dir.mktmpdir("oversip") { |dir| (@dir = dir) && example.run } }
    group.after { @monitor&.close }
  end

  # A server that has these pages.
  #
  # @return [FakeMonitor]
  def server(pages)
    @monitor = FakeMonitor.new(socket, pages)
  end

  # A server that keeps a trace of these calls.
  def tracing(*records)
    rows = records.flat_map { |record| TraceRows.rows(record) }
    server("/trace" => lambda do |query|
      ids = rows.map { |row| row[:call_id] }.compact.uniq
      ids = ids.last(query["last"].to_i) if query["last"]
      ids &= [query["call_id"]] if query["call_id"]
      ids &= [query["id"].tr("-_", "+/").unpack1("m")] if query["id"]
      TraceRows.lines([TraceRows.head_row(calls: ids.size), *rows.select { |row| row[:call_id].nil? || ids.include?(row[:call_id]) }])
    end)
  end

  def status(**facts)
    JSON.generate({ **STATUS, **facts })
  end

  def socket
    File.join(@dir, "oversip.sock")
  end

  # @return [Array(String, String, Integer)] stdout, stderr and the exit status
  def oversip(*arguments, socket: self.socket)
    streams = [$stdout, $stderr]
    $stdout = StringIO.new
    $stderr = StringIO.new
    status = OverSIP::CommandLine.run([*arguments, *("--socket" if socket), *socket], program: "oversip")
    [$stdout.string.dup.force_encoding(Encoding::UTF_8), $stderr.string, status]
  ensure
    $stdout, $stderr = streams
  end

  # A call by one message each way.
  #
  # @param responses [Array<String>] status lines without the version
  # @return [OverSIP::CallRecord]
  def a_call(call_id, *responses, at: 0.0, method: :INVITE, to: "bob", took: 0.1)
    head = "From: <sip:alice@example.com>;tag=1\r\nTo: <sip:#{to}@example.com>\r\nCall-ID: #{call_id}\r\nCSeq: 1 #{method}\r\n\r\n"
    request = message(at, :alice, :oversip, bytes: "#{method} sip:#{to}@example.com SIP/2.0\r\n#{head}")
    call_record(request, *responses.map { |line| message(at + took, :oversip, :alice, bytes: "SIP/2.0 #{line}\r\n#{head}") })
  end
end
