# frozen_string_literal: true

require "oversip/call_record"
require_relative "../../support/recorded_calls"

RSpec.describe OverSIP::CallRecord::Json do
  include RecordedCalls

  def document(*events)
    JSON.parse(described_class.new(call_record(*events)).to_s)
  end

  def event(event)
    found = document(event)
    (found["events"] + found["calls"].flat_map { |call| call["events"] }).first
  end

  it "has calls with what is known of them and their events, and what belongs to no call" do
    found = document(*failover.events, note("of none", at: 1.0))
    expect(found).to match("version" => 1, "element" => "oversip", "began_at" => nil, "calls" => [an_instance_of(Hash)],
                           "events" => [{ "at" => 1.0, "kind" => "note", "text" => "of none", "party" => nil }])
    expect(found["calls"].first).to include("call_id" => "1", "method" => "INVITE", "ruri" => "sip:bob@example.com", "from" => nil, "status" => 200, "reason" => "OK",
                                            "outcome" => "success", "began_at" => 0.0, "duration" => 34.0, "waiting_time" => 34.0, "parties" => %w[alice oversip gw1.example gw2.example],
                                            "causes" => ["udp:192.0.2.1:5060: timeout", "Timer B ends the INVITE: no response"])
    expect(found["calls"].first["events"].map { |event| event["kind"] }.tally)
      .to eq("message" => 14, "block" => 2, "resolution" => 1, "attempt" => 2, "timer" => 1)
  end

  kinds = {
    "a request" => [->(s) { s.message(0.5, :alice, :oversip, fate: :lost) },
                    { "at" => 0.5, "kind" => "message", "sender" => "alice", "receiver" => "oversip", "transport" => "udp", "from" => "198.51.100.1:5060",
                      "to" => "192.0.2.100:5060", "fate" => "lost", "retransmission" => false, "method" => "INVITE", "ruri" => "sip:bob@example.com",
                      "text" => "INVITE sip:bob@example.com SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n" }],
    "a response" => [->(s) { s.message(0.5, :alice, nil, "SIP/2.0 486 Busy Here") },
                     { "receiver" => nil, "method" => "INVITE", "status" => 486, "reason" => "Busy Here" }],
    "bytes that are not UTF-8" => [->(s) { s.message(0.0, :alice, :oversip, bytes: "\xff\x00") }, { "base64" => "/wA=", "method" => nil }],
    "a block" => [->(s) { s.block(:on_request, subject: "INVITE", duration: 0.25, exception: ArgumentError.new("no\xff")) },
                  { "kind" => "block", "event" => "on_request", "subject" => "INVITE", "file" => "/srv/sip/server.rb", "line" => 12, "duration" => 0.25,
                    "exception" => { "class" => "ArgumentError", "message" => "no\\xFF" } }],
    "a block that raises nothing" => [->(s) { s.block(:on_request) }, { "duration" => nil, "exception" => nil }],
    "an attempt" => [->(s) { s.attempt("udp:192.0.2.1:5060", :timeout) }, { "kind" => "attempt", "target" => "udp:192.0.2.1:5060", "method" => "INVITE", "outcome" => "timeout" }],
    "an attempt with an answer" => [->(s) { s.attempt("udp:192.0.2.1:5060", 486) }, { "outcome" => 486 }],
    "an attempt that goes on" => [->(s) { s.attempt("udp:192.0.2.1:5060", nil) }, { "outcome" => nil }],
    "a look-up" => [->(s) { s.resolution("sip:example.com", "udp:192.0.2.1:5060") },
                    { "kind" => "resolution", "question" => "sip:example.com", "targets" => ["udp:192.0.2.1:5060"], "duration" => nil }],
    "a timer" => [->(_) { OverSIP::CallRecord::Timer.new(at: 1.0, name: "B", sip_method: :INVITE, branch: "b") },
                  { "at" => 1.0, "kind" => "timer", "name" => "B", "method" => "INVITE", "branch" => "b" }]
  }
  kinds.each do |what, (made, written)|
    it("writes #{what}") { expect(event(made.call(self))).to include(written) }
  end

  it "names what was redacted, and only where something was" do
    bytes = "INVITE sip:b SIP/2.0\r\nAuthorization: x\r\n\r\n"
    redacted = OverSIP::CallRecord::Redaction.new.call(call_record(message(0.0, :alice, :oversip, bytes: bytes)))
    expect(JSON.parse(described_class.new(redacted).to_s)["events"].first).to include("redacted" => ["Authorization"])
    expect(event(message(0.0, :alice, :oversip))).not_to include("redacted")
  end

  it "has no byte that a terminal takes for something else" do
    text = described_class.new(call_record(message(0.0, :alice, :oversip, "OPTIONS sip:\u202e\e[31m SIP/2.0"), note("\u202e\e]0;x\a"))).to_s
    expect(text).to match(/\A[\n -~]+\z/)
    expect(JSON.parse(text)["events"].first["text"]).to eq "\u202e\e]0;x\a"
  end

  it "writes each event in a line of its own, with its call and, where the record knows it, the time of the world" do
    record = OverSIP::CallRecord.new(began_at: Time.at(1_764_322_222.25)) << message(0.5, :alice, :oversip) << note("of none", at: 1.0)
    lines = described_class.new(record).lines.lines.map { |line| JSON.parse(line) }
    expect(lines).to match([{ "call_id" => "1", "time" => 1_764_322_222.75, "at" => 0.5, "kind" => "message" }, { "call_id" => nil, "kind" => "note" }]
                             .map { |facts| a_hash_including(facts) })
    expect(JSON.parse(described_class.new(record).to_s)["began_at"]).to eq(1_764_322_222.25)
    expect(JSON.parse(described_class.new(call_record(message(0.5, :alice, :oversip))).lines)).not_to include("time")
  end

  it "writes a record without events" do
    expect(document).to eq("version" => 1, "element" => "oversip", "began_at" => nil, "calls" => [], "events" => [])
  end
end
