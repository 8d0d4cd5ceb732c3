# frozen_string_literal: true

require_relative "../../../benches/support/websocket_frames"

RSpec.describe Bench::WebsocketFrames do
  let(:bye) { "BYE sip:a@b SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n" }
  let(:invite) { "INVITE sip:a@b SIP/2.0\r\nCall-ID: 1\r\ncontent-length:   5\r\n\r\nv=0\r\n" }

  # What a server sends: no mask.
  def served(payload, first: 0x81)
    length = payload.bytesize < 126 ? [payload.bytesize].pack("C") : [126, payload.bytesize].pack("Cn")
    ([first].pack("C") + length + payload).b
  end

  it "takes whole messages from a stream and leaves the rest" do
    buffer = (invite + bye + invite[0..-3]).b
    expect(described_class.take_messages(buffer)).to eq([invite, bye])
    expect(buffer).to eq(invite[0..-3])
    buffer << invite[-2..]
    expect(described_class.take_messages(buffer)).to eq([invite])
    expect(buffer).to be_empty
  end

  [[10, 6], [125, 6], [126, 8], [65_535, 8], [65_536, 14]].each do |size, head|
    it "makes a masked text frame of #{size} bytes with #{head} bytes before them" do
      frame = described_class.frame("x" * size)
      expect([frame.bytesize, frame.getbyte(0), frame.getbyte(1) & 0x80, frame.byteslice(head, size)]).to eq([size + head, 0x81, 0x80, "x" * size])
    end
  end

  it "takes payloads of whole frames and passes over pings" do
    buffer = served(bye) + served("", first: 0x89) + served("y" * 300) + served("z" * 200)[0..100]
    expect(described_class.take_payloads(buffer)).to eq(bye + ("y" * 300))
    expect(buffer.bytesize).to eq(101)
  end

  it "waits for a head that is cut off" do
    buffer = served("y" * 300)[0..2]
    expect([described_class.take_payloads(buffer), buffer.bytesize]).to eq(["", 3])
  end
end
