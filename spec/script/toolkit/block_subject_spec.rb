# frozen_string_literal: true

require "support/toolkit_world"

# What the ladder says of the blocks of a script.
RSpec.describe OverSIP::Testing::World::BlockSubject, :native do
  include ToolkitWorld

  def subjects
    world.blocks.to_h { |block| [block.event, block.subject] }
  end

  it "is client, path and origin of a WebSocket, and who ended it" do
    open_world(configuration: { websocket: { sip_ws: true } }) { |request| request.reply 200 }
    def (OverSIP::WebSocketEvents).on_connection(_connection, _http_request) = nil
    def (OverSIP::WebSocketEvents).on_disconnection(_connection, _client_closed) = nil
    page = world.client(:page, transport: :ws)
    page.connect(path: "/chat?room=1", origin: "https://phone.example")
    page.disconnect
    expect(subjects).to match(on_connection: %r{\A198\.51\.100\.1:\d+ /chat https://phone\.example\z},
                              on_disconnection: /\A198\.51\.100\.1:\d+, by the client\z/)
  end

  it "is the peer of a TLS handshake, without its certificates" do
    open_world(configuration: { sip: { sip_tls: true } }) { |request| request.reply 200 }
    def (OverSIP::SipEvents).on_client_tls_handshake(_connection, _pems) = nil
    world.client(:phone, transport: :tls, certificate: world.certificate("phone.example")).options
    expect(subjects.fetch(:on_client_tls_handshake)).to match(/\A198\.51\.100\.1:\d+\z/)
  end

  it "is a target, a response, the arguments of an error" do
    open_world do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_target { |_| nil }
      proxy.on_failure_response { |_| nil }
      proxy.on_error { |*| nil }
      proxy.route(request)
    end
    gateway.answers 486
    alice.invite("sip:bob@gw1.example")
    alice.invite("sip:bob@nowhere.example")
    expect(subjects).to include(on_request: "INVITE sip:bob@nowhere.example", on_target: "udp:192.0.2.1:5060",
                                on_failure_response: "486 Busy Here", on_error: "404 No DNS Resolution no_dns_resolution")
  end

  it "has no number of an object, and is empty for an object that cannot be asked" do
    open_world { |request| request.reply 200 }
    plain = Object.new
    broken = Class.new { def to_s = raise("no text") }.new
    subjects = [[plain, 1], [broken]].map { |arguments| described_class.of(:on_user_event, nil, arguments) }
    expect(subjects).to eq(["Object 1", ""])
  end
end
