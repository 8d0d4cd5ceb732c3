# frozen_string_literal: true

require_relative "../../support/starter_script"

# Registrations, and requests to who is registered.
RSpec.describe "The starter, registrations", :sip, **StarterScript::FILES do
  include_context "with the starter"

  it "takes a registration to the home server" do
    register = alice.register
    expect(register).to be_answered.with(200).by("127.0.0.1")
    expect(register).to be_relayed_to(home).with(ruri: "sip:example.com", headers: { "To" => "<sip:alice@example.com>", "Expires" => "3600" })
  end

  it "takes a challenge back" do
    home.answers 401, www_authenticate: 'Digest realm="example.com", nonce="1"'
    register = alice.register
    expect(register).to be_answered.with(401)
    expect(register).to send_sip(401).to(alice).with(headers: { "WWW-Authenticate" => a_string_including("nonce") })
  end

  it "names itself in the Path, with the flow of a client that does not support it" do
    expect(path_of(alice)).to all(match(/\A<sip:([^@]+@)?192\.0\.2\.100:5060;transport=udp;lr/))
  end

  it "names itself in the Path of a client by TCP" do
    expect(path_of(sip.client(:tcp, transport: :tcp)).join).to include("transport=tcp").and include("transport=udp")
  end

  it "leaves the Contact of a registration as it is" do
    expect(bob.register).to be_relayed_to(home).with(headers: { "Contact" => "<sip:bob@10.0.0.1:5060>" })
  end

  it "sends answers back through the NAT" do
    expect { bob.register }.to send_sip(200).to("203.0.113.1:5060")
    expect(bob.responses.last.header("Via")).to include("received=203.0.113.1").and include("rport=5060")
  end

  it "brings a message over the flow of the client" do
    message = from_home(:MESSAGE, bob)
    expect(message).to be_answered.by("bob")
    expect(message).to have_tried("udp:203.0.113.1:5060")
  end

  it "brings a message over the connection of the client" do
    phone = sip.client(:phone, transport: :tcp)
    expect(from_home(:MESSAGE, phone)).to be_answered.by("phone")
  end

  it "answers 430 for a client whose connection is gone" do
    phone = sip.client(:phone, transport: :tcp)
    path = path_of(phone)
    phone.disconnect
    expect(home.message("sip:phone@198.51.100.1", headers: { "Route" => path })).to be_answered.with(430).by(:element)
  end

  it "sends nothing along a Path that is not its own work" do
    forged = path_of(bob).map { |entry| entry.sub(/:[^@]+@/, ":_forged@") }
    expect(home.message("sip:bob@10.0.0.1", headers: { "Route" => forged })).to be_answered.with(403).by(:element).or be_answered.with(430)
    expect(bob.received).to be_empty
  end
end
