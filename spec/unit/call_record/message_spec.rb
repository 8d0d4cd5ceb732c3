# frozen_string_literal: true

require "oversip/call_record"

RSpec.describe OverSIP::CallRecord::Message do
  def message(bytes, **others)
    described_class.new(at: 1.5, sender: "alice", receiver: "oversip", transport: :udp, from: "192.0.2.1:5060",
                        to: "192.0.2.100:5060", bytes: bytes, **others)
  end

  let(:invite) do
    message("INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP a;rport;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2\r\n" \
            "v: SIP/2.0/TCP c\r\ni: abc@a\r\nCSeq: 7 INVITE\r\nSubject: a long\r\n\tsubject: it is\r\nContent-Length: 4\r\n\r\nv=0\n")
  end
  let(:answer) { message("SIP/2.0 486 Busy Here\r\nCSeq: 7 BYE\r\n\r\n") }

  it "reads a request" do
    expect(invite).to have_attributes(request?: true, response?: false, sip_method: :INVITE, ruri: "sip:bob@example.com",
                                      first_line: "INVITE sip:bob@example.com SIP/2.0", call_id: "abc@a", cseq: 7,
                                      branch: "z9hG4bK1", body: "v=0\n", status_code: nil, reason_phrase: nil, fate: :sent)
  end

  it "reads a response" do
    expect(answer).to have_attributes(request?: false, response?: true, sip_method: :BYE, status_code: 486, reason_phrase: "Busy Here",
                                      ruri: nil, call_id: nil, branch: nil, cseq: 7, body: "")
  end

  it "has one value for each line of a header, by long and short name, in any letter case" do
    vias = ["SIP/2.0/UDP a;rport;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2", "SIP/2.0/TCP c"]
    expect(%w[Via VIA v].map { |name| invite.headers(name) }).to all eq vias
    expect(invite.header(:via)).to eq vias.first
    expect([invite.header("Route"), invite.headers("Route")]).to eq [nil, []]
  end

  it "unfolds header values" do
    expect(invite.header("Subject")).to eq "a long subject: it is"
  end

  it "reads what has LF as line end, and line ends before the message" do
    expect(message("\r\n\r\nBYE sip:a@b SIP/2.0\nCall-ID: 1\n\nbody"))
      .to have_attributes(sip_method: :BYE, call_id: "1", body: "body")
  end

  it "knows keep-alives" do
    expect(["\r\n\r\n", "\r\n", "\r\nBYE sip:a@b SIP/2.0\r\n\r\n", "\xff"].map { |bytes| message(bytes).keep_alive? })
      .to eq [true, true, false, false]
  end

  it "gives text as UTF-8, and as BINARY where it is none" do
    good, bad = ["\u00e9", "\xe9"].map { |letter| message("SIP/2.0 200 #{letter}\r\n\r\n") }
    expect([good.reason_phrase, bad.reason_phrase]).to eq ["\u00e9", "\xe9".b]
    expect([good, bad].map { |message| message.bytes.encoding }).to all eq Encoding::BINARY
  end

  # Bytes that are no message, and each beginning of a message.
  it "reads whatever comes without an error" do
    odd = ["", "\xff\x00\xff", "SIP/2.0", "SIP/2.0 2000 x", "SIP/2.0 \xff", "\xff sip:x SIP/2.0", "INVITE", ":\r\n:\r\n\r\n", "A B SIP/2.0\r\n:\r\nCSeq\r\nVia:",
           "SIP/2.0 200\r\nCSeq: \xff\r\nVia: ;branch=\xff\r\n\r\n", "\r\n" * 1000, *(0..invite.bytes.size).map { |size| invite.bytes[0, size] }]
    readers = %i[request? response? sip_method ruri status_code reason_phrase first_line body call_id cseq branch keep_alive? inspect]
    odd.each { |bytes| expect { readers.each { |reader| message(bytes).public_send(reader) } }.not_to raise_error }
    expect(message("\xff\x00")).to have_attributes(request?: false, response?: false, sip_method: nil, call_id: nil)
  end

  it "shows the way, the first line and the fate where it is looked at" do
    expect([answer, message("", receiver: nil, fate: :lost)].map(&:inspect))
      .to eq ['#<OverSIP::CallRecord::Message 1.5 alice -> oversip: "SIP/2.0 486 Busy Here">',
              '#<OverSIP::CallRecord::Message 1.5 alice -> 192.0.2.100:5060: "" (lost)>']
  end

  it "is made of an entry of the engine's record" do
    made = described_class.of([2.0, "oversip", nil, :tcp, "192.0.2.100:5060", "192.0.2.9:5060", :refused, "x"])
    expect(made).to have_attributes(at: 2.0, sender: "oversip", receiver: nil, transport: :tcp, from: "192.0.2.100:5060",
                                    to: "192.0.2.9:5060", fate: :refused, bytes: "x")
  end
end
