# frozen_string_literal: true

require "support/toolkit_world"

# Proxy#call and Uac#call in the blocks of a world.
RSpec.describe "call in a block of a world", :native do
  include ToolkitWorld

  let(:seen) { [] }

  def note(*what)
    seen << [world.now, *what]
  end

  it "tries one destination after the other in a loop" do
    open_world do |request|
      %w[gw1.example gw2.example].each do |host|
        proxy = OverSIP::SIP::Proxy.new
        proxy.on_failure_response { proxy.drop_response }
        note(host, proxy.call(request, host).status_code)
      end
    end
    world.target("gw1.example").answers(486)
    world.target("gw2.example").answers(200)
    call = alice.invite("sip:bob@example.com")
    expect(call.status).to eq(200)
    expect(seen).to eq([[0.0, "gw1.example", 486], [0.0, "gw2.example", 200]])
  end

  it "raises what on_error is told, in virtual time" do
    open_world do |request|
      OverSIP::SIP::Proxy.new.call(request, "gw1.example")
    rescue OverSIP::SIP::ClientError => e
      note(e.status, e.code)
    end
    gateway.never_answers
    call = alice.invite("sip:bob@example.com")
    world.advance(40)
    expect([call.status, seen]).to eq([408, [[32.0, 408, :client_timeout]]])
  end

  it "gives up after its time" do
    open_world do |request|
      OverSIP::SIP::Proxy.new.call(request, "gw1.example", timeout: 2)
    rescue OverSIP::SIP::ClientError => e
      note(e.code)
      request.reply 480
    end
    gateway.answers(180)
    call = alice.invite("sip:bob@example.com")
    world.advance(2)
    expect([call.status, seen]).to eq([480, [[2.0, :call_timeout]]])
    expect(gateway.calls.last).to be_cancelled
  end

  it "raises after the CANCEL of the client" do
    open_world do |request|
      OverSIP::SIP::Proxy.new.call(request, "gw1.example")
    rescue OverSIP::SIP::ClientError => e
      note(e.code)
    end
    gateway.answers(180)
    call = alice.invite("sip:bob@example.com")
    world.advance(1)
    call.cancel
    world.drain
    expect([call.status, seen]).to eq([487, [[1.0, :canceled]]])
  end

  it "asks another server before the request goes on" do
    open_world do |request|
      question = OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:policy.example" })
      allowed = OverSIP::SIP::Uac.new.call(question, "policy.example").status_code == 200
      allowed ? relay(request) : request.reply(403)
    end
    world.target("policy.example").answers(200)
    world.zone { srv "_sip._udp.example.com", "gw1.example" }
    gateway.answers(200)
    call = alice.invite("sip:bob@example.com")
    expect(call.status).to eq(200)
  end
end
