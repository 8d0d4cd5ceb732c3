# frozen_string_literal: true

require_relative "../../support/relay_script"

# Requests for the user "failover", which the relay sends to another target before.
RSpec.describe "examples/relay, failover", :sip, **RelayScript::FILES do
  include_context "with the relay of examples/relay"

  it "goes to the next target when a connection is refused" do
    first.refuses_connections
    call = alice.invite("sip:failover@b.example")
    expect(call).to be_answered.by("127.0.0.1").within(0)
    expect(call).to have_tried("tcp:127.0.0.1:5091", "udp:127.0.0.1:5090")
    expect(sip).to have_logged("failover: INVITE goes to the next destination").once
  end

  it "goes to the next target when no connection comes up" do
    first.stalls
    call = alice.invite("sip:failover@b.example")
    sip.advance 2
    expect(call).to be_answered.after(2)
    expect(call).to have_tried(first, bob)
  end

  it "goes to the next target when nobody answers" do
    first.never_answers
    call = alice.invite("sip:failover@b.example")
    sip.advance 32
    expect(call).to be_relayed_to("udp:127.0.0.1:5090").once
    expect(call).to be_answered.after(32)
  end

  it "takes the first target's answer when there is one" do
    first.answers 486
    call = alice.invite("sip:failover@b.example")
    expect(call).to be_answered.with(486)
    expect(call).to have_tried(first)
    expect(sip).not_to have_logged(/\Afailover:/)
  end

  it "carries the dialog on with the target that answered" do
    first.refuses_connections
    call = alice.invite("sip:failover@b.example")
    expect(call).to keep_dialog_routable
    expect { call.hang_up }.to send_sip(:BYE).to(bob)
  end

  it "shows the caller the last failure" do
    first.refuses_connections
    bob.refuses_connections
    call = alice.invite("sip:failover@b.example")
    expect(call).to be_answered.with(500, "Connection Error").by(:element)
    expect(call).to have_run(:on_error).with(500, "Connection Error", :connection_error).exactly(3)
  end
end
