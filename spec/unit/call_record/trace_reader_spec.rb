# frozen_string_literal: true

require "oversip/call_record"
require "oversip/command_line/call_text"
require_relative "../../support/golden_calls"
require_relative "../../support/recorded_calls"
require_relative "../../support/trace_rows"

RSpec.describe OverSIP::CallRecord::TraceReader do
  include RecordedCalls

  def read(*rows, **head)
    described_class.new.read(TraceRows.lines([TraceRows.head_row(**head), *rows]))
  end

  # A row of a message of the call "1".
  def message_row(direction, first_line, remote:, at: 0.0, local: "192.0.2.100:5060", from: "<sip:alice@example.com>;tag=a",
                  to: "<sip:bob@example.com>", **others)
    bytes = "#{first_line}\r\nFrom: #{from}\r\nTo: #{to}\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n"
    { kind: "message", call_id: "1", at:, direction:, transport: "udp", local:, remote:, fate: "sent", bytes: [bytes].pack("m0"), **others }
  end

  # Everything but the names of parties and what a server cannot know: what is lost on the network.
  def nameless(record)
    document = OverSIP::CallRecord::Json.new(record).to_h.fetch("calls")
    document.map do |call|
      events = call["events"].reject do |event|
        event["kind"] == "note" || (event["receiver"] == "oversip" && event["sender"] != "oversip" && event["fate"] == "lost")
      end
      [call["call_id"], events.map { |event| event.except("sender", "receiver", "branch", "fate", "retransmission") }]
    end
  end

  it "tells calls apart whose Call-IDs differ in bytes that are no UTF-8" do
    rows = ["a\xFFb".b, "a\xFEb".b].map do |call_id|
      bytes = "#{RecordedCalls::INVITE}\r\nCall-ID: ".b + call_id + "\r\nCSeq: 1 INVITE\r\n\r\n".b
      row = message_row("in", "", remote: "192.0.2.1:5060")
      { **row, call_id: "a\u{FFFD}b", id: [call_id].pack("m0").tr("+/", "-_").delete("="), bytes: [bytes].pack("m0") }
    end
    reader = read(*rows, { kind: "left_out", call_id: "a\u{FFFD}b", id: rows.last[:id], events: 1, bytes: 1 })
    record = reader.record
    expect(reader.call_ids).to eq(["a\xFFb".b, "a\xFEb".b])
    expect(record.calls.transform_values { |call| call.events.size }).to eq("a\xFFb".b => 1, "a\xFEb".b => 2)
    expect([record.for("a\xFEb").events.size, record.select(call_id: "a\xFEb").events.size]).to eq([2, 2])
  end

  it "has one name for a call, whatever else its messages have" do
    call_id = "né"
    rows = ["", "Subject: \xFF\r\n"].map do |field|
      bytes = "#{RecordedCalls::INVITE}\r\nCall-ID: #{call_id}\r\n".b + field.b + "CSeq: 1 INVITE\r\n\r\n".b
      { **message_row("in", "", remote: "192.0.2.1:5060"), call_id: call_id, bytes: [bytes].pack("m0") }
    end
    expect(read(*rows).record.calls.keys).to eq([call_id])
  end

  GoldenCalls::CALLS.each_key do |name|
    it "makes the same record of the rows of the golden call #{name}, but for names", :native do
      record = GoldenCalls.record(name)
      read = described_class.new.read(TraceRows.of(record)).record
      expect(nameless(read)).to eq(nameless(record))
    end
  end

  it "knows when the clock of the rows stood at 0" do
    expect(read.record.began_at).to eq(Time.at(1_764_322_222, 250_000))
    expect(read.record.with_zero_at(1.5).began_at).to eq(Time.at(1_764_322_223, 750_000))
  end

  describe "names of parties" do
    def parties(*rows)
      read(*rows).record.summaries.first.parties
    end

    let(:invite) { "INVITE sip:bob@example.com SIP/2.0" }
    let(:incoming) { message_row("in", invite, remote: "198.51.100.1:5060") }

    it "are the user of From, and of the Request-URI that was sent there" do
      expect(parties(incoming, message_row("out", invite, remote: "192.0.2.1:5060"))).to eq(%w[alice oversip bob])
    end

    it "are addresses where a user would be at two of them, or an address would have two users" do
      expect(parties(incoming, message_row("out", invite, remote: "192.0.2.1:5060"), message_row("out", invite, remote: "192.0.2.2:5060")))
        .to eq(%w[alice oversip 192.0.2.1:5060 192.0.2.2:5060])
      expect(parties(incoming, message_row("in", invite, remote: "198.51.100.1:5060", from: "<sip:carol@example.com>;tag=c"),
                     message_row("out", invite, remote: "192.0.2.1:5060"))).to eq(%w[198.51.100.1:5060 oversip bob])
    end

    it "do not come from requests in a dialog, whose URIs are contacts" do
      expect(parties(message_row("in", "BYE sip:x7@192.0.2.9 SIP/2.0", remote: "198.51.100.1:5060", to: "<sip:bob@example.com>;tag=b")))
        .to eq(%w[198.51.100.1:5060 oversip])
    end

    it "are no name of the element, and nothing that a terminal does not show" do
      expect(parties(message_row("in", invite, remote: "198.51.100.1:5060", from: "<sip:oversip@example.com>;tag=a")))
        .to eq(%w[198.51.100.1:5060 oversip])
      name = parties(message_row("in", invite, remote: "198.51.100.1:5060", from: "<sip:a\e[2Jb@example.com>;tag=a")).first
      expect(name).to eq('a\x1B[2Jb')
    end

    it "have no passwords" do
      expect(parties(message_row("in", invite, remote: "198.51.100.1:5060", from: "<sip:alice:secret@example.com>;tag=a")).first).to eq("alice")
    end
  end

  it "has one message for what the element sends to itself, and marks what is sent again" do
    way = { local: "192.0.2.100:5060", remote: "192.0.2.100:5060" }
    line = "INVITE sip:bob@example.com SIP/2.0"
    record = read(message_row("in", line, remote: "198.51.100.1:5060"), message_row("out", line, **way), message_row("in", line, **way),
                  message_row("out", line, at: 0.5, **way), message_row("in", line, at: 0.5, **way)).record
    expect(record.messages.map { |message| [message.at, message.sender, message.receiver, message.retransmission?] })
      .to eq([[0.0, "alice", "oversip", false], [0.0, "oversip", "oversip", false], [0.5, "oversip", "oversip", true]])
  end

  it "has the fates of messages" do
    record = read(message_row("out", "INVITE sip:bob@example.com SIP/2.0", remote: "192.0.2.1:5060", fate: "refused")).record
    expect(record.messages.map { |message| [message.fate, message.arrives?] }).to eq([[:refused, false]])
  end

  it "has an address for the element also where a message did not leave" do
    invite = "INVITE sip:bob@example.com SIP/2.0"
    refused = message_row("out", invite, remote: "192.0.2.1:5060", local: nil, fate: "refused")
    expect(read(message_row("in", invite, remote: "198.51.100.1:5060"), refused).record.messages.last)
      .to have_attributes(sender: "oversip", from: "192.0.2.100:5060", receiver: "bob")
    expect(read(refused).record.messages.last).to have_attributes(sender: "oversip", from: "0.0.0.0:0", receiver: "bob")
  end

  it "has blocks with what they have raised" do
    record = read(message_row("in", "INVITE sip:bob@example.com SIP/2.0", remote: "198.51.100.1:5060"),
                  { kind: "block", call_id: "1", at: 0.1, event: "on_request", subject: "INVITE", file: "/srv/server.rb", line: 3, duration: 0.2,
                    exception: { class: "KeyError", message: "key not found: :bob" } }).record
    shown = OverSIP::CallRecord::TextLadder.new(OverSIP::CallRecord::Redaction.new.call(record), width: 120).to_s
    expect(shown).to include("* on_request INVITE (server.rb:3, 200 ms)", "raised KeyError: key not found: :bob")
    expect(record.summaries.first.causes).to eq(["on_request server.rb:3 raised KeyError: key not found: :bob"])
    expect(OverSIP::CallRecord::Json.new(record).to_h["calls"][0]["events"][1]["exception"])
      .to eq("class" => "KeyError", "message" => "key not found: :bob")
  end

  {
    { kind: "answered", status: 404, by: "script" } => "the script answers 404",
    { kind: "answered", status: 408, by: "element" } => "oversip itself answers 408",
    { kind: "answered", status: 200, by: "relayed" } => nil,
    { kind: "received", method: "INVITE" } => nil,
    { kind: "progress", status: 180, seconds: 0.1 } => nil,
    { kind: "something new" } => nil,
    { kind: "dropped_response", status: 486 } => "drop_response: the 486 goes no further",
    { kind: "passed_over", target: "udp:192.0.2.1:5060" } => "udp:192.0.2.1:5060 is blacklisted and passed over",
    { kind: "blacklisted", target: "udp:192.0.2.1:5060" } => "udp:192.0.2.1:5060 is blacklisted",
    { kind: "left_out", events: 3, bytes: 4000 } => "3 more events of this call (4000 bytes) were left out: it has its share of trace[bytes]"
  }.each do |row, words|
    it "says for the row #{row}: #{words || "nothing"}" do
      expect(read({ call_id: "1", at: 0.0, **row }).record.events.map(&:text)).to eq([words].compact)
    end
  end

  it "says how a target ended, and how long a look-up took" do
    target = { call_id: "1", at: 0.0, target: "udp:192.0.2.1:5060", method: "INVITE", branch: "z9hG4bK1" }
    record = read({ kind: "attempt", **target }, { kind: "attempt_ended", **target, outcome: "timeout", status: nil },
                  { kind: "resolution", call_id: "1", at: 0.0, question: "sip:example.com", targets: [], seconds: 1.25 }).record
    expect(record.events.map { |event| event.respond_to?(:outcome) ? event.outcome : event.duration }).to eq([:timeout, 1.25])
    expect(OverSIP::CallRecord::TextLadder.new(record, width: 120).to_s).to include("DNS: sip:example.com -> no target (1250 ms)")
  end

  it "gives a call what happens to its own connections and targets in its time, and nothing of others" do
    used = message_row("out", "INVITE sip:bob@example.com SIP/2.0", remote: "192.0.2.1:5060", at: 1.0, transport: "tcp")
    opened = { kind: "flow_opened", at: 1.0, peer: "tcp:192.0.2.1:5060", local: "192.0.2.100:5060", inbound: false, call_id: nil }
    record = read(used, used.merge(at: 2.5, transport: "tls"), used.merge(at: 3.0), opened, opened.merge(peer: "tcp:192.0.2.2:5060"), opened.merge(at: 99.0),
                  opened.merge(handshake: 0.25, at: 1.5, peer: "tls:192.0.2.1:5060"), opened.merge(handshake: 0.05, at: 1.6, peer: "tls:192.0.2.1:5060"),
                  { kind: "flow_closed", at: 2.0, peer: "tcp:192.0.2.1:5060" }).record
    expect(record.events.grep(OverSIP::CallRecord::Note).map { |note| [note.at, note.call_id, note.text] })
      .to eq([[1.0, "1", "connection to tcp:192.0.2.1:5060 opened"], [1.5, "1", "connection to tls:192.0.2.1:5060 opened, TLS handshake of 250 ms"],
              [1.6, "1", "connection to tls:192.0.2.1:5060 opened"], [2.0, "1", "connection with tcp:192.0.2.1:5060 closed"]])
  end

  it "gives a call the connection that was opened for it, and one that was lost while it waited" do
    opened = { kind: "flow_opened", at: 0.5, peer: "tls:198.51.100.1:40000", local: "192.0.2.100:5061", inbound: true, handshake: 0.3, call_id: nil }
    closed = { kind: "flow_closed", at: 25.0, peer: "tls:198.51.100.1:40000", call_id: nil }
    invite = message_row("in", "INVITE sip:bob@example.com SIP/2.0", remote: "198.51.100.1:40000", at: 1.0, transport: "tls")
    texts = lambda do |*rows|
      call = read(*rows).record.summaries.first
      [call.began_at, call.ended_at, call.record.events.grep(OverSIP::CallRecord::Note).map(&:text)]
    end
    handshake = "connection from tls:198.51.100.1:40000 opened, TLS handshake of 300 ms"
    expect(texts.call(opened, invite, closed)).to eq [1.0, 1.0, [handshake, "connection with tls:198.51.100.1:40000 closed"]]
    expect(texts.call(opened, invite, closed.merge(at: 40.0))).to eq [1.0, 1.0, [handshake]]
    answer = message_row("out", "SIP/2.0 486 Busy Here", remote: "198.51.100.1:40000", at: 2.0, transport: "tls")
    expect(texts.call(opened.merge(at: -1.0), invite, answer, closed)).to eq [1.0, 2.0, []]
    expect(texts.call(closed.merge(at: 0.9), invite, answer)).to eq [1.0, 2.0, []]
  end

  it "gives a call nothing of connections to the same address by another transport" do
    invite = message_row("out", "INVITE sip:bob@example.com SIP/2.0", remote: "192.0.2.1:5060", at: 1.0)
    record = read({ kind: "flow_opened", at: 0.5, peer: "tcp:192.0.2.1:5060", local: "192.0.2.100:40000", inbound: false, call_id: nil }, invite,
                  invite.merge(at: 2.0), { kind: "flow_closed", at: 1.5, peer: "tcp:192.0.2.1:5060", call_id: nil }).record
    expect(record.events.grep(OverSIP::CallRecord::Note)).to be_empty
  end

  it "has calls in the order of their beginning, whenever their connections were opened" do
    later = message_row("in", "INVITE sip:bob@example.com SIP/2.0", remote: "198.51.100.1:40000", at: 1.0, transport: "tcp", call_id: "later")
    later[:bytes] = [later[:bytes].unpack1("m").sub("Call-ID: 1", "Call-ID: later")].pack("m0")
    record = read({ kind: "flow_opened", at: 0.1, peer: "tcp:198.51.100.1:40000", local: "192.0.2.100:5060", inbound: true, call_id: nil }, later,
                  message_row("in", "INVITE sip:bob@example.com SIP/2.0", remote: "198.51.100.2:5060", at: 0.5)).record
    expect([record.calls.keys, record.summaries.map(&:call_id), record.select(last: 1).calls.keys]).to eq([%w[1 later], %w[1 later], %w[later]])
    expect(OverSIP::CommandLine::CallText.new(record.summaries.last, 100, false).to_s).to match(/-0\.900 .*# connection from.*^ +0\.000 /m)
  end

  it "brings together a call whose Call-ID is no UTF-8, of which the rows have something else" do
    bytes = "OPTIONS sip:bob@example.com SIP/2.0\r\nCall-ID: a\xFFb\r\nCSeq: 1 OPTIONS\r\n\r\n".b
    record = read({ kind: "message", call_id: "a\uFFFDb", at: 0.0, direction: "in", transport: "udp", local: "192.0.2.100:5060",
                    remote: "198.51.100.1:5060", fate: "sent", bytes: [bytes].pack("m0") },
                  { kind: "block", call_id: "a\uFFFDb", at: 0.0, event: "on_request", subject: "OPTIONS" }).record
    expect(record.calls.keys).to eq(["a\xFFb".b])
  end

  it "refuses what it cannot read, and shows it without harm" do
    [["{\"kind\":", /no JSON: \{"kind":/], ["[1]", /no JSON object: \[1\]/], ["\e[2J", /no JSON: \\x1B\[2J/]].each do |line, message|
      expect { described_class.new.read("#{line}\n") }.to raise_error(OverSIP::RuntimeError, message)
    end
    expect { described_class.new.read(TraceRows.lines([TraceRows.head_row(rows: 2)])) }
      .to raise_error(OverSIP::RuntimeError, /rows of version 2, this program knows version 1/)
    expect { described_class.new.read("\n").record }.to raise_error(OverSIP::RuntimeError, /no head/)
  end

  it "follows a call row by row, as it would read it at once", :native do
    record = GoldenCalls.record("failover")
    reader = described_class.new
    TraceRows.of(record).each_line { |line| reader.follow(line) }
    call_id = record.calls.keys.first
    at_once = described_class.new.read(TraceRows.of(record)).record(record.calls.keys)
    shown = [reader.followed_call(call_id).record, at_once].map { |read| nameless(read) }
    expect(shown.first).to eq(shown.last)
    reader.keep_last(0)
    expect(reader.followed_call(call_id).call).to be_nil
  end

  it "keeps the last events of a call that never ends" do
    stub_const("OverSIP::CallRecord::TraceReader::FollowedCall::MOST", 3)
    reader = described_class.new
    reader.follow(TraceRows.lines([TraceRows.head_row]))
    kept = Array.new(8) do |at|
      reader.follow(TraceRows.lines([{ kind: "timer", call_id: "1", at: at.to_f, name: "F" }]))
      reader.followed_call("1").record.events.map(&:at)
    end
    expect(kept.map(&:size)).to eq([1, 2, 3, 4, 5, 3, 4, 5])
    expect(kept.last).to eq([3.0, 4.0, 5.0, 6.0, 7.0])
  end
end
