# frozen_string_literal: true

require "oversip/rspec"

# The caller of examples/uac/call.rb.
RSpec.describe "examples/uac/call.rb", :sip, script: "examples/uac/call.rb", configuration: { sip: { enable_ipv6: false } } do
  let(:bob) { sip.target("192.0.2.1") }
  let(:seen) { [] }
  let(:call) { Call.new("sip:bob@192.0.2.1") { |event, text| seen << [event, text] } }

  it "calls and hangs up" do
    bob.answers 180, 200
    expect([call.invite, call.bye]).to eq([true, true])
    expect(seen.map(&:first)).to eq(%i[sent provisional success sent sent success])
    expect(bob.received.map(&:sip_method)).to eq(%i[INVITE ACK BYE])
    expect(bob.received.first.body).to start_with("v=0\r\n")
  end

  it "keeps to the route of the dialog" do
    bob.answers 200, record_route: ["<sip:192.0.2.1;lr>", "<sip:edge.example;lr>"]
    call.invite
    call.bye
    expect(bob.received.last.headers("Route")).to eq(["<sip:edge.example;lr>", "<sip:192.0.2.1;lr>"])
  end

  it "says that bob is busy" do
    bob.answers 180, 486
    expect(call.invite).to be(false)
    expect(seen.last).to eq([:failure, "486 Busy Here to INVITE"])
    sip.drain
    expect(bob.calls.last).to be_acknowledged
  end

  it "gives up after a minute of ringing" do
    bob.answers 180
    expect(call.invite).to be(false)
    expect(sip.now).to be_between(60, 61)
    expect(seen.last.first).to eq(:error)
    sip.drain
    expect(bob.calls.last).to be_cancelled
  end
end
