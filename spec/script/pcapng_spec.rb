# frozen_string_literal: true

require_relative "../support/golden_calls"
require_relative "../support/recorded_calls"
require_relative "../support/tshark"

# Capture files of calls, as Wireshark reads them.
RSpec.describe OverSIP::CallRecord::Pcapng, :native do
  include RecordedCalls
  include Tshark

  # What Wireshark has of a message, by field.
  def seen(message)
    {
      "frame.time_epoch" => (began_at + message.at.to_r.round(9)).strftime("%s.%N"), "_ws.malformed" => "",
      "ip.src" => message.from[/\A(.*):/, 1], "ip.dst" => message.to[/\A(.*):/, 1],
      "exported_pdu.port_type" => message.transport == :udp ? "3" : "2",
      "exported_pdu.src_port" => message.from[/\d+\z/], "exported_pdu.dst_port" => message.to[/\d+\z/],
      "sip.Method" => message.request? ? message.sip_method.to_s : "", "sip.Status-Code" => message.status_code.to_s,
      "sip.Call-ID" => message.call_id, "sip.CSeq.seq" => message.cseq.to_s, "sdp.media" => message.body[/^m=(.*)\r/, 1].to_s,
      "frame.comment" => a_string_starting_with("#{message.sender} -> #{message.receiver}, #{message.transport.to_s.upcase}")
    }
  end

  def began_at
    Time.at(1_790_000_000)
  end

  def file(*messages)
    described_class.new(call_record(*messages), began_at: began_at).to_s
  end

  # Messages with little in them, which are SIP nevertheless.
  def options(from, to, transport, address: "192.0.2.1:5060", target: "192.0.2.100:5060", **others)
    OverSIP::CallRecord::Message.new(at: 0.0, sender: from, receiver: to, transport: transport, from: address, to: target,
                                     bytes: "OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n", **others)
  end

  GoldenCalls::CALLS.each_key do |name|
    it "have each message of the call #{name} as SIP, with its addresses, ports and time" do
      messages = GoldenCalls.record(name).messages
      rows = messages.map { |message| seen(message) }
      expect(rows.size).to be > 5
      expect(packets(file(*messages), *rows.first.keys)).to match(rows.map(&:values))
    end
  end

  it "are malformed for nobody when secrets are taken out" do
    crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:4"
    sdp = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "m=audio 9 RTP/SAVP 0", crypto, "k=clear:x", "a=ice-pwd:x", ""].join("\r\n")
    isup = "\x01\x02\x03".b * 9
    messages = [["application/sdp", sdp], ["application/isup", isup], ["application/json", "{}"]].map do |type, body|
      head = [RecordedCalls::INVITE, "Call-ID: 1", "CSeq: 1 INVITE", "Authorization: Digest username=\"a\", response=\"0\"", "Content-Type: #{type}",
              "Content-Length: #{body.bytesize}", "", ""].join("\r\n")
      message(0.0, :alice, :oversip, bytes: head + body)
    end
    redacted = OverSIP::CallRecord::Redaction.new.call(call_record(*messages))
    found = packets(described_class.new(redacted).to_s, "sip.Method", "_ws.malformed", "frame.comment")
    expect(found).to match [["INVITE", "", /redacted: Authorization, part of SDP/], *[["INVITE", "", /redacted: Authorization, body/]] * 2]
  end

  it "have SIP on ports that other protocols have, by each transport" do
    ports = [53, 80, 443, 3306, 22_222]
    messages = %i[udp tcp tls ws wss].zip(ports).map { |transport, port| options("a", "b", transport, address: "192.0.2.1:#{port}", target: "192.0.2.2:#{port}") }
    expect(packets(file(*messages), "sip.Method", "exported_pdu.dst_port")).to eq(ports.map { |port| ["OPTIONS", port.to_s] })
  end

  it "have IPv6 addresses, and say what became of a message" do
    addresses = { address: "[2001:db8::1]:5060", target: "[2001:db8::2]:5061" }
    messages = [options("a", nil, :udp, fate: :lost, **addresses), options("a", nil, :udp, fate: :refused, **addresses)]
    expect(packets(file(*messages), "ipv6.src", "ipv6.dst", "frame.comment"))
      .to eq [["2001:db8::1", "2001:db8::2", "a -> nobody, UDP; lost"], ["2001:db8::1", "2001:db8::2", "a -> nobody, UDP; nobody takes it; retransmission"]]
  end

  it "have what is no SIP as data, and messages of any length" do
    long = "OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 200000\r\n\r\n#{"x" * 200_000}"
    others = ["\r\n\r\n", "\x00\xff", long].map { |bytes| message(0.0, :alice, :oversip, bytes: bytes) }
    expect(packets(file(*others), "frame.protocols", "_ws.malformed", "sip.Method"))
      .to eq [["exported_pdu:data", "", ""], ["exported_pdu:data", "", ""], ["exported_pdu:sip", "", "OPTIONS"]]
  end

  it "have the times of a record that knows the time of day" do
    record = OverSIP::CallRecord.new(began_at: Time.at(1_764_322_222.25)) << options("a", "b", :udp)
    expect(packets(described_class.new(record).to_s, "frame.time_epoch").flatten.map(&:to_f)).to eq [1_764_322_222.25 + record.messages.first.at]
  end

  it "of no message are files too" do
    expect(packets(file, "frame.number")).to eq []
  end

  it "show a call in Wireshark's own ladder" do
    expect(tshark(file(*GoldenCalls.record("relay").messages), "-q", "-z", "flow,any,network")).to include("192.0.2.100").and match(/INVITE/)
  end

  it "are not made of what has no address, of other times, or with no Time" do
    expect { file(options("a", "b", :udp, address: "alice")) }.to raise_error(OverSIP::RuntimeError, /IP addresses with a port, not "alice"/)
    past = described_class.new(call_record(options("a", "b", :udp)), began_at: Time.at(-1))
    expect { past.to_s }.to raise_error(OverSIP::RuntimeError, /from 1970 to 2554/)
    expect { described_class.new(call_record, began_at: 12) }.to raise_error(TypeError, /began_at has to be a Time/)
  end
end
