# frozen_string_literal: true

require_relative "../support/tls_peer"

# Messages in streams, row by row.
RSpec.describe "A stream", :native do
  let(:seen) { mailbox }

  before do
    on_request do |request|
      seen << request.ruri.to_s
      request.reply 200
    end
    start_oversip(configuration: tls_configuration(max_body_size: 5000))
  end

  def message(peer, method = :OPTIONS, ruri: "sip:a.example", **options)
    peer.build(method, ruri, **options)
  end

  def without(text, *headers)
    headers.reduce(text) { |rest, name| rest.sub(/^#{name}: [^\r]*\r\n/, "") }
  end

  def twice(text, name)
    text.sub(/^#{name}: [^\r]*\r\n/) { |line| line * 2 }
  end

  { "TCP" => -> { tcp_peer }, "TLS" => -> { tls_peer } }.each do |name, dial|
    describe "of #{name}" do
      let(:peer) { instance_exec(&dial) }

      it "takes several messages at once, and one in many pieces, and answers in order" do
        texts = Array.new(3) { |n| message(peer, call_id: "call-#{n}", body: "x" * n) }
        peer.send_text(texts.join)
        expect(Array.new(3) { peer.receive.header("Call-ID") }).to eq(%w[call-0 call-1 call-2])
        message(peer, body: "in pieces").scan(/.{1,40}/m) { |part| peer.send_text(part) }
        expect(peer.receive.status).to eq(200)
      end

      it "answers CRLF CRLF before a message with CRLF, skips a single one" do
        request = message(peer)
        { "\r\n\r\n" => "\r\n", "\r\n" => "", "\r\n" * 4 => "\r\n" * 2, "\r\n" * 3 => "\r\n" }.each do |text, answer|
          peer.send_text("#{text}#{request.gsub("z9hG4bK", "z9hG4bK#{answer.size}#{text.size}")}")
          bytes = +""
          bytes << peer.next_bytes until bytes.include?("SIP/2.0")
          expect(bytes[/\A(?:\r\n)*/]).to eq(answer)
        end
      end

      it "is closed silently at data that is no SIP, a missing or repeated core header, and a head over 16 KiB" do
        whole = message(peer)
        faulty = ["NONSENSE\r\n\r\n", "GET / HTTP/1.1\r\n", "OPTIONS sip:a SIP/2.0\r\nX: #{"x" * 17_000}"]
        faulty << message(peer, :ACK).sub("ACK ", "ACK  ") << whole.sub(/\A[^\r]*/, "SIP/2.0 20 OK") << whole.sub("Via: ", "Via; ")
        faulty << whole.gsub("\r\n", "\n")
        %w[Via From To CSeq Call-ID].each { |header| faulty << without(whole, header) }
        %w[From To CSeq Call-ID Max-Forwards Content-Length].each { |header| faulty << twice(whole, header) }
        faulty.each do |text|
          other = instance_exec(&dial)
          other.send_text(text)
          expect(other).to be_closed_by_peer, text
          expect(other.received).to be_empty
        end
        expect(seen).to be_empty
      end

      {
        "a repeated branch" => [->(text) { text.sub(/;branch=[^;]+/, '\\0;branch=z9hG4bKy') }, "400 Via branch non RFC 3261 compliant"],
        "a branch that is nothing but a cookie" => [->(text) { text.sub(/;branch=[^;]+/, ";branch=z9hG4bK") }, "400 Via branch non RFC 3261 compliant"],
        "no Content-Length" => [->(text) { text.sub("Content-Length: 0\r\n", "") }, "400 Body size doesn't match Content-Length"],
        "a body over the limit" => [->(text) { text.sub("Content-Length: 0", "Content-Length: 5001") }, "413 Request Entity Too Large"]
      }.each do |fault, (change, answer)|
        it "refuses a request with #{fault}, then closes" do
          peer.send_text(change.call(message(peer)))
          expect(peer.receive.first_line).to eq("SIP/2.0 #{answer}")
          expect(peer).to be_closed_by_peer
          expect(seen).to be_empty
        end

        it "closes silently at an ACK and a response with #{fault}" do
          ack = change.call(message(peer, :ACK))
          response = ack.sub(/\A[^\r]*/, "SIP/2.0 200 OK").sub("CSeq: 1 ACK", "CSeq: 1 OPTIONS")
          [ack, response].each do |text|
            other = instance_exec(&dial)
            other.send_text(text)
            expect(other).to be_closed_by_peer, text
            expect(other.received).to be_empty
          end
        end
      end

      # RFC 3261 17.2.3
      it "takes requests with a branch of RFC 2543 or none" do
        [->(text) { text.sub("z9hG4bK", "z9") }, ->(text) { text.sub(/;branch=[^;]+/, "") }].each do |change|
          peer.send_text(change.call(message(peer)))
          expect(peer.receive.status).to eq(200)
        end
      end

      it "is closed after the 400 to a request with a syntax error, once its head has ended" do
        head, rest = message(peer).sub("OPTIONS ", "OPTIONS  ").then { |text| [text[0, 60], text[60..]] }
        peer.send_text(head)
        peer.send_text(rest)
        expect(peer.receive.first_line).to eq("SIP/2.0 400 Syntax error in request line at byte 8")
        expect(peer).to be_closed_by_peer
        expect(seen).to be_empty
      end

      it "goes on after a response that matches nothing" do
        peer.send_text(message(peer).sub(/\A[^\r]*/, "SIP/2.0 200 OK"))
        peer.send_text(message(peer))
        expect(peer.receive.header("CSeq")).to eq("1 OPTIONS")
        expect(seen.pop).to eq("sip:a.example")
        expect(seen).to be_empty
      end
    end
  end

  it "waits no longer than 10 s for the rest of a head" do
    OverSIP::Testing.freeze
    peer = tcp_peer
    peer.send_text("OPTIONS sip:a SIP/2.0\r\nVia: ")
    eventually { OverSIP.stats[:connections] == 1 }
    eventually do
      OverSIP::Testing.advance(1)
      OverSIP.stats[:connections].zero?
    end
    expect(peer).to be_closed_by_peer
    expect(peer.received).to be_empty
  end

  it "stamps received and rport into the Via of a request" do
    peer = tcp_peer
    sent = "Via: SIP/2.0/TCP client.invalid:5070;alias;foo=1;branch=z9hG4bKx1;rport"
    peer.send_text(message(peer).sub(/^Via: [^\r]*/, sent))
    expect(peer.receive.header("Via"))
      .to eq("SIP/2.0/TCP client.invalid:5070;branch=z9hG4bKx1;received=127.0.0.1;rport=#{peer.port};alias;foo=1")
  end
end
