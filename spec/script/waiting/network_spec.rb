# frozen_string_literal: true

require "oversip/rspec"

# The network of a world goes on while blocks wait: what the peers see of it.
RSpec.describe "While a block waits in a world", :sip do
  let(:alice) { sip.client(:alice) }
  let(:first) { sip.target("gw1.example") }
  let(:second) { sip.target("gw2.example") }

  def route(request, host)
    OverSIP::SIP::Proxy.new.tap { |proxy| yield proxy if block_given? }.route(request, host)
  end

  context "for a look-up in on_request" do
    sip_script do |request|
      next if request.sip_method == :ACK

      OverSIP.await { :found }
      route(request, "gw1.example")
    end

    before { sip.await_takes 3 }

    it "the call comes after the time of the look-up" do
      first.answers 200
      call = alice.invite("sip:bob@example.com")
      sip.advance 3
      expect(call).to be_answered.by("gw1.example").after(3)
    end

    it "a CANCEL ends the request: what the block routes then goes nowhere" do
      call = alice.invite("sip:bob@example.com")
      sip.advance 1
      expect(call.cancel).to be_answered.with(200)
      expect(call).to be_answered.with(487).after(1)
      sip.advance 10
      expect(call).not_to be_relayed_to(first)
    end

    it "retransmissions of the request are no second one" do
      first.answers 200
      call = alice.invite("sip:bob@example.com")
      2.times { alice.send_raw(call.request.bytes) }
      sip.advance 3
      expect(call).to be_answered
      expect(sip).to have_run(:on_request).with(have_attributes(sip_method: :INVITE)).once
      expect(call).to be_relayed_to(first).once
    end

    it "a connection that is lost meanwhile keeps the request from nobody" do
      first.answers 200
      caller = sip.client(:carol, transport: :tcp)
      call = caller.invite("sip:bob@example.com")
      caller.disconnect
      sip.advance 3
      expect(call).to be_relayed_to(first)
    end
  end

  context "for a look-up in on_failure_response" do
    sip_script do |request|
      route(request, "gw1.example") do |proxy|
        proxy.on_failure_response do |response|
          proxy.drop_response(response)
          OverSIP.await { :voicemail }
          route(request, "gw2.example")
        end
      end
    end

    before { sip.await_takes 3 }

    it "the next gateway is tried after it" do
      first.answers 503
      second.answers 200
      call = alice.invite("sip:bob@example.com")
      sip.advance 3
      expect(call).to be_answered.by("gw2.example").after(3)
    end

    it "a CANCEL keeps the next gateway from hearing of the call" do
      first.answers 503
      call = alice.invite("sip:bob@example.com")
      sip.advance 1
      call.cancel
      sip.advance 10
      expect(call).to be_answered.with(487).after(3)
      expect(call).not_to be_relayed_to(second)
    end
  end

  context "in on_provisional_response of one of two branches" do
    sip_script do |request|
      route(request, "gw1.example") { |proxy| proxy.on_error { nil } }
      route(request, "gw2.example") { |proxy| proxy.on_provisional_response { OverSIP.sleep 60 } }
    end

    it "Timer B ends the other one" do
      first.never_answers
      second.answers(180, 200)
      call = alice.invite("sip:bob@example.com")
      sip.advance 32
      expect(call).to have_run(:on_error).with(408, anything, :client_timeout)
      expect(call).not_to be_final
      sip.advance 28
      expect(call).to be_answered.by("gw2.example").after(60)
    end
  end

  context "in on_provisional_response" do
    sip_script do |request|
      route(request, "gw1.example") do |proxy|
        proxy.on_provisional_response { OverSIP.sleep 150 }
        proxy.on_invite_timeout { nil }
      end
    end

    it "Timer C cancels the branch, and its block runs behind" do
      first.answers 180
      call = alice.invite("sip:bob@example.com")
      expect { sip.advance 120 }.to send_sip(:CANCEL).to(first)
      expect(call).not_to have_run(:on_invite_timeout)
      sip.advance 30
      expect(call).to have_run(:on_invite_timeout)
      expect(call).to be_answered.with(408).after(150)
    end
  end
end
