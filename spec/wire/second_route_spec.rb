# frozen_string_literal: true

# A Client that routes again while its first branch is pending.
RSpec.describe "A second route", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:carol) { udp_peer }
  let!(:seen) { mailbox }

  # A call that went to bob and, from another place of the script, to carol; the first one has rung if `ringing`.
  def fork_call(ringing: true)
    start_relay_to(bob) do |proxy, request|
      proxy.on_success_response { |response| seen << response.to_tag }
      proxy.on_failure_response { |response| seen << response.status_code }
      proxy.on_error { |_, _, code| seen << code }
      proxy.on_canceled { seen << :canceled }
      @again = -> { proxy.route(request, carol.ip, carol.port) }
    end
    @invite = call_from(alice)
    @at_bob = bob.receive
    if ringing
      bob.answer(@at_bob, 180, "Ringing")
      alice.receive_until { |message| message.status == 180 }
    end
    OverSIP.schedule { @again.call }
    @at_carol = carol.receive
  end

  it "cancels the first branch and goes on with the second" do
    fork_call
    expect(bob.receive.method_name).to eq("CANCEL")
    carol.answer(@at_carol, 200, "OK", to_tag: "carol")
    expect(final_for(alice).to_tag).to eq("carol")
    expect(seen.pop).to eq("carol")
  end

  it "cancels the first branch only when a provisional response has come" do
    fork_call(ringing: false)
    engine_caught_up
    expect(messages_at(bob)).to be_empty
    bob.answer(@at_bob, 100, "Trying")
    expect(bob.receive.method_name).to eq("CANCEL")
  end

  it "keeps the first branch's failure to itself: it is acknowledged, and no callback runs" do
    fork_call
    bob.receive
    bob.answer(@at_bob, 487, "Request Terminated")
    expect(bob.receive.method_name).to eq("ACK")
    everything_done
    expect(seen).to be_empty
    expect(messages_at(alice)).to be_empty
    carol.answer(@at_carol, 486, "Busy Here")
    expect(final_for(alice).status).to eq(486)
    expect(seen.pop).to eq(486)
  end

  it "keeps the first branch's later provisional responses to itself" do
    fork_call
    bob.answer(@at_bob, 183, "Progress")
    everything_done
    expect(messages_at(alice)).to be_empty
  end

  it "lets a 2xx of the first branch through, with its callbacks" do
    fork_call
    bob.answer(@at_bob, 200, "OK", to_tag: "bob")
    expect(final_for(alice).to_tag).to eq("bob")
    expect(seen.pop).to eq("bob")
    carol.answer(@at_carol, 200, "OK", to_tag: "carol")
    expect(final_for(alice).to_tag).to eq("carol")
    expect(seen.pop).to eq("carol")
  end

  it "is told nothing of the first branch's time-out" do
    fork_call(ringing: false)
    carol.answer(@at_carol, 180, "Ringing")
    alice.receive_until { |message| message.status == 180 }
    OverSIP::Testing.advance(32)
    everything_done
    expect(seen).to be_empty
    expect(messages_at(alice)).to be_empty
  end

  it "gets the CANCEL of the client" do
    fork_call
    carol.answer(@at_carol, 180, "Ringing")
    alice.receive_until { |message| message.status == 180 }
    bob.receive
    cancel_from(alice, @invite)
    expect(carol.receive.method_name).to eq("CANCEL")
    expect(seen.pop).to eq(:canceled)
    everything_done
    expect(seen).to be_empty
    expect(messages_at(bob)).to be_empty
  end

  it "begins anew when the first branch had failed: nothing is cancelled" do
    start_relay_to(bob) do |proxy, request|
      proxy.on_failure_response do
        proxy.clear_on_failure_response
        proxy.drop_response
        proxy.route(request, carol.ip, carol.port)
      end
    end
    call_from(alice)
    bob.answer(bob.receive, 404, "Not Found")
    expect(bob.receive.method_name).to eq("ACK")
    carol.answer(carol.receive, 200, "OK", to_tag: "carol")
    expect(final_for(alice).to_tag).to eq("carol")
    everything_done
    expect(messages_at(bob)).to be_empty
  end

  it "abandons a branch of a request other than INVITE without a CANCEL" do
    start_relay_to(bob) do |proxy, request|
      proxy.on_failure_response { |response| seen << response.status_code }
      @again = -> { proxy.route(request, carol.ip, carol.port) }
    end
    call_from(alice, :OPTIONS)
    first = bob.receive
    OverSIP.schedule { @again.call }
    second = carol.receive
    bob.answer(first, 404, "Not Found")
    everything_done
    expect(seen).to be_empty
    carol.answer(second, 200, "OK")
    expect(alice.receive.status).to eq(200)
    everything_done
    expect(messages_at(bob)).to be_empty
  end
end
