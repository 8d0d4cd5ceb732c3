# frozen_string_literal: true

require_relative "../support/websocket_peer"

RSpec.describe "Frames of a WebSocket client", :native do
  def frame(...)
    WebSocketPeer.frame(...)
  end

  # The close frame that the server sends for these bytes, and nothing more before the end.
  def answer_to(bytes, **websocket)
    start_websocket(websocket: websocket) unless OverSIP.running?
    peer = websocket_peer
    peer.send_bytes(bytes)
    peer.rest
  end

  def closing(code, reason = "")
    [0x88, reason.bytesize + 2, code].pack("CCn") + reason.b
  end

  def control(first, payload)
    [first, payload.bytesize].pack("CC") + payload.b
  end

  {
    "with a reserved bit" => [[["x", { first: 0xc1 }]], 1002, "RSV bit set not supported"],
    "with an unknown opcode" => [[["x", { first: 0x83 }]], 1002, "unknown opcode=3"],
    "with an unknown control opcode" => [[["x", { first: 0x8f }]], 1002, "unknown opcode=15"],
    "without mask" => [[["x", { mask: nil }]], 1002, "MASK bit not set"],
    "of control with a long payload" => [[["x" * 126, { first: 0x89 }]], 1002, ""],
    "of control without FIN" => [[["x", { first: 0x09 }]], 1002, "forbidden FIN=0 in control frame"],
    "that continue nothing" => [[["x", { first: 0x80 }]], 1002, "invalid continuation frame received"],
    "that do not continue a message" => [[["x", { first: 0x01 }], ["y", {}]], 1002, "expected a continuation frame"],
    "with text that is no UTF-8" => [[["\xff", {}]], 1007, "single text frame contains invalid UTF-8"],
    "with text that ends within a character" => [[["a\xc3", {}]], 1007, "single text frame contains incomplete UTF-8"],
    "that continue text with something else" => [[["a\xc3", { first: 0x01 }], ["a", { first: 0x00 }]], 1007,
                                                 "continuation text frame contains invalid UTF-8"],
    "that end text within a character" => [[["a", { first: 0x01 }], ["\xc3", { first: 0x80 }]], 1007,
                                           "continuation final text frame contains incomplete UTF-8"],
    "that end text within a character and are empty" => [
      [["a\xc3", { first: 0x01 }], ["", { first: 0x80 }]], 1007, "continuation final text frame contains incomplete UTF-8"
    ],
    "that close with a reason that is no UTF-8" => [[["\x03\xe8a\xc3", { first: 0x88 }]], 1007,
                                                    "close frame reason contains incomplete UTF-8"],
    "that close with one byte" => [[["\x03", { first: 0x88 }]], 1002, "close frame payload too short"],
    "that close with a status that may not be sent" => [[["\x03\xed", { first: 0x88 }]], 1002,
                                                        "close frame status not allowed"]
  }.each do |kind, (frames, code, reason)|
    it "#{kind} end it with #{code} #{reason}" do
      bytes = frames.map { |payload, options| frame(payload, **options) }.join
      expect(answer_to(bytes + frame("after"))).to eq(closing(code, reason))
    end
  end

  it "of 4 GiB are too big" do
    expect(answer_to("#{[0x82, 0xff, 1 << 32].pack("CCQ>")}mask")).to eq(closing(1009, "frame too big"))
  end

  it "may be as big as max_ws_frame_size" do
    expect(answer_to(frame("x" * 201, first: 0x82), max_ws_frame_size: 200)).to eq(closing(1009, "frame too big"))
    expect(answer_to(frame("x" * 200, first: 0x82))).to eq(closing(4001, "SIP message incomplete"))
  end

  it "make a message up to max_ws_message_size" do
    limits = { max_ws_frame_size: 400, max_ws_message_size: 300 }
    expect(answer_to(frame("x" * 301, first: 0x82), **limits)).to eq(closing(1009, "message too big"))
    expect(answer_to(frame("x" * 300, first: 0x82))).to eq(closing(4001, "SIP message incomplete"))
  end

  it "that make a message too big end it, before the message does" do
    bytes = frame("x" * 200, first: 0x02) + frame("x" * 101, first: 0x00)
    expect(answer_to(bytes, max_ws_message_size: 300)).to eq(closing(1009, "message too big"))
  end

  it "cannot have limits under 125" do
    expect { start_websocket(websocket: { max_ws_frame_size: 124 }) }
      .to raise_error(OverSIP::ConfigurationError, /websocket\[max_ws_frame_size\] has invalid value '124'/)
  end

  it "may have lengths that are not in their shortest form, and come between fragments" do
    start_websocket { |request| request.reply 200, "OK" }
    peer = websocket_peer
    request = peer.build(:OPTIONS, "sip:a@b.example")
    long = "#{[0x00, 0xff, 100].pack("CCQ>")}\0\0\0\0#{request.byteslice(100, 100)}".b
    peer.send_bytes(frame(request.byteslice(0, 100), first: 0x01) + frame("ping", first: 0x89) + long +
                    frame("", first: 0x8a) + frame(request.byteslice(200..), first: 0x80))
    expect(peer.receive_frame).to have_attributes(start: 0x8a, payload: "ping")
    expect(peer.receive_final.status).to eq(200)
  end

  it "that ping are answered with their payload" do
    start_websocket
    peer = websocket_peer
    peer.send_bytes(frame("", first: 0x89) + frame("x" * 125, first: 0x89))
    expect(peer.read_bytes(2 + 127)).to eq(control(0x8a, "") + control(0x8a, "x" * 125))
  end

  it "that close are answered with their status" do
    expect(answer_to(frame("\x03\xe8bye", first: 0x88) + frame("after"))).to eq(closing(1000))
    expect(answer_to(frame("\x0f\xa0", first: 0x88))).to eq(closing(4000))
    expect(answer_to(frame("", first: 0x88))).to eq("\x88\x00".b)
  end

  it "that are empty are ignored" do
    start_websocket { |request| request.reply 200, "OK" }
    peer = websocket_peer
    peer.send_bytes(frame("") + frame("", first: 0x82) + frame("", first: 0x01) + frame("", first: 0x80))
    peer.send_text(peer.build(:OPTIONS, "sip:a@b.example"))
    expect(peer.receive_final.status).to eq(200)
  end

  it "get a ping every ws_keepalive_interval seconds" do
    start_websocket(websocket: { ws_keepalive_interval: 180 })
    OverSIP::Testing.freeze
    peer = websocket_peer
    # The upgrade is over on the engine's side too once it has answered something later.
    peer.send_frame("now", first: 0x89)
    expect(peer.receive_frame.payload).to eq("now")
    OverSIP::Testing.advance(179)
    peer.send_frame("still", first: 0x89)
    expect(peer.receive_frame.payload).to eq("still")
    OverSIP::Testing.advance(2)
    expect(peer.read_bytes(12)).to eq("\x89\x0akeep-alive".b)
  end
end
