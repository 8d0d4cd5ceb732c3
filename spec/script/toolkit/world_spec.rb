# frozen_string_literal: true

require "oversip/testing/world"

RSpec.describe OverSIP::Testing::World, :native do
  def open_world(**options, &block)
    @world = described_class.open(**options, &block || method(:relay))
  end

  # What the script of most examples does.
  def relay(request)
    return request.reply(404) if request.in_dialog? && !request.loose_route

    proxy = OverSIP::SIP::Proxy.new
    request.initial? ? proxy.route(request, "example.com") : proxy.route(request)
  end

  def gateways(*names)
    @world.zone { srv "_sip._udp.example.com", *names }
  end

  after { @world&.close }

  it "goes to the second gateway when the first does not answer" do
    open_world
    gateways "gw1.example", "gw2.example"
    @world.target("gw1.example").never_answers
    @world.target("gw2.example").answers 180, 200
    call = @world.client(:alice).invite("sip:bob@example.com")
    @world.advance 32
    expect([call.status, call.answered_by, call.answered_at]).to eq([200, "gw2.example", 32.0])
    expect(call.hang_up.answered_by).to eq("gw2.example")
    expect(@world.errors).to be_empty
  end

  it "carries requests of both sides of a dialog" do
    open_world
    gateways "gw1.example"
    target = @world.target("gw1.example")
    call = @world.client(:alice).invite("sip:bob@example.com")
    callee = call.peer
    expect([callee.party, callee.peer, callee.acknowledged?]).to eq([target, call, true])
    expect([call.request(:INFO).status, callee.request(:INFO).status, callee.reinvite.status, callee.hang_up.status]).to eq([200] * 4)
    expect(@world.client(:alice).received.map(&:sip_method)).to eq(%i[INFO INVITE ACK BYE])
  end
end
