# frozen_string_literal: true

require "oversip/call_record"
require "rexml/document"

RSpec.describe OverSIP::CallRecord::SvgLadder do
  let(:record) { OverSIP::CallRecord.new }

  def message(at, sender, receiver, line, **others)
    record << OverSIP::CallRecord::Message.new(at: at, sender: sender, receiver: receiver, transport: :udp, from: "192.0.2.1:5060", to: "192.0.2.2:5060",
                                               bytes: "#{line}\r\nCall-ID: 1\r\nSubject: <&>\r\n\r\n", **others)
  end

  def block(at, event, **others)
    record << OverSIP::CallRecord::Block.new(at: at, event: event, file: "/srv/server.rb", line: 31, **others)
  end

  def document(**options)
    REXML::Document.new(described_class.new(record, **options).to_s)
  end

  # @return [Array<String>] what can be read, from top to bottom and in a row
  def texts(**options)
    REXML::XPath.match(document(**options), "//*[local-name()='text']").map { |element| element.text.strip }
  end

  def groups
    REXML::XPath.match(document, "//*[local-name()='g']")
  end

  # @return [Array<Float>]
  def numbers(element, name)
    REXML::XPath.match(element, ".//*[@#{name}]").map { |found| found.attributes[name].to_f }
  end

  it "shows parties, messages, blocks and times" do
    message(0.0, "alice", "oversip", "INVITE sip:bob@example.com SIP/2.0")
    block(0.0, :on_request)
    message(1.5, "oversip", "gw1", "INVITE sip:bob@gw1 SIP/2.0")
    expect(texts).to include("time (s)", "alice", "oversip", "gw1", "0.000", "INVITE sip:bob@example.com", "on_request (server.rb:31)",
                             "1.500", "INVITE sip:bob@gw1")
    expect(texts(unit: :milliseconds)).to include("time (ms)", "1500.0")
  end

  it "shows a time once" do
    3.times { |number| message(2.0, "alice", "oversip", "OPTIONS sip:#{number} SIP/2.0") }
    expect(texts.count("2.000")).to eq 1
  end

  it "draws arrows from their senders to their receivers" do
    message(0.0, "alice", "oversip", "OPTIONS sip:a SIP/2.0")
    message(0.0, "oversip", "alice", "SIP/2.0 200 OK")
    ways = groups.map { |group| REXML::XPath.first(group, "*[local-name()='path']").attributes["d"].scan(/[MH](\d+)/).flatten.map(&:to_i) }
    expect(ways.map { |from, to| from <=> to }).to eq [-1, 1]
  end

  it "crosses out what does not arrive" do
    message(0.0, "oversip", "gw1", "OPTIONS sip:a SIP/2.0", fate: :lost)
    message(0.0, "oversip", nil, "OPTIONS sip:b SIP/2.0", fate: :refused)
    expect(groups.map { |group| REXML::XPath.match(group, "*[@stroke-dasharray]").size }).to eq [1, 1]
    expect(texts).to include(/lost/)
  end

  it "folds retransmissions" do
    [0.0, 0.5, 1.5].each { |at| message(at, "oversip", "gw1", "OPTIONS sip:a SIP/2.0") }
    expect(groups.size).to eq 1
    expect(texts).to include(/x3.*1\.5 s/)
  end

  it "has the whole message where the mouse rests" do
    message(0.0, "alice", "oversip", "OPTIONS sip:a SIP/2.0")
    expect(REXML::XPath.first(groups.first, "*[local-name()='title']").text).to start_with("OPTIONS sip:a SIP/2.0\nCall-ID: 1\nSubject: <&>")
  end

  it "shows what a block has raised" do
    block(0.0, :on_error, exception: ArgumentError.new("a <b>\nc"))
    expect(texts).to include("on_error (server.rb:31)", /raised ArgumentError: a <b>/)
  end

  it "takes everything from the network as text" do
    message(0.0, "<b>\"'&", "oversip\0", "SIP/2.0 200 </text><script>alert(1)</script>\e]0;\xff\xfe\u202e", fate: :sent)
    record << OverSIP::CallRecord::Note.new(at: 0.0, text: "]]><!-- & \u0000")
    elements = REXML::XPath.match(document(title: "</title><script>"), "//*").map(&:name).uniq
    expect(elements - %w[svg title style rect path text g circle]).to be_empty
    expect(texts).to include("<b>\"'&", %r{200 </text><script>alert})
  end

  it "follows the colours of the reader, and names nothing outside of itself" do
    message(0.0, "alice", "oversip", "OPTIONS sip:a SIP/2.0")
    drawing = described_class.new(record).to_s
    expect(drawing).to include("prefers-color-scheme:dark")
    expect(drawing.scan(/https?:[^"]+|url\(|href/)).to eq ["http://www.w3.org/2000/svg"]
  end

  it "has room for everything, and no two rows at one height" do
    8.times { |number| message(number.to_f, "oversip", "gateway-#{number}.example.com", "OPTIONS sip:#{"long" * 20} SIP/2.0") }
    block(9.0, :on_failure_response, subject: "word " * 60)
    root = document.root
    width, height = %w[width height].map { |name| root.attributes[name].to_f }
    expect(numbers(root, "x").max).to be < width
    expect(numbers(root, "y").max).to be < height
    rows = groups.map { |group| REXML::XPath.first(group, "*[local-name()='path'] | *[local-name()='circle']").attributes }
                 .map { |attributes| Integer(attributes["cy"] || attributes["d"][/ (\d+)/, 1], 10) }
    expect(rows).to eq rows.uniq.sort
  end

  it "draws a record without events" do
    expect(texts).to eq ["time (s)"]
  end

  it "takes no other unit" do
    expect { described_class.new(record, unit: :hours) }.to raise_error(ArgumentError)
  end
end
