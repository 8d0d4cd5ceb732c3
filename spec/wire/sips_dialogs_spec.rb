# frozen_string_literal: true

require_relative "../support/dialogs"
require_relative "../support/tls_peer"
require_relative "../support/websocket_peer"

# RFC 3261 16.6 step 4: the Record-Route of a request for a SIPS resource is a SIPS URI.
RSpec.describe "The dialog of a sips request", :native do
  let(:server) { tls_server }
  let(:target) { "sips:bob@127.0.0.1:#{server.port}" }

  def start(*destination, configuration: tls_configuration, profile: {})
    start_oversip(configuration: configuration, proxies: { default_proxy: profile }) { |request| relay(request, *destination) }
  end

  # To the destination, unless the request has a way of its own.
  def relay(request, *destination)
    request.loose_route
    on_its_way = request.in_dialog? || request.incoming_outbound_requested?
    OverSIP::SIP::Proxy.new.route(request, *(destination unless on_its_way))
  end

  def port_of(peer)
    peer.protocol == "TLS" ? tls_port : oversip_port
  end

  # Record-Route or Path values; tokens, codes and ports by name.
  def shapes(request, header = "Record-Route")
    request.headers(header).map do |value|
      value.sub(/(?<=:)_[\w-]+(?=@)/, "UDP_TOKEN").sub(/(?<=:)\h{10}(?=@)/, "STREAM_TOKEN").sub(/(?<=ovid=)\h{8}/, "OVID")
           .sub(/(?<=ovcode=)\h{24}/, "CODE").sub("127.0.0.1:#{tls_port}", "TLS").sub("127.0.0.1:#{oversip_port}", "OPEN")
           .sub("127.0.0.1:#{secure_websocket_port}", "WSS")
    end
  end

  # A call that is up; the callee has the connection that the server opened.
  def establish(caller, contact: "<sips:alice@#{caller.address}>", headers: {})
    caller.send_text(caller.build(:INVITE, target, headers: { "Contact" => contact }.merge(headers)), port_of(caller))
    callee = server.accept
    invite = callee.receive
    callee.answer(invite, 200, "OK", headers: { "Contact" => "<#{target}>" })
    answer = caller.receive_until { |message| message.status == 200 }
    caller.send_text(caller.in_dialog(:ACK, answer, cseq: 1), port_of(caller))
    ack = callee.receive
    expect([ack.method_name, ack.ruri, ack.headers("Route")]).to eq(["ACK", target, []])
    [callee, invite, answer]
  end

  # A re-INVITE from either side, answered and acknowledged, and then the BYE of one.
  def expect_both_ways(caller, callee, invite, answer, from_callee: caller)
    again = exchange(caller, callee, caller.in_dialog(:INVITE, answer, cseq: 2), port_of(caller))
    expect(again.ruri).to eq(target)
    caller.send_text(caller.in_dialog(:ACK, answer, cseq: 2), port_of(caller))
    expect(callee.receive.method_name).to eq("ACK")
    exchange(callee, from_callee, callee_request(callee, :INVITE, invite))
    callee.send_text(callee_request(callee, :ACK, invite))
    expect(from_callee.receive.method_name).to eq("ACK")
    bye = exchange(callee, from_callee, callee_request(callee, :BYE, invite, "CSeq" => "2 BYE"))
    expect([bye.method_name, bye.ruri, bye.headers("Route")]).to eq(["BYE", invite.header("Contact")[/<(.+?)>/, 1], []])
  end

  it "between TLS peers is recorded by one sips URI, and all its requests arrive" do
    start
    caller = tls_peer
    callee, invite, answer = establish(caller)
    expect(shapes(invite)).to eq(["<sips:STREAM_TOKEN@TLS;lr;ovid=OVID;ovcode=CODE>"])
    expect_both_ways(caller, callee, invite, answer)
  end

  it "of a client by secure WebSocket names that side by a sips URI with transport=ws, and all its requests arrive" do
    start_secure_websocket(sip: tls_configuration[:sip]) { |request| relay(request) }
    caller = secure_websocket_client.upgrade
    callee, invite, answer = establish(caller, contact: "<sips:alice@#{caller.address};transport=ws>")
    expect(shapes(invite)).to eq(["<sips:TLS;lr;ovid=OVID;ovcode=CODE>", "<sips:STREAM_TOKEN@WSS;transport=ws;lr;ovid=OVID;ovcode=CODE>"])
    expect_both_ways(caller, callee, invite, answer)
  end

  it "shows its code in the sips Routes" do
    start(configuration: tls_configuration(require_own_route: true))
    caller = tls_peer
    callee, invite, answer = establish(caller)
    expect_both_ways(caller, callee, invite, answer)
  end

  it "whose caller wants its flow kept is recorded by two sips URIs, and all its requests arrive" do
    start
    caller = tls_peer
    callee, invite, answer = establish(caller, contact: "<sips:alice@#{caller.address};ob>")
    expect(shapes(invite)).to eq(["<sips:TLS;lr;ovid=OVID;ovcode=CODE>", "<sips:STREAM_TOKEN@TLS;lr;ovid=OVID;ovcode=CODE>"])
    expect_both_ways(caller, callee, invite, answer)
  end

  it "is recorded for TLS on the side of a caller who sent in the clear too; a callee reaches its sip Contact over the flow" do
    start
    caller = udp_peer
    callee, invite, answer = establish(caller, contact: "<sip:alice@192.0.2.1>")
    expect(shapes(invite)).to eq(["<sips:TLS;lr;ovid=OVID;ovcode=CODE>", "<sips:UDP_TOKEN@TLS;lr;ovid=OVID;ovcode=CODE>"])
    expect_both_ways(caller, callee, invite, answer)
  end

  it "reaches the sips Contact of such a caller by TLS" do
    start
    home = tls_server
    caller = udp_peer
    callee, invite, = establish(caller, contact: "<sips:alice@127.0.0.1:#{home.port}>")
    callee.send_text(callee_request(callee, :BYE, invite))
    expect(home.accept.receive.ruri).to eq("sips:alice@127.0.0.1:#{home.port}")
    expect(messages_at(caller)).to be_empty
  end

  it "whose next hop the script put into the clear names that side as it is reached, the other by sips" do
    bob = udp_peer
    start("127.0.0.1", bob.port, :udp)
    caller = tls_peer
    caller.send_text(caller.build(:INVITE, target))
    invite = bob.receive
    expect(shapes(invite)).to eq(["<sip:OPEN;transport=udp;lr;ovid=OVID;ovcode=CODE>", "<sips:STREAM_TOKEN@TLS;lr;ovid=OVID;ovcode=CODE>"])
    bob.send_text(callee_request(bob, :BYE, invite, "From" => "<sip:bob@b.example>;tag=bob"), oversip_port)
    expect(caller.receive_until(&:request?).method_name).to eq("BYE")
  end

  it "names the side of a sip request by sip, and that of its Route to a sips URI by sips (RFC 5658)" do
    start
    caller = tls_peer
    routes = ["<sip:127.0.0.1:#{tls_port};transport=tls;lr>", "<sips:127.0.0.1:#{server.port};lr>"]
    caller.send_text(caller.build(:INVITE, "sip:bob@b.example", headers: { "Route" => routes }))
    expect(shapes(server.accept.receive))
      .to eq(["<sips:TLS;lr;ovid=OVID;ovcode=CODE>", "<sip:STREAM_TOKEN@TLS;transport=tls;lr;ovid=OVID;ovcode=CODE>"])
  end

  it "goes the way back of a strict router: its sips Record-Route as Request-URI" do
    start
    caller = tls_peer
    callee, _, answer = establish(caller)
    route = answer.header("Record-Route")[/<(.+)>/, 1]
    text = caller.in_dialog(:BYE, answer, cseq: 2).sub(target, route).sub(/^Route:.*\r\n/, "Route: <#{target}>\r\n")
    bye = exchange(caller, callee, text)
    expect([bye.method_name, bye.ruri, bye.headers("Route")]).to eq(["BYE", target, []])
  end

  it "has a sips Path for a REGISTER; requests along it reach the client" do
    start
    client = tls_peer
    contact = "<sips:alice@#{client.address}>;reg-id=1;+sip.instance=\"<urn:uuid:0>\""
    client.send_text(client.build(:REGISTER, target, headers: { "Supported" => "path", "Contact" => contact }))
    registrar = server.accept
    register = registrar.receive
    expect(shapes(register, "Path")).to eq(["<sips:TLS;lr;ovid=OVID>", "<sips:STREAM_TOKEN@TLS;lr;ovid=OVID;ob>"])
    registrar.send_text(registrar.build(:MESSAGE, "sips:alice@#{client.address}", headers: { "Route" => register.headers("Path") }))
    expect(client.receive_until(&:request?).ruri).to eq("sips:alice@#{client.address}")
  end

  it "over the flow of a callee names that flow by sips" do
    start
    client = tls_peer
    contact = "<sips:alice@#{client.address}>;reg-id=1;+sip.instance=\"<urn:uuid:0>\""
    client.send_text(client.build(:REGISTER, target, headers: { "Supported" => "path", "Contact" => contact }))
    path = server.accept.receive.headers("Path")
    caller = tls_peer
    caller.send_text(caller.build(:INVITE, "sips:alice@#{client.address}", headers: { "Route" => path }))
    invite = client.receive_until(&:request?)
    expect(shapes(invite)).to eq(["<sips:STREAM_TOKEN@TLS;lr;ovid=OVID;ovcode=CODE>", "<sips:TLS;lr;ovid=OVID;ovcode=CODE>"])
  end
end
