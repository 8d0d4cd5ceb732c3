# frozen_string_literal: true

require_relative "../../support/starter_script"

# What a caller sees when the home server does not do its part.
RSpec.describe "The starter, failures of the home server", :sip, **StarterScript::FILES do
  include_context "with the starter"

  it "answers 408 to a call after Timer B" do
    home.never_answers
    call = alice.invite("sip:carol@example.com")
    sip.advance 31.9
    expect(call).not_to be_answered.with(100..699)
    sip.advance 0.1
    expect(call).to be_answered.with(408, "Client Timeout").by(:element).after(32)
    expect(call).to have_run(:on_error).with(408, anything, :client_timeout).once
  end

  # RFC 4320 4.2: who gets it has given up by then.
  it "sends no answer to another request after Timer F" do
    home.never_answers
    message = alice.message("sip:carol@example.com")
    sip.advance 40
    expect(message).to have_run(:on_error).with(408, anything, :client_timeout)
    expect(message).not_to reply_with(200..699)
    expect(message).to be_timed_out
  end

  it "cancels a call that rings for two minutes" do
    home.answers 180
    call = alice.invite("sip:carol@example.com")
    expect { sip.advance 120 }.to send_sip(:CANCEL).to(home).within(120)
    expect(call).to be_answered.with(408).after(120)
  end

  it "logs why a call has failed" do
    home.never_answers
    alice.invite("sip:carol@example.com")
    sip.advance 32
    expect(sip).to have_logged("INVITE sip:carol@example.com: 408 Client Timeout (client_timeout)").with(severity: :warn).once
  end

  it "asks a home server that was silent with one request at a time" do
    home.never_answers
    alice.message("sip:carol@example.com")
    sip.advance 32
    expect(sip).to have_blacklisted(home)
    expect { 3.times { alice.message("sip:carol@example.com") } }.to send_sip(:MESSAGE).to(home).once
    sip.advance 40
    home.answers 200
    expect(alice.message("sip:carol@example.com")).to be_answered.by("127.0.0.1")
  end

  it "shows a client that the home server is overloaded" do
    home.answers 503, retry_after: 30
    expect(alice.register).to be_answered.with(500..503)
  end

  it "answers 500 when a port is closed" do
    home.refuses_connections
    expect(alice.register).to be_answered.with(500, "Connection Error").by(:element).within(0)
  end

  it "sends a request again until it is answered" do
    home.stalls
    call = alice.invite("sip:carol@example.com")
    sip.advance 3
    home.recovers
    sip.advance 1
    expect(call).to be_answered.by("127.0.0.1").after(3.5)
    expect(call).to send_sip(:INVITE).to(home).once
  end

  it "brings calls through a network that loses every fifth datagram" do
    sip.loss 0.2
    calls = Array.new(5) { |index| alice.invite("sip:carol#{index}@example.com") }
    sip.advance 32
    expect(calls).to all(be_answered.by("127.0.0.1"))
    expect(home.calls).to all(be_acknowledged)
  end
end
