# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/websocket_peer"

# What is sent to a browser goes over the connection that the browser opened, or not at all.
RSpec.describe "A flow to a WebSocket client", :native do
  let(:seen) { mailbox }
  let(:bob) { udp_peer }

  # Requests with a Route of ours follow it, others go to bob.
  def serve(**options)
    start_websocket(**options) do |request|
      proxy = record(OverSIP::SIP::Proxy.new, into: seen, only: %i[target error])
      request.loose_route
      next proxy.route(request) if request.incoming_outbound_requested? || request.in_dialog?

      proxy.route(request, "127.0.0.1", bob.port)
    end
  end

  # What bob sees of a request.
  def forwarded(alice, method, headers = {})
    alice.send_text(alice.build(method, "sip:bob@b.example", headers: { "Contact" => "<sip:alice@#{alice.address};transport=ws;ob>" }
                                                             .merge(headers)))
    bob.receive
  end

  def message_along(*route, **options)
    bob.send_text(bob.build(:MESSAGE, "sip:alice@a.example", headers: { "Route" => route }, **options), oversip_port)
  end

  def ovid
    "ovid=\\h{8}"
  end

  def code
    ";ovcode=\\h{24}"
  end

  it "is named in the Record-Route of an INVITE, with the UDP side above it" do
    serve
    request = forwarded(websocket_peer, :INVITE)
    expect(request.headers("Record-Route")).to match(
      [/\A<sip:127\.0\.0\.1:#{oversip_port};transport=udp;lr;#{ovid}#{code}>\z/,
       /\A<sip:\h{10}@127\.0\.0\.1:#{websocket_port};transport=ws;lr;#{ovid}#{code}>\z/]
    )
  end

  it "is named in the Path of a REGISTER that asks for Outbound" do
    serve
    contact = "<sip:alice@df7jal23ls0d.invalid;transport=ws>;reg-id=1;+sip.instance=\"<urn:uuid:1>\""
    request = forwarded(websocket_peer, :REGISTER, "Contact" => contact, "Supported" => "path, outbound")
    expect(request.headers("Path")).to match(
      [/\A<sip:127\.0\.0\.1:#{oversip_port};transport=udp;lr;#{ovid}>\z/,
       /\A<sip:\h{10}@127\.0\.0\.1:#{websocket_port};transport=ws;lr;#{ovid};ob>\z/]
    )
  end

  it "bears the advertised address of the websocket section" do
    serve(websocket: { advertised_ipv4: "203.0.113.5" })
    alice = websocket_peer
    request = forwarded(alice, :INVITE)
    expect(request.headers("Record-Route").last).to match(/@203\.0\.113\.5:#{websocket_port};transport=ws;/)
    message_along(request.headers("Record-Route").last)
    expect(alice.receive_until(&:request?).header("Via")).to start_with("SIP/2.0/WS 203.0.113.5:#{websocket_port};branch=z9hG4bK")
  end

  it "carries requests from the other side, without on_target, and responses back" do
    serve
    alice = websocket_peer
    route = forwarded(alice, :INVITE).headers("Record-Route")
    seen.all
    message_along(*route)
    request = alice.receive_until(&:request?)
    expect(request.first_line).to eq("MESSAGE sip:alice@a.example SIP/2.0")
    expect(request.header("Via")).to match(%r{\ASIP/2\.0/WS 127\.0\.0\.1:#{websocket_port};branch=z9hG4bK\S+;rport\z})
    expect(request.headers("Route")).to be_empty
    alice.answer(request, 200)
    expect(bob.receive_until { |message| message.status == 200 }.header("CSeq")).to eq("1 MESSAGE")
    expect(seen.all).to be_empty
  end

  it "carries what does not need retransmitting: an INVITE goes out once" do
    serve
    alice = websocket_peer
    route = forwarded(alice, :SUBSCRIBE).headers("Record-Route")
    OverSIP::Testing.freeze
    bob.send_text(bob.build(:INVITE, "sip:alice@a.example", headers: { "Route" => route }), oversip_port)
    expect(alice.receive_until(&:request?).method_name).to eq("INVITE")
    OverSIP::Testing.advance(10)
    alice.send_frame("marker", first: 0x89)
    frames = []
    frames << alice.receive_frame until frames.last&.payload == "marker"
    expect(frames.map(&:payload).grep(/\AINVITE/)).to be_empty
  end

  it "is 430 Flow Failed once the client is gone" do
    gone = mailbox
    on_websocket(:on_disconnection) { |connection, _| gone << connection }
    serve
    alice = websocket_peer
    route = forwarded(alice, :SUBSCRIBE).headers("Record-Route")
    seen.all
    alice.close
    gone.pop
    message_along(*route)
    expect(bob.receive_final.first_line).to eq("SIP/2.0 430 Flow Failed")
    expect(seen.all).to eq([[:error, 430, "Flow Failed", :flow_failed]])
  end

  it "is 430 Flow Failed for an unknown token" do
    serve
    alice = websocket_peer
    route = forwarded(alice, :SUBSCRIBE).headers("Record-Route").last.sub(/(?<=sip:)\h+/) { |token| token.tr("0-9a-f", "1-9a-f0") }
    message_along(route)
    expect(bob.receive_final.first_line).to eq("SIP/2.0 430 Flow Failed")
    expect(alice.receive?(SipPeer::SILENCE)&.request?).to be_falsy
  end

  it "is 430 Flow Failed before the client has its WebSocket" do
    fibers = mailbox
    token = mailbox
    on_websocket(:on_connection) do |connection, _|
      token << connection.outbound_flow_token
      fibers << Fiber.current
      Fiber.yield
    end
    serve
    client = websocket_client
    client.send_bytes(WebSocketPeer.request)
    fiber = fibers.pop
    route = "<sip:#{token.pop}@127.0.0.1:#{websocket_port};transport=ws;lr;ovid=00000000>"
    message_along(route)
    expect(bob.receive_final.first_line).to eq("SIP/2.0 430 Flow Failed")
    OverSIP.schedule { fiber.resume }
    expect(client.read_head).to start_with("HTTP/1.1 101 ")
    message_along(route)
    expect(client.receive.method_name).to eq("MESSAGE")
  end

  it "is an error when it breaks while the client is waited for" do
    serve
    alice = websocket_peer
    route = forwarded(alice, :SUBSCRIBE).headers("Record-Route")
    seen.all
    message_along(*route)
    alice.receive_until(&:request?)
    alice.reset
    expect(bob.receive_final.first_line).to eq("SIP/2.0 500 Connection Error")
    expect(seen.all).to eq([[:error, 500, "Connection Error", :connection_error]])
  end

  it "of a request is its way back, also when two clients have one address in their Via" do
    start_websocket { |request| request.reply 200, "OK", ["X-Token: #{request.connection_outbound_flow_token}"] }
    clients = Array.new(2) { websocket_peer }
    clients.each { |client| client.send_text(client.build(:OPTIONS, "sip:a@b.example")) }
    tokens = clients.map { |client| client.receive_final.header("X-Token") }
    expect(tokens.uniq.size).to eq(2)
  end

  it "cannot be opened: a response to a client that has gone is dropped" do
    asked = mailbox
    start_websocket do |request|
      asked << Fiber.current << request.connection
      Fiber.yield
      asked << request.reply(200)
    end
    client = websocket_peer
    client.send_text(client.build(:OPTIONS, "sip:a@b.example"))
    fiber = asked.pop
    connection = asked.pop
    client.close
    eventually { !connection.open? }
    OverSIP.schedule { fiber.resume }
    expect(asked.pop).to be(true)
    expect(websocket_peer.tap { |other| other.send_frame("x", first: 0x89) }.receive_frame.payload).to eq("x")
  end

  it "is in the statistics" do
    start_websocket
    websocket_peer
    eventually { OverSIP.stats[:connections] == 1 }
  end
end
