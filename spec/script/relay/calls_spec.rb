# frozen_string_literal: true

require_relative "../../support/relay_script"

# What a caller sees of examples/relay.
RSpec.describe "examples/relay, calls", :sip, **RelayScript::FILES do
  include_context "with the relay of examples/relay"

  it "says where it relays to" do
    expect(sip).to have_logged("relaying to 127.0.0.1:5090").with(severity: :info).once
  end

  it "carries a call" do
    bob.answers 180, 183, 200
    call = alice.invite("sip:bob@b.example")
    expect(call).to be_answered.with(200).by("127.0.0.1").within(0)
    expect(call.responses.map(&:status_code)).to eq([180, 183, 200]).or eq([100, 180, 183, 200])
    expect(call).to have_tried("udp:127.0.0.1:5090")
  end

  it "runs a block for each event of a call and of its ACK" do
    bob.answers 180, 200
    call = alice.invite("sip:bob@b.example")
    expect(call).to have_run(:on_target).twice.and have_run(:on_provisional_response).with(180).once
    expect(call).to have_run(:on_success_response).with(200).once
    expect(call).not_to have_run(:on_failure_response)
    expect(sip).to have_logged("on_success_response: 200 OK to INVITE").once
  end

  it "stays in the path of a dialog, for both sides" do
    call = alice.invite("sip:bob@b.example")
    expect(call).to keep_dialog_routable(:UPDATE)
    expect { call.hang_up }.to send_sip(:BYE).to(bob).with(headers: { "Route" => nil })
  end

  it "lets the callee end the call" do
    alice.invite("sip:bob@b.example")
    expect(bob.calls.last.hang_up).to be_answered.by("alice")
  end

  it "carries the ACK of an answer" do
    call = alice.invite("sip:bob@b.example", auto_ack: false)
    expect { call.ack }.to send_sip(:ACK).to(bob).once
    expect(bob.calls.last).to be_acknowledged
  end

  it "sends an answer again when its ACK is late" do
    call = alice.invite("sip:bob@b.example", auto_ack: false)
    expect { sip.advance 3 }.to change { alice.responses.count { |response| response.status_code == 200 } }.from(1).to(3)
    call.ack
    expect { sip.advance 10 }.not_to send_sip
  end

  it "acknowledges a refusal by itself" do
    bob.answers 404
    call = alice.invite("sip:bob@b.example")
    expect(call).to be_answered.with(404, "Not Found")
    expect(call).to have_run(:on_failure_response).with(404).once
    expect(bob.calls.last).to be_acknowledged
  end

  it "cancels a call" do
    bob.answers 180
    call = alice.invite("sip:bob@b.example")
    call.cancel
    expect(call).to be_answered.with(487).by("127.0.0.1")
    expect(call).to have_run(:on_canceled).once
    expect(call.cancellation).to be_answered.by(:element)
  end

  it "waits with a CANCEL for the callee's first response" do
    bob.answers(180).after(1)
    call = alice.invite("sip:bob@b.example")
    expect { call.cancel }.not_to send_sip(:CANCEL)
    expect { sip.advance 1 }.to send_sip(:CANCEL).to(bob).once
    expect(call).to be_answered.with(487)
  end

  it "knows no call whose CANCEL comes late" do
    call = alice.invite("sip:bob@b.example")
    expect(call.cancel).to be_nil
    expect { alice.request(:CANCEL, "sip:bob@b.example") }.to reply_with(481).to(alice)
  end

  it "gives a call up after Timer B" do
    bob.never_answers
    call = alice.invite("sip:bob@b.example")
    sip.advance 32
    expect(call).to be_answered.with(408).by(:element).after(32)
    expect(sip).to have_logged("on_error: 408 Client Timeout (client_timeout) to INVITE").once
  end

  it "gives a call up that rings for two minutes" do
    bob.answers 180
    call = alice.invite("sip:bob@b.example")
    sip.advance 120
    expect(call).to have_run(:on_invite_timeout).once
    expect(call).to be_answered.with(408).after(120)
    expect(bob.calls.last).to be_cancelled
  end

  it "tries a target again that was silent: it has no blacklist" do
    bob.never_answers
    alice.invite("sip:bob@b.example")
    sip.advance 32
    expect(sip).not_to have_blacklisted(bob)
    bob.answers 200
    expect(alice.invite("sip:bob@b.example")).to be_answered
  end

  it "carries many calls at once" do
    calls = Array.new(50) { |index| sip.client("caller#{index}").invite("sip:bob@b.example") }
    expect(calls).to all(be_answered)
    expect(calls.map(&:hang_up)).to all(be_answered)
    expect(sip).to send_sip(:INVITE).exactly(50)
  end

  it "brings calls through a network that loses every fifth datagram" do
    sip.loss 0.2
    calls = Array.new(5) { alice.invite("sip:bob@b.example") }
    sip.advance 32
    expect(calls).to all(be_answered)
    expect(bob.calls.size).to eq(5)
  end
end
