# frozen_string_literal: true

require "oversip/testing"

# A slow block delays other blocks, but never the timers of its earlier actions.
RSpec.describe "A slow on_request", :native do
  it "that has answered an INVITE: its answer is sent again until the ACK comes" do
    caller = udp_peer
    held = Thread::Queue.new
    start_oversip do |request|
      request.create_transaction
      request.reply(486)
      held.pop
    end
    OverSIP::Testing.freeze
    sent = caller.send_text(caller.build(:INVITE, "sip:bob@b.example"), oversip_port)
    expect(caller.receive_final.status).to eq(486)
    OverSIP::Testing.advance(0.5)
    expect(caller.receive.status).to eq(486)
    caller.send_text(caller.companion(sent, :ACK), oversip_port)
    eventually do
      OverSIP::Testing.advance(4)
      caller.drain(quiet: 0.02).empty?
    end
  ensure
    held << true
  end
end
