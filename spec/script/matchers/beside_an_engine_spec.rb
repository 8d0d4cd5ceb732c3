# frozen_string_literal: true

require_relative "../../support/toolkit_relay"

RSpec.describe "Examples on a simulated network and a real engine, one after the other" do
  context "with a world", :sip do
    include_context "with a relay"

    2.times do |number|
      it "is answered (#{number})" do
        sip.target("gw1.example").answers 200
        expect(alice.options("sip:bob@gw1.example")).to be_answered
        expect { OverSIP.start(configuration: { sip: { listen_port: 0 } }) }.to raise_error(OverSIP::RuntimeError)
      end
    end
  end

  2.times do |number|
    it "starts an engine with sockets (#{number})", :native do
      OverSIP.start(configuration: { sip: { listen_port: 0 } }) { expect(OverSIP.stats[:server_transactions]).to eq(0) }
      expect(OverSIP::Testing::World.current).to be_nil
    end
  end
end
