# frozen_string_literal: true

require "json"
require "oversip/call_record"

# The rows in which an engine hands out its trace, made of a call record.
module TraceRows
  BEGAN_AT = 1_764_322_222.25

  module_function

  # @return [String] lines of JSON
  def of(record, now: 1000.0, **head)
    lines([head_row(now: now, calls: record.calls.size, **head), *rows(record)])
  end

  def head_row(now: 1000.0, calls: 0, rows: 1, **others)
    { kind: "head", rows: rows, element: "oversip", version: OverSIP::VERSION, began_at: BEGAN_AT, now: now, seq: 99,
      calls: { kept: calls, dropped: 0, unsampled: 0 }, **others }
  end

  def lines(rows)
    rows.map { |row| "#{JSON.generate({ **utf8(row), **id(row) })}\n" }.join
  end

  # The bytes of a Call-ID that is no UTF-8.
  def id(row)
    call_id = row[:call_id].to_s
    call_id.dup.force_encoding(Encoding::UTF_8).valid_encoding? ? {} : { id: [call_id].pack("m0").tr("+/", "-_").delete("=") }
  end

  # What is no UTF-8 is replaced, as the engine does.
  def utf8(value)
    case value
    when String then value.dup.force_encoding(Encoding::UTF_8).scrub
    when Array then value.map { |part| utf8(part) }
    when Hash then value.transform_values { |part| utf8(part) }
    else value
    end
  end

  # @return [Array<Hash>]
  def rows(record)
    record.events.map { |event| row(event, record.element) }.flatten
  end

  def row(event, element)
    common = { call_id: event.call_id, at: event.at }
    case event
    when OverSIP::CallRecord::Message then messages(event, element)
    when OverSIP::CallRecord::Block
      { kind: "block", **common, event: event.event, subject: event.subject, file: event.file, line: event.line, duration: event.duration,
        exception: event.exception && { class: event.exception_class, message: event.exception_message } }
    when OverSIP::CallRecord::Timer then { kind: "timer", **common, name: event.name, method: event.sip_method, branch: event.branch }
    when OverSIP::CallRecord::Attempt then attempt(event, common)
    when OverSIP::CallRecord::Resolution
      { kind: "resolution", **common, question: event.question, targets: event.targets, seconds: event.duration }
    when OverSIP::CallRecord::Note then { kind: "blacklisted", at: event.at, call_id: nil, target: event.text[/\S+/] }
    end
  end

  # What the element sends to itself leaves and comes.
  def messages(message, element)
    ways = []
    ways << ["out", message.from, message.to] if message.sender == element
    ways << ["in", message.to, message.from] if message.receiver == element && message.arrives?
    ways.map do |direction, local, remote|
      { kind: "message", call_id: message.call_id, at: message.at, direction: direction, transport: message.transport, local: local,
        remote: remote, fate: message.fate == :refused ? "refused" : "sent", bytes: [message.bytes].pack("m0") }
    end
  end

  def attempt(attempt, common)
    facts = { **common, target: attempt.target, method: attempt.sip_method, branch: attempt.branch || attempt.target }
    return { kind: "attempt", **facts } if attempt.outcome.nil?

    status = attempt.outcome if attempt.outcome.is_a?(Integer)
    [{ kind: "attempt", **facts },
     { kind: "attempt_ended", **facts, outcome: status ? "answered" : attempt.outcome, status: status }]
  end
end
