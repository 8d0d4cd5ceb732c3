# frozen_string_literal: true

require "oversip/call_record"

RSpec.describe OverSIP::CallRecord do
  subject(:record) { described_class.new }

  def message(at, text = "OPTIONS sip:a@b SIP/2.0", call_id: "1", from: "192.0.2.1:5060", to: "192.0.2.100:5060", **others)
    described_class::Message.new(at: at, sender: "alice", receiver: "oversip", transport: :udp, from: from, to: to,
                                 bytes: "#{text}\r\nCall-ID: #{call_id}\r\n\r\n", **others)
  end

  def note(at, text = "", **others)
    described_class::Note.new(at: at, text: text, **others)
  end

  it "has its events by time, and those of one time as they were added" do
    events = [message(2.0), note(1.0), message(1.0), note(2.0), note(0.5)]
    events.each { |event| expect(record.add(event)).to equal event }
    expect(record.events).to eq events.values_at(4, 1, 2, 0, 3)
    expect(record.messages).to eq events.values_at(2, 0)
    expect([record.empty?, described_class.new.empty?]).to eq [false, true]
  end

  it "stays as it is when somebody changes the Array of its events" do
    record << note(1.0) << note(2.0)
    record.events.clear
    expect(record.events.size).to eq 2
  end

  it "has the same events by a clock that stands at 0 when a call begins, and knows the time of day" do
    record = described_class.new(began_at: Time.at(1_764_322_222.25))
    [message(2.0), message(2.5), note(3.0, "x")].each { |event| record << event }
    copy = record.with_zero_at(2.0)
    expect(copy.events.map { |event| [event.class, event.at] }).to eq [[described_class::Message, 0.0], [described_class::Message, 0.5], [described_class::Note, 1.0]]
    expect(copy.messages.map(&:retransmission?)).to eq [false, true]
    expect(copy.messages.last.original).to equal copy.messages.first
    expect([copy, *copy.calls.values, copy.for("1"), copy.select(last: 1)].map(&:began_at).uniq).to eq [Time.at(1_764_322_224.25)]
    expect([record.events.first.at, described_class.new.with_zero_at(1.0).began_at]).to eq [2.0, nil]
  end

  it "tells repetitions from messages that only look alike" do
    first, *others = [message(0.0), message(0.5), message(1.0, to: "192.0.2.2:5060"), message(1.5, call_id: "2"), message(2.0, fate: :lost)]
    [first, *others].each { |event| record << event }
    expect(others.map(&:retransmission?)).to eq [true, false, false, true]
    expect([first.original, others.last.original]).to eq [nil, first]
  end

  it "groups what belongs to one call, on both sides of the element" do
    events = [message(0.0), message(0.1, from: "192.0.2.100:5060", to: "192.0.2.2:5060"), message(0.2, call_id: "2"),
              described_class::Timer.new(at: 0.3, name: "F", call_id: "1"), described_class::Timer.new(at: 0.3, name: "F"),
              note(0.4, "of all"), note(0.5, call_id: "2")]
    events.each { |event| record << event }
    expect(record.calls.transform_values(&:events)).to eq("1" => events.values_at(0, 1, 3, 5), "2" => events.values_at(2, 5, 6))
    expect(record.for("3").events).to eq [events[5]]
  end

  it "knows the place of a block" do
    blocks = [{ file: "/srv/sip/server.rb", line: 12 }, { file: "server.rb" }, {}].map do |place|
      described_class::Block.new(at: 0.0, event: :on_request, **place)
    end
    expect(blocks.map(&:place)).to eq ["server.rb:12", "server.rb", nil]
  end
end
