# frozen_string_literal: true

# OverSIP 2 made ACK and CANCEL from the received request.
RSpec.describe "The ACK for a failure and the CANCEL of an INVITE", :native do
  let(:alice) { udp_peer }
  let(:bob) { udp_peer }

  # The script changes everything that these requests take over.
  def relay
    start_relay_to(bob) do |proxy, request|
      request.ruri.user = "changed"
      request.from.display_name = "Somebody"
      request.to.user = "else"
      proxy.on_target { request.set_header("Route", ["<sip:after.invalid;lr>"]) }
    end
  end

  same = %w[From Call-ID Route Max-Forwards]

  it "the CANCEL carries Request-URI, Via, Routes, From, To and Max-Forwards of the INVITE as it was sent" do
    relay
    invite = call_from(alice, headers: { "Max-Forwards" => "20" })
    sent = bob.receive
    bob.answer(sent, 180)
    alice.receive_until { |message| message.status == 180 }
    cancel_from(alice, invite)
    cancel = bob.receive
    expect([cancel.first_line, cancel.headers("Via")]).to eq(["CANCEL #{sent.ruri} SIP/2.0", [sent.headers("Via").first]])
    expect(sent.ruri).to eq("sip:changed@b.example")
    [*same, "To"].each { |name| expect([name, cancel.headers(name)]).to eq([name, sent.headers(name)]) }
    expect([cancel.header("Max-Forwards"), cancel.header("CSeq")]).to eq(["19", "1 CANCEL"])
  end

  it "the ACK carries them as well, with the To of the response" do
    relay
    call_from(alice)
    sent = bob.receive
    bob.answer(sent, 486, to_tag: "busy")
    ack = bob.receive
    expect([ack.first_line, ack.headers("Via")]).to eq(["ACK #{sent.ruri} SIP/2.0", [sent.headers("Via").first]])
    same.each { |name| expect([name, ack.headers(name)]).to eq([name, sent.headers(name)]) }
    expect([ack.header("To"), ack.header("CSeq")]).to eq(["#{sent.header("To")};tag=busy", "1 ACK"])
  end
end
