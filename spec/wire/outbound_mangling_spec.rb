# frozen_string_literal: true

# RFC 5626 for registrars that do not know it.
RSpec.describe OverSIP::Modules::OutboundMangling, :native do
  let!(:registrar) { udp_peer }
  let!(:seen) { mailbox }

  def start_script(&setup)
    start_relay_to(registrar) do |proxy, request|
      request.fix_nat
      seen << described_class.extract_outbound_from_ruri(request) unless request.sip_method == :REGISTER
      described_class.add_outbound_to_contact(proxy) if request.sip_method == :REGISTER
      setup&.call(proxy, request)
    end
  end

  def register(client, contact: "<sip:alice@#{client.address}>;expires=60")
    call_from(client, :REGISTER, headers: { "Contact" => contact })
    registrar.receive
  end

  it "lets the registrar see the flow token in the Contact, and the client see none" do
    start_script
    alice = udp_peer
    registered = register(alice)
    contact = registered.header("Contact")
    expect(contact).to match(/\A<sip:alice@#{Regexp.escape(alice.address)};ov-ob=_[-_0-9A-Za-z]+>;expires=60\z/)
    other = "<sip:alice@192.0.2.9;ov-ob=abc-_9;x=1>;expires=5, <sip:c@192.0.2.8>"
    registrar.answer(registered, 200, headers: { "Contact" => [contact, other] })
    expect(alice.receive_final.headers("Contact"))
      .to eq ["<sip:alice@#{alice.address}>;expires=60", "<sip:alice@192.0.2.9;x=1>;expires=5", "<sip:c@192.0.2.8>"]
  end

  it "leaves the Contacts of a failure alone" do
    start_script
    alice = udp_peer
    registered = register(alice)
    registrar.answer(registered, 302, headers: { "Contact" => registered.header("Contact") })
    expect(alice.receive_final.header("Contact")).to eq registered.header("Contact")
  end

  it "changes a request without Contact not at all" do
    start_script
    alice = udp_peer
    call_from(alice, :REGISTER, headers: { "Contact" => nil })
    expect(registrar.receive.headers("Contact")).to be_empty
  end

  it "wants a Proxy" do
    expect { described_class.add_outbound_to_contact(:proxy) }
      .to raise_error(OverSIP::RuntimeError, "proxy must be a OverSIP::SIP::Proxy instance")
  end

  %i[udp_peer tcp_peer].each do |kind|
    it "brings a request back over the flow of a #{kind.to_s.sub("_peer", "").upcase} client" do
      start_script
      client = kind == :tcp_peer ? tcp_peer : udp_peer
      ruri = register(client).header("Contact")[/<(.*)>/, 1]
      expect(ruri).to include(";ov-ob=")
      OverSIP::SipEvents.define_singleton_method(:on_request) do |request|
        OverSIP::M::OutboundMangling.extract_outbound_from_ruri(request)
        OverSIP::SIP::Proxy.new.route(request)
      end
      bob = udp_peer
      bob.send_text(bob.build(:MESSAGE, ruri.sub(/@[\d.]+:\d+/, "@192.0.2.77")), oversip_port)
      received = client.receive_until(&:request?)
      expect(received.ruri).to eq "sip:alice@192.0.2.77"
    end
  end

  it "sends nothing to the address in an unsigned token" do
    start_oversip do |request|
      seen << described_class.extract_outbound_from_ruri(request)
      OverSIP::SIP::Proxy.new.route(request)
    end
    victim = udp_peer
    alice = udp_peer
    forged = "_#{["127.0.0.1_#{victim.port}"].pack("m0").tr("=", "-")}"
    alice.send_text(alice.build(:MESSAGE, "sip:bob@192.0.2.77;ov-ob=#{forged}"), oversip_port)
    expect(seen.pop).to be true
    expect(alice.receive_final.first_line).to eq "SIP/2.0 430 Flow Failed"
    expect(victim.drain(quiet: 0)).to be_empty
  end

  describe ".extract_outbound_from_ruri" do
    def extract(ruri, to_tag: nil)
      request = OverSIP::SIP::Request.parse("MESSAGE #{ruri} SIP/2.0\r\nTo: <sip:a@b>#{";tag=#{to_tag}" if to_tag}\r\n\r\n")
      yield request if block_given?
      [described_class.extract_outbound_from_ruri(request), request.ruri.to_s, request.route_outbound_flow_token,
       request.incoming_outbound_requested?]
    end

    it "takes the token out and asks for the flow" do
      expect(extract("sip:a@b;ov-ob=tok;x=1")).to eq [true, "sip:a@b;x=1", "tok", true]
    end

    it "takes a parameter without value for none" do
      expect(extract("sip:a@b;ov-ob;x=1")).to eq [false, "sip:a@b;x=1", nil, nil]
    end

    it "returns false without a token" do
      expect(extract("sip:a@b;x=1")).to eq [false, "sip:a@b;x=1", nil, nil]
      expect(extract("tel:123;ov-ob=tok")).to eq [false, "tel:123;ov-ob=tok", nil, nil]
      expect(extract("urn:x")).to eq [false, "urn:x", nil, nil]
    end

    it "leaves a flow that was asked for before" do
      before = lambda do |request|
        request.incoming_outbound_requested = true
        request.route_outbound_flow_token = "other"
      end
      expect(extract("sip:a@b;ov-ob=tok", &before)).to eq [false, "sip:a@b", "other", true]
    end

    it "ignores an invalid token within a dialog" do
      start_oversip
      expect(extract("sip:a@b;ov-ob=tok", to_tag: "t")).to eq [false, "sip:a@b", nil, nil]
    end
  end
end
