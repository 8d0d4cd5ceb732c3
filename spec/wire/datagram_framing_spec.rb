# frozen_string_literal: true

require_relative "../support/calls"

# Datagrams, row by row.
RSpec.describe "A datagram", :native do
  let(:peer) { udp_peer }
  let(:seen) { mailbox }

  before do
    on_request do |request|
      seen << [request.ruri.to_s, request.body.to_s.bytesize]
      request.reply 200
    end
    start_oversip
  end

  def message(method = :OPTIONS, ruri: "sip:a.example", **options)
    peer.build(method, ruri, **options)
  end

  def send_text(text)
    peer.send_text(text, oversip_port)
  end

  # What is wrong with a datagram has no effect on the next one.
  def next_one_is_served
    seen.all
    send_text(message(ruri: "sip:next.example"))
    expect(peer.receive.status).to eq(200)
    expect(seen.all).to eq([["sip:next.example", 0]])
  end

  def without(text, name)
    text.sub(/^#{name}: [^\r]*\r\n/, "")
  end

  def twice(text, name)
    text.sub(/^#{name}: [^\r]*\r\n/) { |line| line * 2 }
  end

  it "is dropped silently when it is empty, CRLF, no SIP, cut short, or lacks or repeats a core header" do
    whole = message
    faulty = ["", "\r\n", "NONSENSE", whole.delete_suffix("\r\n"), "\x00\x02\x00\x00"]
    %w[Via From To CSeq Call-ID].each { |header| faulty << without(whole, header) }
    %w[From To CSeq Call-ID Max-Forwards Content-Length].each { |header| faulty << twice(whole, header) }
    faulty.each { |text| send_text(text) }
    next_one_is_served
  end

  it "of CRLF CRLF is answered by CRLF, and a message behind it is processed" do
    socket = UDPSocket.new.tap { |it| opened << it }
    socket.connect("127.0.0.1", oversip_port)
    socket.send("\r\n\r\n", 0)
    expect(socket.wait_readable(SipPeer::LIMIT) && socket.recv(100)).to eq("\r\n")
    socket.send("\r\n\r\n#{message}", 0)
    answers = Array.new(2) { socket.wait_readable(SipPeer::LIMIT) && socket.recv(2000)[0, 11] }
    expect(answers).to match_array(["\r\n", "SIP/2.0 200"])
  end

  {
    "a repeated branch" => [->(text) { text.sub(/;branch=[^;]+/, '\\0;branch=z9hG4bKy') }, "400 Via branch non RFC 3261 compliant"],
    "a branch that is nothing but a cookie" => [->(text) { text.sub(/;branch=[^;]+/, ";branch=z9hG4bK") }, "400 Via branch non RFC 3261 compliant"],
    "a body shorter than announced" => [->(text) { text.sub("Content-Length: 0", "Content-Length: 9") }, "400 Body size doesn't match Content-Length"]
  }.each do |fault, (change, answer)|
    it "with #{fault} is answered 400 if it is a request, but neither an ACK nor a response" do
      [message(:ACK), message.sub(/\A[^\r]*/, "SIP/2.0 200 OK")].each { |text| send_text(change.call(text)) }
      send_text(change.call(message))
      expect(peer.receive.first_line).to eq("SIP/2.0 #{answer}")
      expect(seen).to be_empty
      next_one_is_served
    end
  end

  # RFC 3261 17.2.3
  it "with a branch of RFC 2543 or none is processed if it is a request, else dropped" do
    [->(text) { text.sub("z9hG4bK", "z9") }, ->(text) { text.sub(/;branch=[^;]+/, "") }].each do |change|
      send_text(change.call(message.sub(/\A[^\r]*/, "SIP/2.0 200 OK")))
      send_text(change.call(message))
      expect(peer.receive.status).to eq(200)
      expect(seen.all).to eq([["sip:a.example", 0]])
    end
  end

  it "is cut at Content-Length, and without one has a body up to its end" do
    send_text("#{message(body: "12345")}surplus")
    send_text("#{without(message, "Content-Length")}12345678")
    2.times { expect(peer.receive.status).to eq(200) }
    expect(seen.all).to match_array([["sip:a.example", 5], ["sip:a.example", 8]])
  end

  it "may be as large as a datagram can be" do
    head = message.bytesize + 4
    send_text(message(body: "x" * (65_507 - head)))
    expect(peer.receive.status).to eq(200)
    expect(seen.pop.last).to eq(65_507 - head)
  end

  describe "is answered at its source" do
    def answer_goes_to(via, port:)
      sent = message(headers: { "Via" => via })
      other = udp_peer
      other.send_text(sent, oversip_port)
      receiver = port.zero? ? other : opened.find { |it| it.respond_to?(:port) && it.port == port }
      expect(receiver.receive.status).to eq(200)
    end

    it "on its port with rport, else on that of the Via" do
      listener = udp_peer
      answer_goes_to("SIP/2.0/UDP 192.0.2.1:#{listener.port};branch=z9hG4bKa;rport", port: 0)
      answer_goes_to("SIP/2.0/UDP 192.0.2.1:#{listener.port};branch=z9hG4bKb", port: listener.port)
    end
  end
end
