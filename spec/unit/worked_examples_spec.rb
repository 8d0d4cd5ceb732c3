# frozen_string_literal: true

require_relative "../support/worked_examples"

RSpec.describe "Worked examples of the message API", :native do
  # A request with these header lines.
  def options(lines)
    parser = OverSIP::SIP::MessageParser.new
    parser.execute("OPTIONS sip:a@b SIP/2.0\r\n#{lines}\r\n\r\n", 0)
    raise "refused: #{parser.error}" unless parser.finished?

    parser.post_parsing
    parser.parsed
  end

  # What the parser says to header lines that it refuses: result, offending byte, and its index.
  def refused(line)
    text = "OPTIONS sip:a@b SIP/2.0\r\n#{line}\r\n\r\n"
    parser = OverSIP::SIP::MessageParser.new
    [parser.execute(text, 0), text[parser.nread], parser.nread]
  end

  let(:sent) { [] }

  # The INVITE of the rows about messages, with a connection that keeps the sent messages.
  def invite(to_tag: nil)
    @invite ||= parsed_invite(to_tag).tap do |request|
      sent = self.sent
      request.connection = Object.new.tap { |own| own.define_singleton_method(:send_sip_msg) { |*arguments| sent << arguments } }
      request.transport = :udp
      request.source_ip = "203.0.113.9"
      request.source_port = 40_000
      request.source_ip_type = :ipv4
    end
  end

  def parsed_invite(to_tag)
    parser = OverSIP::SIP::MessageParser.new
    parser.execute("INVITE sip:u@d.example SIP/2.0\r\nv: SIP/2.0/UDP 198.51.100.4:5072;branch=z9hG4bKbr1;rport\r\n" \
                   "f: \"Fay\" <sip:fay@d.example>;epid=3;tag=F1\r\nt: <sip:u@d.example>#{";tag=#{to_tag}" if to_tag}\r\n" \
                   "i: call-1\r\nCSeq: 31 INVITE\r\nm: <sip:fay@198.51.100.4>;expires=9\r\n\r\n", 0)
    parser.post_parsing
    parser.parsed
  end

  let(:client) { udp_peer }

  # What the block answers for a request that really comes in.
  def received(method, from: -> { client })
    seen = mailbox
    start_oversip { |request| seen << yield(request) }
    peer = from.call
    peer.send_text(peer.build(method, "sip:x.example"), oversip_port)
    seen.pop
  end

  # The first Via of a request that comes in with this one.
  def first_via(via)
    seen = mailbox
    start_oversip { |request| seen << request.hdr_via.first }
    client.send_text(client.build(:OPTIONS, "sip:x.example", headers: { "Via" => via }), oversip_port)
    seen.pop
  end

  # What the client gets for these messages until the engine has dealt with them all.
  def answers(*texts, final: false, &on_request)
    start_oversip(&on_request) unless OverSIP.running?
    OverSIP::Testing.freeze
    texts.each do |text|
      client.send_text(text, oversip_port)
      engine_caught_up
      dispatcher_caught_up
      engine_caught_up
    end
    answered = client.drain
    final ? answered.select { |answer| answer.status >= 200 } : answered
  end

  # Keeps the log out of the output.
  def capture_log_into(records)
    result = nil
    records.concat(capture_log { result = yield })
    result
  end

  WorkedExamples.rows.each do |row|
    it "#{row.input}#{" (#{row.note})" if row.note}" do
      case row.expected
      when WorkedExamples::Raised
        expect { instance_exec(&row.block) }.to raise_error(row.expected.error, row.expected.message)
      when Regexp
        expect(instance_exec(&row.block)).to match(row.expected)
      else
        expect(instance_exec(&row.block)).to eq(row.expected)
      end
    end
  end

  it "are 107, each of another input" do
    expect(WorkedExamples.rows.map(&:input).uniq.size).to eq(107)
  end
end
