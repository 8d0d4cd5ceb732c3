# frozen_string_literal: true

require "support/toolkit_world"

# TLS peers of a world: their certificates are real, and judged by library and script.
RSpec.describe OverSIP::Testing::World, "with TLS", :native do
  include ToolkitWorld

  def tls_world(verify_server: true, **configuration, &block)
    block ||= ->(request) { OverSIP::SIP::Proxy.new.route(request, "gw.example", 5061, :tls) }
    open_world(configuration: { sip: { sip_tls: true } }.merge(configuration), proxies: { default_proxy: { verify_server: verify_server } }, &block)
  end

  def status_with(certificate)
    world.target("gw.example", transport: :tls, certificate: certificate)
    alice.invite("sip:bob@example.com").status
  end

  it "trusts a target without a word, and one with the name" do
    tls_world
    expect(status_with(nil)).to eq(200)
    world.close
    tls_world
    expect(status_with(world.certificate("gw.example"))).to eq(200)
    expect(world.errors).to be_empty
  end

  it "trusts a target without a word for its address, which its Contact names" do
    open_world(configuration: { sip: { sip_tls: true } }, proxies: { default_proxy: { verify_server: true } }) do |request|
      request.loose_route
      proxy = OverSIP::SIP::Proxy.new
      request.initial? ? proxy.route(request, "gw.example", 5061, :tls) : proxy.route(request)
    end
    world.target("gw.example", transport: :tls)
    expect(alice.invite("sip:bob@example.com").hang_up.status).to eq(200)
  end

  it "trusts nobody with another name, none with a date that is over, none of a stranger" do
    bad = [["other.example", {}], ["gw.example", { expired: true }], ["gw.example", { by: :stranger }], ["gw.example", { by: :itself }]]
    statuses = bad.map do |name, options|
      tls_world
      status_with(world.certificate(name, **options)).tap { world.close }
    end
    expect(statuses).to all(be >= 500)
  end

  it "judges by the date of the world" do
    tls_world
    world.date = Time.now + (400 * 86_400)
    expect(status_with(nil)).to be >= 500
  end

  it "shows the certificates of a client to the script" do
    results = []
    tls_world { |request| request.reply 200 }
    allow(OverSIP::SipEvents).to receive(:on_client_tls_handshake) { |_, pems| results << OverSIP::TLS.validate(pems)[1] }
    peer = world.client(:peer, transport: :tls, certificate: world.certificate("peer.example"))
    expect([peer.options.status, world.client(:other, transport: :tls).options.status, results]).to eq([200, 200, [true, false]])
  end

  it "leaves a client that the script refuses without an answer" do
    tls_world { |request| request.reply 200 }
    allow(OverSIP::SipEvents).to receive(:on_client_tls_handshake) { |connection, _| connection.close }
    peer = world.client(:peer, transport: :tls, certificate: world.certificate("peer.example"))
    expect(peer.options.status).to be_nil
  end

  it "refuses an unknown authority" do
    expect { world.certificate("a.example", by: :nobody) }.to raise_error(ArgumentError, /:authority, :stranger or :itself/)
  end

  it "reaches the servers of a domain by its SRV records" do
    tls_world { |request| OverSIP::SIP::Proxy.new.route(request, "example.com", nil, :tls) }
    world.zone { srv "_sips._tcp.example.com", "edge.example" }
    target = world.target("edge.example")
    expect([target.transport, target.address, alice.invite("sip:bob@example.com").answered_by]).to eq([:tls, "192.0.2.1:5061", "edge.example"])
  end
end
