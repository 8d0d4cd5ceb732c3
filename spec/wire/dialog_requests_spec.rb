# frozen_string_literal: true

require_relative "../support/dialogs"

# In-dialog requests of a record-routed call pass the relay, from both sides.
RSpec.describe "A request inside a dialog", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }

  # Initial requests go where the block says, those in a dialog along their Route.
  def start(over: :udp, port: bob.port)
    start_oversip do |request|
      proxy = OverSIP::SIP::Proxy.new
      next proxy.route(request, "127.0.0.1", port, over) if request.initial?

      request.loose_route ? proxy.route(request) : request.sip_method == :ACK || request.reply(404)
    end
  end

  it "of the caller reaches the callee's Contact, our Route taken off" do
    start
    _, answer = call(alice, bob)
    bye = exchange(alice, bob, alice.in_dialog(:BYE, answer, cseq: 2))
    expect([bye.first_line, bye.header("Route"), bye.header("Max-Forwards"), bye.header("Record-Route")])
      .to eq(["BYE sip:bob@#{bob.address};transport=udp SIP/2.0", nil, "69", nil])
  end

  it "of the callee reaches the caller" do
    start
    invite, = call(alice, bob)
    bye = exchange(bob, alice, callee_request(bob, :BYE, invite))
    expect([bye.first_line, bye.header("Route")]).to eq(["BYE sip:alice@#{alice.address};transport=udp SIP/2.0", nil])
  end

  it "of the callee reaches the caller by the flow of the INVITE, whatever its Contact says" do
    start
    invite, = call(alice, bob, headers: { "Contact" => "<sip:alice@unreachable.invalid>" })
    bye = exchange(bob, alice, callee_request(bob, :BYE, invite))
    expect(bye.first_line).to eq("BYE sip:alice@unreachable.invalid SIP/2.0")
  end

  it "of the callee reaches a caller by the TCP connection of the INVITE" do
    start
    caller = tcp_peer
    invite, = call(caller, bob, headers: { "Contact" => "<sip:alice@unreachable.invalid;transport=tcp>" })
    expect(invite.headers("Record-Route").size).to eq(2)
    bye = exchange(bob, caller, callee_request(bob, :BYE, invite))
    expect([bye.first_line, bye.header("Route")]).to eq(["BYE sip:alice@unreachable.invalid;transport=tcp SIP/2.0", nil])
  end

  it "of either side gets from UDP to TCP and back" do
    server = tcp_server
    start(over: :tcp, port: server.port)
    callee = nil
    accept = -> { callee = server.accept }
    invite, answer = call(alice, accept)
    expect(invite.headers("Record-Route").size).to eq(2)
    exchange(callee, alice, callee_request(callee, :INFO, invite))
    exchange(alice, callee, alice.in_dialog(:BYE, answer, cseq: 2))
  end

  it "of the callee follows the Routes of other proxies behind ours" do
    start
    proxy = udp_peer
    call_from(alice, headers: { "Record-Route" => "<sip:#{proxy.address};lr>" })
    invite = bob.receive
    expect(invite.headers("Record-Route").size).to eq(2)
    bob.send_text(callee_request(bob, :BYE, invite), oversip_port)
    expect(proxy.receive.headers("Route")).to eq(["<sip:#{proxy.address};lr>"])
  end

  it "that is a re-INVITE gets its ACK through as well" do
    start
    _, answer = call(alice, bob)
    alice.send_text(alice.in_dialog(:INVITE, answer, cseq: 2), oversip_port)
    reinvite = bob.receive
    bob.answer(reinvite, 200, "OK")
    alice.receive_until { |message| message.status == 200 }
    alice.send_text(alice.in_dialog(:ACK, answer, cseq: 2), oversip_port)
    ack = bob.receive
    expect([ack.method_name, ack.header("CSeq")]).to eq(["ACK", "2 ACK"])
    expect(ack.branch).not_to eq(reinvite.branch)
  end

  it "without a Route of ours is the script's matter" do
    start
    _, answer = call(alice, bob)
    stray = alice.in_dialog(:BYE, answer, cseq: 2).gsub(/^Route:.*\r\n/, "")
    alice.send_text(stray, oversip_port)
    expect(alice.receive.status).to eq(404)
  end
end
