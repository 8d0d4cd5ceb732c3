# frozen_string_literal: true

require "support/certificates"
require "support/simulated_world"

# The certificates of a world are real: library and script judge them as in a server, by the world's date.
RSpec.describe OverSIP::Engine::World, "and its TLS peers" do
  include SimulatedWorld

  let(:listeners) { [[:udp, "10.0.0.1", 5060], [:tls, "10.0.0.1", 5061]] }
  let(:seen) { [] }

  around { |example| capture_log { example.run } }

  # @return [Array(Array, Array)] what the element has opened, and the statuses that Alice has got
  def call_by_tls(certificates, verify: true, date: nil)
    allow(OverSIP::SipEvents).to receive(:on_request) { |request| OverSIP::SIP::Proxy.new.route(request, "relay.example", 5061, :tls) }
    in_world(listeners:, proxies: { default_proxy: { verify_server: verify } }, tls: Certificates.section) do |world|
      world.date = date if date
      world.add_record("relay.example", :a, "10.0.2.1")
      world.add_peer("relay", :tls, "10.0.2.1:5061")
      world.show_certificates("10.0.2.1:5061", certificates)
      alice = world.add_peer("alice", :udp, "10.0.1.1:5060")
      world.send_bytes(alice, request, "10.0.0.1:5060")
      run(world, 1)
      [world.openings(0).map(&:last), world.entries(0).filter_map { |entry| entry.last[/\ASIP\S+ (\d+)/, 1] }]
    end
  end

  def shown(issued)
    issued.certificates.map(&:to_pem)
  end

  it "are trusted where an authority says who they are" do
    expect(call_by_tls(shown(Certificates.for_name))).to eq([[:up], ["100"]])
    expect(call_by_tls(shown(Certificates.with_intermediate))).to eq([[:up], ["100"]])
  end

  it "are not trusted without a certificate, with that of another one, with one of nobody" do
    [[], shown(Certificates.for_name("other.example")), shown(Certificates.self_signed)].each do |certificates|
      expect(call_by_tls(certificates).first).to eq([:not_accepted])
    end
  end

  it "are not trusted with one that is out of date in the world" do
    long_ago = Certificates.for_name.certificate.not_before.to_f - 86_400
    expect(call_by_tls(shown(Certificates.for_name), date: long_ago).first).to eq([:not_accepted])
    expect(call_by_tls(shown(Certificates.expired)).first).to eq([:not_accepted])
  end

  it "are shown to on_server_tls_handshake, which may refuse them" do
    seen = self.seen
    allow(OverSIP::SipEvents).to receive(:on_server_tls_handshake) { |connection, pems| seen << [connection.remote_ip, pems] }
    expect(call_by_tls(shown(Certificates.self_signed), verify: "callback").first).to eq([:up])
    expect(seen).to eq([["10.0.2.1", shown(Certificates.self_signed)]])
    allow(OverSIP::SipEvents).to receive(:on_server_tls_handshake) { |connection, _| connection.close }
    expect(call_by_tls(shown(Certificates.self_signed), verify: "callback").first).to eq([:not_accepted])
  end

  it "are shown to on_client_tls_handshake, which may refuse them" do
    seen = self.seen
    allow(OverSIP::SipEvents).to receive(:on_request) { |request| request.reply(200) }
    allow(OverSIP::SipEvents).to receive(:on_client_tls_handshake) do |connection, pems|
      seen << OverSIP::TLS.validate(pems)[1]
      connection.close if pems.empty?
    end
    in_world(listeners:, tls: Certificates.section, client_certificates: :reported) do |world|
      alice = world.add_peer("alice", :tls, "10.0.1.1:5061")
      world.connect(alice, "10.0.0.1:5061", shown(Certificates.for_name("alice.example")))
      expect(run(world)).to eq([[:connection_up, alice, "10.0.0.1:5061"]])
      world.send_bytes(alice, request(method: "OPTIONS", via: "TLS 10.0.1.1:5061"), "10.0.0.1:5061")
      expect(run(world).last.last).to start_with("SIP/2.0 200")
      world.disconnect(alice, "10.0.0.1:5061")
      run(world)
      world.connect(alice, "10.0.0.1:5061")
      expect(run(world)).to eq([[:connection_ended, alice, "10.0.0.1:5061"]])
      expect(seen).to eq([true, false])
    end
  end

  it "need certificates in PEM" do
    in_world { |world| expect { world.show_certificates("10.0.2.1:5061", ["no"]) }.to raise_error(ArgumentError, /PEM/) }
  end
end
