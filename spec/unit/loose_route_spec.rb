# frozen_string_literal: true

# The cases of loose_route (RFC 3261 16.4), and the Route header afterwards.
RSpec.describe OverSIP::SIP::Core, :native do
  before { OverSIP.start(configuration: { sip: { listen_port: 0, local_domains: ["us.example"] } }) }

  local = "<sip:us.example;lr>"
  foreign = "<sip:them.example;lr>"

  def request(*routes, dialog: false, ruri: "sip:u@d.example")
    OverSIP::SIP::Request.parse(
      ["INVITE #{ruri} SIP/2.0", "Via: SIP/2.0/UDP h;branch=z9hG4bKa", *routes.map { |route| "Route: #{route}" },
       "From: <sip:a@b>;tag=1", "To: <sip:c@d>#{";tag=2" if dialog}", "Call-ID: x", "CSeq: 1 INVITE", "", ""].join("\r\n")
    )
  end

  {
    "no Route" => [[], false, false, nil],
    "one local" => [[local], false, true, []],
    "one foreign" => [[foreign], true, false, [foreign]],
    "local, foreign, local" => [[local, foreign, local], true, true, [foreign, local]],
    "two local, one foreign in a comma list" => [["#{local}, #{local}, #{foreign}"], true, true, [foreign]],
    "a foreign host with the mark of another process" => [
      ["<sip:them.example;lr;ovid=00000000>"], true, false, ["<sip:them.example;lr;ovid=00000000>"]
    ],
    "three local" => [[local, local, local], false, true, []]
  }.each do |what, (routes, initial, in_dialog, left)|
    it "answers for #{what}" do
      { false => initial, true => in_dialog }.each do |dialog, result|
        message = request(*routes, dialog: dialog)
        expect(message.loose_route).to be result
        expect(message.headers["Route"]).to eq left
        expect(message.routes&.size).to eq(left&.size&.nonzero?)
      end
    end
  end

  it "strips Routes that were read or made before as well" do
    message = request(local, foreign)
    hash = message.headers
    hdr_route = message.hdr_route
    routes = message.routes
    message.loose_route
    expect([hash["Route"], hdr_route]).to eq [[foreign], [foreign]]
    expect(hdr_route).to equal hash["Route"]
    expect(routes.map(&:host)).to eq ["them.example"]
    expect(message.to_s.scan(/^Route: .*$/)).to eq ["Route: #{foreign}\r"]
  end

  it "strips Routes that were read through hdr_route only" do
    message = request(local, foreign)
    hdr_route = message.hdr_route
    message.loose_route
    expect(hdr_route).to eq [foreign]
    expect(message.to_s.scan(/^Route: .*$/)).to eq ["Route: #{foreign}\r"]
  end

  it "takes a removed Route header for none" do
    message = request(foreign)
    message.delete_header("Route")
    expect(message.loose_route).to be false
  end

  it "has nothing left to strip the second time" do
    message = request(local, foreign)
    expect([message.loose_route, message.loose_route]).to eq [true, true]
    expect(message.headers["Route"]).to eq [foreign]
  end

  it "knows requests and URIs that mean this server" do
    expect(request(ruri: "sip:u@US.example").destination_myself?).to be true
    message = request
    expect(message.destination_myself?).to be false
    message.ruri = "sip:us.example"
    expect(message.destination_myself?).to be false # the first answer stays
    expect(message.local_uri?(OverSIP::SIP::Uri.parse("sips:us.example;transport=tcp"))).to be true
    expect(message.local_uri?(OverSIP::SIP::Uri.parse("sip:us.example:9"))).to be false
    expect(message.local_uri?(OverSIP::SIP::Uri.parse("tel:+1"))).to be false
    expect { message.local_uri?("sip:us.example") }.to raise_error(TypeError)
  end

  it "has no flow without a connection" do
    message = request
    expect([message.connection_outbound_flow_token, message.outgoing_outbound_requested?,
            message.incoming_outbound_requested?]).to eq [nil, false, nil]
    expect([message.reply(404), message.create_transaction, message.server_transaction]).to eq [false, nil, nil]
  end

  it "is a module that Request includes" do
    expect(OverSIP::SIP::Request.ancestors).to include(described_class)
    expect(described_class.instance_methods(false)).to include(:loose_route, :fix_nat, :check_max_forwards, :local_uri?)
  end
end
