# frozen_string_literal: true

require "support/toolkit_world"

# WebSocket clients of a world.
RSpec.describe OverSIP::Testing::Client, "over WebSocket", :native do
  include ToolkitWorld

  let(:seen) { [] }
  let(:page) { world.client(:page, transport: :ws) }

  before do
    seen = self.seen
    open_world(configuration: { websocket: { sip_ws: true } }) { |request| relay(request) }
    world.zone { srv "_sip._udp.example.com", "gw1.example" }
    allow(OverSIP::WebSocketEvents).to receive(:on_connection) do |connection, http|
      seen << [http.hdr_origin, http.uri_path]
      connection.http_reject(403, "Origin", ["X-Why: origin"]) if http.hdr_origin == "https://evil.example"
    end
  end

  it "asks with an HTTP request, which the script may refuse" do
    expect(page.connect(path: "/chat", origin: "https://app.example")).to be_accepted.and have_attributes(status: 101)
    page.disconnect
    refused = page.connect(origin: "https://evil.example")
    expect([refused.accepted?, refused.status, refused.headers["X-Why"], page.upgrade]).to eq([false, 403, "origin", refused])
    expect(seen).to eq([["https://app.example", "/chat"], ["https://evil.example", "/"]])
  end

  it "connects by itself, and carries requests of both sides" do
    gateway.answers 180, 200
    call = page.invite("sip:bob@example.com")
    expect([call.status, call.peer.request(:INFO).status, call.hang_up.status]).to eq([200, 200, 200])
    expect(page.received.map(&:sip_method)).to eq([:INFO])
    expect(call.request.header("contact")).to eq("<sip:page@page.invalid;transport=ws>")
    expect(world.errors).to be_empty
  end

  it "has no answer when it is refused" do
    allow(OverSIP::WebSocketEvents).to receive(:on_connection) { |connection, _| connection.http_reject(403) }
    expect([page.options.status, page.upgrade.status]).to eq([nil, 403])
  end

  it "tells the script of its end" do
    ended = []
    allow(OverSIP::WebSocketEvents).to receive(:on_disconnection) { |_, by_client| ended << by_client }
    page.connect
    page.disconnect
    expect(ended).to eq([true])
  end
end
