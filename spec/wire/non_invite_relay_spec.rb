# frozen_string_literal: true

# RFC 4320: responses that come too late for the client of a request other than INVITE are not forwarded.
RSpec.describe "Responses to a request other than INVITE", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:seen) { mailbox }

  def start_options(profile: {})
    start_relay_to(bob, profile: profile) do |proxy, _|
      proxy.on_provisional_response { |response| seen << response.status_code }
      proxy.on_success_response { |response| seen << response.status_code }
      proxy.on_failure_response { |response| seen << response.status_code }
      proxy.on_error { |status, reason, code| seen << [status, reason, code] }
    end
    call_from(alice, :OPTIONS)
    bob.receive
  end

  it "that are provisional run their callbacks and stay here" do
    forwarded = start_options
    [180, 183].each { |status| bob.answer(forwarded, status) }
    bob.answer(forwarded, 200, "OK")
    expect(alice.receive.status).to eq(200)
    expect(Array.new(3) { seen.pop }).to eq([180, 183, 200])
    everything_done
    expect(messages_at(alice)).to be_empty
  end

  it "that are provisional stay here without callbacks too" do
    start_relay_to(bob)
    call_from(alice, :OPTIONS)
    forwarded = bob.receive
    bob.answer(forwarded, 180)
    bob.answer(forwarded, 200, "OK")
    expect(alice.receive.status).to eq(200)
    expect(messages_at(alice)).to be_empty
  end

  it "that are 408 run on_failure_response and stay here" do
    forwarded = start_options
    bob.answer(forwarded, 408, "Request Timeout")
    expect(seen.pop).to eq(408)
    everything_done
    expect(messages_at(alice)).to be_empty
  end

  it "that never come run on_error with 408, which stays here" do
    start_options(profile: { timer_F: 4 })
    OverSIP::Testing.advance(4)
    expect(seen.pop).to eq([408, "Client Timeout", :client_timeout])
    everything_done
    expect(messages_at(alice).map(&:status)).to eq([100])
  end

  it "that never come are made up for by one 100, so that the client repeats its request less often" do
    start_options
    OverSIP::Testing.advance(3.499)
    engine_caught_up
    expect(messages_at(alice)).to be_empty
    OverSIP::Testing.advance(0.001)
    expect(alice.receive.first_line).to eq("SIP/2.0 100 I'm alive")
    OverSIP::Testing.advance(40)
    everything_done
    expect(messages_at(alice)).to be_empty
  end

  it "that are other failures go upstream" do
    forwarded = start_options
    bob.answer(forwarded, 404, "Not Found")
    expect(alice.receive.first_line).to eq("SIP/2.0 404 Not Found")
  end

  it "that a script's dropped 1xx has not used up: the flag set outside keeps back the final response" do
    start_relay_to(bob) do |proxy, _|
      proxy.drop_response
      proxy.on_provisional_response { |response| seen << response.status_code }
    end
    call_from(alice, :OPTIONS)
    forwarded = bob.receive
    bob.answer(forwarded, 180)
    bob.answer(forwarded, 200, "OK")
    everything_done
    expect(seen.all).to eq([180])
    expect(messages_at(alice)).to be_empty
  end
end
