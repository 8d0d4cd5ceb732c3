# frozen_string_literal: true

require_relative "../../support/starter_script"

# What a caller sees of the script that `oversip init` writes.
RSpec.describe "The starter, calls", :sip, **StarterScript::FILES do
  include_context "with the starter"

  it "carries a call to the home server, and its end" do
    home.answers 180, 200
    call = alice.invite("sip:carol@example.com")
    expect(call).to be_answered.with(200, "OK").by("127.0.0.1").within(0)
    expect(call.provisional.map(&:status_code)).to include(180)
    expect { call.hang_up }.to send_sip(:BYE).to(home).and send_sip(200).to(alice)
  end

  it "leaves the Request-URI as it is" do
    expect(alice.invite("sip:carol@example.com;user=phone")).to be_relayed_to(home).with(ruri: "sip:carol@example.com;user=phone")
  end

  it "counts a hop, from ten at most" do
    expect(alice.invite("sip:carol@example.com")).to be_relayed_to(home).with(headers: { "Max-Forwards" => "10" })
    expect(alice.options("sip:carol@example.com", max_forwards: 5)).to be_relayed_to(home).with(headers: { "Max-Forwards" => "4" })
  end

  it "stays in the path of a call" do
    call = alice.invite("sip:carol@example.com")
    expect(call).to be_relayed_to(home).with(headers: { "Record-Route" => a_string_matching(/@192\.0\.2\.100:5060;.*lr/) })
    expect(call).to keep_dialog_routable
  end

  it "is in the path of no message" do
    expect(alice.message("sip:carol@example.com")).to be_relayed_to(home).with(headers: { "Record-Route" => nil })
  end

  it "sends the ACK of an answer to who has answered" do
    call = alice.invite("sip:carol@example.com", auto_ack: false)
    expect { call.ack }.to send_sip(:ACK).to(home).once
    expect(home.calls.last).to be_acknowledged
  end

  it "lets the callee hang up" do
    alice.invite("sip:carol@example.com")
    expect { home.calls.last.hang_up }.to send_sip(:BYE).to(alice).and send_sip(200).to(home)
  end

  it "carries requests of a call in progress from both sides" do
    call = alice.invite("sip:carol@example.com")
    %i[INFO UPDATE MESSAGE REFER].each { |sip_method| expect(call).to keep_dialog_routable(sip_method) }
    expect(call.reinvite).to be_answered.by("127.0.0.1")
    expect(home.calls.last.reinvite).to be_answered.by("alice")
  end

  it "carries a body and headers that it does not know" do
    home.answers 200, body: "v=0 answer"
    call = alice.invite("sip:carol@example.com", body: "v=0 offer", x_trace: "7")
    expect(call).to be_relayed_to(home).with(body: "v=0 offer", headers: { "X-Trace" => "7" })
    expect(call.final.body).to eq("v=0 answer")
  end

  it "shows a caller that the callee refuses" do
    home.answers 180, 486
    call = alice.invite("sip:carol@example.com")
    expect(call).to be_answered.with(486, "Busy Here").by("127.0.0.1")
    expect(home.calls.last).to be_acknowledged
    expect(call).to have_tried(home)
  end

  it "cancels a call" do
    home.answers 180
    call = alice.invite("sip:carol@example.com")
    expect(call).not_to be_answered
    expect { call.cancel }.to send_sip(:CANCEL).to(home).once
    expect(call).to be_answered.with(487)
    expect(home.calls.last).to be_cancelled
  end

  it "brings a call of the home server to a client behind NAT" do
    call = from_home(:INVITE, bob)
    expect(call).to be_answered.by("bob")
    expect(call).to be_relayed_to("bob").with(ruri: "sip:bob@10.0.0.1:5060", headers: { "Route" => nil })
    expect(call).to keep_dialog_routable
    expect { bob.calls.last.hang_up }.to send_sip(:BYE).to(home)
  end

  it "brings a call of the home server to where its Request-URI says" do
    gateway = sip.target("gw1.example").tap { |target| target.answers(180, 200) }
    call = home.invite("sip:15550100@gw1.example")
    expect(call).to be_answered.by("gw1.example")
    expect(call).to have_tried(gateway)
  end

  it "tells the home server who does not answer" do
    expect(path_of(bob)).not_to be_empty
    bob.never_answers
    call = home.invite("sip:bob@10.0.0.1", headers: { "Route" => home.received.last.headers("Path") })
    sip.advance 32
    expect(call).to be_answered.with(408).by(:element).after(32)
    expect(sip).to have_logged(/INVITE sip:bob@10.0.0.1: 408 .*timeout/).with(severity: :warn).once
  end

  it "carries a call that is cancelled by the home server" do
    bob.answers 180
    call = from_home(:INVITE, bob)
    call.cancel
    expect(bob.calls.last).to be_cancelled
    expect(call).to be_answered.with(487).by("bob")
  end
end
