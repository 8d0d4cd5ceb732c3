# frozen_string_literal: true

require "oversip/call_record"

# Events for specs of what is drawn from a call record.
module RecordedCalls
  ADDRESSES = { alice: "198.51.100.1:5060", oversip: "192.0.2.100:5060", gw1: "192.0.2.1:5060", gw2: "192.0.2.2:5060",
                nil => "10.1.2.3:5060" }.freeze
  NAMES = { gw1: "gw1.example", gw2: "gw2.example", nil => nil }.freeze
  INVITE = "INVITE sip:bob@example.com SIP/2.0"

  def call_record(*events)
    events.each_with_object(OverSIP::CallRecord.new) { |event, record| record << event }
  end

  def message(at, from, to, first_line = INVITE, bytes: "#{first_line}\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n", **others)
    sender, receiver = [from, to].map { |party| NAMES.fetch(party, party&.to_s) }
    OverSIP::CallRecord::Message.new(at: at, sender: sender, receiver: receiver, transport: :udp, from: ADDRESSES.fetch(from),
                                     to: ADDRESSES.fetch(to), bytes: bytes, **others)
  end

  def block(event, at: 0.0, **others)
    OverSIP::CallRecord::Block.new(at: at, event: event, file: "/srv/sip/server.rb", line: 12, call_id: "1", **others)
  end

  def attempt(target, outcome, at: 0.0)
    OverSIP::CallRecord::Attempt.new(at: at, target: target, outcome: outcome, sip_method: :INVITE, call_id: "1")
  end

  def resolution(question, *targets)
    OverSIP::CallRecord::Resolution.new(at: 0.0, question: question, targets: targets, call_id: "1")
  end

  def note(text, at: 0.0, **others)
    OverSIP::CallRecord::Note.new(at: at, text: text, **others)
  end

  # A call whose first target never answers.
  def failover
    call_record(
      message(0.0, :alice, :oversip), block(:on_request, subject: "INVITE sip:bob@example.com"),
      resolution("sip:example.com", "udp:192.0.2.1:5060", "udp:192.0.2.2:5060"), attempt("udp:192.0.2.1:5060", :timeout),
      message(0.0, :oversip, :alice, "SIP/2.0 100 Trying"),
      *[0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5].map { |at| message(at, :oversip, :gw1) },
      OverSIP::CallRecord::Timer.new(at: 32.0, name: "B", sip_method: :INVITE, call_id: "1"),
      block(:on_error, at: 32.0, subject: "408 Request Timeout (client_timeout)"), attempt("udp:192.0.2.2:5060", 200, at: 32.0),
      message(32.0, :oversip, :gw2), message(32.1, :gw2, :oversip, "SIP/2.0 180 Ringing"),
      message(32.1, :oversip, :alice, "SIP/2.0 180 Ringing", fate: :lost), message(34.0, :gw2, :oversip, "SIP/2.0 200 OK"),
      message(34.0, :oversip, :alice, "SIP/2.0 200 OK")
    )
  end
end
