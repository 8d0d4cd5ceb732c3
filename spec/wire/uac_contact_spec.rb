# frozen_string_literal: true

# The Contact of a Uac's requests (RFC 3261 8.1.1.8).
RSpec.describe "The Contact of a Uac's request", :native do
  let(:peer) { udp_peer }

  # @return [Array<String>] as the peer gets it
  def contacts(method, *headers, uri: "sip:#{peer.address}", to: peer, **data)
    start_oversip unless OverSIP.running?
    OverSIP::SIP::Uac.new.route(OverSIP::SIP::UacRequest.new({ sip_method: method, ruri: uri, **data }, headers))
    request = (to.respond_to?(:accept) ? to.accept : to).receive
    request.headers("Contact")
  end

  %i[INVITE SUBSCRIBE REFER NOTIFY UPDATE].each do |method|
    it "is that of the listener where #{method} has none" do
      expect(contacts(method)).to eq(["<sip:127.0.0.1:#{oversip_port}>"])
    end
  end

  %i[REGISTER OPTIONS BYE MESSAGE ACK INFO].each do |method|
    it "is not added to #{method}" do
      expect(contacts(method)).to eq([])
    end
  end

  it "names the transport" do
    server = tcp_server
    opened << server
    expect(contacts(:INVITE, uri: "sip:127.0.0.1:#{server.port};transport=tcp", to: server)).to eq(["<sip:127.0.0.1:#{oversip_port};transport=tcp>"])
  end

  it "names the advertised address" do
    start_oversip(configuration: { sip: { advertised_ipv4: "203.0.113.7" } })
    expect(contacts(:INVITE)).to eq(["<sip:203.0.113.7:#{oversip_port}>"])
  end

  it "is the script's where it has one" do
    start_oversip
    ["<sip:a@h.example>;expires=5", "<sip:a@127.0.0.1:#{oversip_port}>", "*"].each do |own|
      expect(contacts(:INVITE, "Contact: #{own}")).to eq([own])
    end
    expect(contacts(:SUBSCRIBE, "m: <sip:b@h.example>")).to eq([]) # in its compact form
  end
end
