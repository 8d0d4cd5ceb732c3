# frozen_string_literal: true

require_relative "../support/callbacks"

# CANCEL has no effect on requests other than INVITE (RFC 3261 9.1).
RSpec.describe "Uac#cancel of a request other than INVITE", :native do
  let(:bob) { udp_peer }
  let(:seen) { mailbox }
  let(:uac) { record(OverSIP::SIP::Uac.new, into: seen, only: CallbackHelpers::EVENTS - [:target]) }

  before do
    start_oversip
    OverSIP::Testing.freeze
  end

  def route_options
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@127.0.0.1:#{bob.port}" }))
  end

  it "changes nothing once it is under way: on_canceled does not run, and its answer has its own block" do
    route_options
    options = bob.receive
    uac.cancel
    dispatcher_caught_up
    expect([messages_at(bob), seen.all]).to eq([[], []])
    bob.answer(options, 404)
    expect(seen.pop).to eq([:failure_response, 404])
  end

  it "keeps it from being sent: on_error gets 487" do
    uac.on_target { uac.cancel }
    route_options
    expect(seen.pop).to eq([:error, 487, "Request Terminated", :canceled])
    dispatcher_caught_up
    expect([messages_at(bob), seen.all]).to eq([[], []])
  end

  it "is no record when no on_error hears of it" do
    uac.clear_callbacks
    uac.on_target { uac.cancel }
    records = capture_log(level: :info) do
      route_options
      dispatcher_caught_up
    end
    expect(records).to be_empty
  end
end
