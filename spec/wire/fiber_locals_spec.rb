# frozen_string_literal: true

# What a script sets in the Fiber of one request does not reach the next one, which may be another user's.
RSpec.describe "Fiber-local data of an event", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:seen) { mailbox }

  def note
    seen << [Thread.current[:user], Thread.current.keys]
  end

  it "exists for all blocks of its event and not for the next event" do
    start_relay_to(bob) do |proxy, request|
      note
      Thread.current[:user] = request.from.user
      proxy.on_target { note }
      proxy.on_success_response { note }
    end
    call_from(alice, :MESSAGE)
    bob.answer(bob.receive, 200)
    alice.receive_final
    expect(Array.new(3) { seen.pop }).to eq([[nil, []], ["alice", [:user]], [nil, []]])
  end

  it "is gone after an exception" do
    capture_log do
      start_oversip do
        note
        Thread.current[:user] = "alice"
        raise "oops"
      end
      2.times { call_from(alice, :MESSAGE) and alice.receive_final }
      dispatcher_caught_up
    end
    expect(seen.all).to eq([[nil, []]] * 2)
  end
end
