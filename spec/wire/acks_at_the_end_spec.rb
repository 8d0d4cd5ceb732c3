# frozen_string_literal: true

# An end with time to spare lets the calls that are being set up come up: that takes the ACK, too.
RSpec.describe "OverSIP.stop with a timeout", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }

  it "waits for the answer and the ACK of a call, and refuses new ones" do
    start_oversip do |request|
      request.loose_route
      proxy = OverSIP::SIP::Proxy.new
      request.initial? ? proxy.route(request, bob.ip, bob.port) : proxy.route(request)
    end
    invite = call_from(alice)
    received = bob.receive
    stopping = Thread.new { OverSIP.stop(timeout: 60) }
    eventually { OverSIP.status == :terminating }

    call_from(alice)
    refusal = alice.receive_until { |message| message.status.to_i >= 200 }
    expect([refusal.first_line, refusal.header("Retry-After")]).to eq(["SIP/2.0 500 Server is Being Stopped", "5"])

    bob.answer(received, 200)
    success = alice.receive_until { |message| message.status == 200 }
    expect(success.header("Call-ID")).to eq(SipText.new(invite).header("Call-ID"))
    alice.send_text(alice.in_dialog(:ACK, success, cseq: 1), oversip_port)
    expect(bob.receive_until { |message| message.first_line.start_with?("ACK") }.header("Call-ID")).to eq(success.header("Call-ID"))
    stopping.join
    expect(OverSIP).not_to be_running
  end
end
