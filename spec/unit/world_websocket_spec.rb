# frozen_string_literal: true

require "support/certificates"
require "support/simulated_world"

# WebSocket clients of a world get their WebSocket by an HTTP request that the script decides on.
RSpec.describe OverSIP::Engine::World, "and its WebSockets" do
  include SimulatedWorld

  let(:listeners) { [[:ws, "10.0.0.1", 80], [:wss, "10.0.0.1", 443]] }
  let(:server) { "10.0.0.1:80" }
  let(:seen) { [] }

  def head(extra = "Origin: https://a.example\r\n")
    "GET /chat HTTP/1.1\r\nHost: sip.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n#{extra}\r\n"
  end

  def with_browser(transport: :ws, **options)
    in_world(listeners:, **options) { |world| yield world, world.add_peer("browser", transport, "10.0.1.1:50000") }
  end

  it "are granted, carry messages, and end with on_disconnection" do
    seen = self.seen
    allow(OverSIP::WebSocketEvents).to receive(:on_connection) { |connection, http| seen << [connection, http.hdr_origin, http.uri_path] }
    allow(OverSIP::WebSocketEvents).to receive(:on_disconnection) { |connection, by_client| seen << [connection, by_client] }
    allow(OverSIP::SipEvents).to receive(:on_request) { |request| request.reply(200) }
    with_browser do |world, browser|
      world.upgrade(browser, server, head)
      answered, up = run(world)
      expect(answered).to match([:upgrade_answered, browser, server, 101, a_hash_including("Sec-WebSocket-Accept" => "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")])
      expect(up).to eq([:connection_up, browser, server])
      world.send_bytes(browser, request(method: "OPTIONS", via: "WS invalid.invalid"), server)
      expect(run(world).first.last).to start_with("SIP/2.0 200")
      world.disconnect(browser, server)
      run(world)
    end
    expect(seen).to match([[OverSIP::WebSocket::Connection, "https://a.example", "/chat"], [seen[0][0], true]])
    expect(OverSIP::Engine.held_objects).to eq(0)
  end

  it "are refused by the script" do
    allow(OverSIP::WebSocketEvents).to receive(:on_connection) { |connection, _| connection.http_reject(403, "No", ["X-Why: origin"]) }
    with_browser do |world, browser|
      world.upgrade(browser, server, head)
      expect(run(world)).to match([[:upgrade_answered, browser, server, 403, a_hash_including("X-Why" => "origin")],
                                   [:connection_ended, browser, server]])
    end
  end

  it "are refused with 500 when the script fails" do
    allow(OverSIP::WebSocketEvents).to receive(:on_connection).and_raise("no")
    capture_log do
      with_browser do |world, browser|
        world.upgrade(browser, server, head)
        expect(run(world).first[3]).to eq(500)
      end
    end
  end

  it "are refused as by a server when the request lacks something, and the script is not asked" do
    expect(OverSIP::WebSocketEvents).not_to receive(:on_connection)
    with_browser do |world, browser|
      world.upgrade(browser, server, head.sub("Version: 13", "Version: 3"))
      expect(run(world).first[3]).to eq(426)
      world.upgrade(browser, server, "no HTTP\r\n\r\n")
      expect(run(world)).to eq([[:connection_ended, browser, server]])
    end
  end

  it "are closed by the script" do
    connections = []
    allow(OverSIP::WebSocketEvents).to receive(:on_connection) { |connection, _| connections << connection }
    with_browser do |world, browser|
      world.upgrade(browser, server, head)
      run(world)
      expect(connections.first).to be_open
      expect(connections.first.close(1000, "Bye")).to be(true)
      expect(run(world)).to eq([[:connection_ended, browser, server]])
    end
  end

  it "are asked for before anything is sent" do
    with_browser do |world, browser|
      expect { world.send_bytes(browser, "x", server) }.to raise_error(ArgumentError, /asked for with upgrade/)
    end
  end

  it "are secure where the script accepts the client's certificates" do
    seen = self.seen
    allow(OverSIP::WebSocketEvents).to receive(:on_client_tls_handshake) do |connection, pems|
      seen << pems
      connection.close if pems.empty?
    end
    with_browser(transport: :wss, websocket_client_certificates: :reported) do |world, browser|
      certificate = Certificates.for_name("browser.example").certificate.to_pem
      world.upgrade(browser, "10.0.0.1:443", head, [certificate])
      expect(run(world).map(&:first)).to eq(%i[upgrade_answered connection_up])
      world.upgrade(browser, "10.0.0.1:443", head)
      expect(run(world).map(&:first)).to eq([:connection_ended])
      expect(seen).to eq([[certificate], []])
    end
  end
end
