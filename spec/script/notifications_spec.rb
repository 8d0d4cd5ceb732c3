# frozen_string_literal: true

require "support/active_support"
require "support/toolkit_world"

# What subscribers of ActiveSupport::Notifications hear of a world, on its clock.
RSpec.describe "ActiveSupport::Notifications in a world", :native do
  include ActiveSupportNotifications
  include ToolkitWorld

  it "hear of requests, attempts and callbacks" do
    heard = listen("request.oversip", "attempt.oversip", "callback.oversip")
    world_with("gw1.example", "gw2.example")
    gateway.never_answers
    world.target("gw2.example").answers(180, 200)
    alice.invite("sip:bob@example.com")
    world.advance(32)
    payloads = heard.group_by(&:first).transform_values { |list| list.map(&:last) }
    expect(payloads["attempt.oversip"].first(2)).to match(
      [include(target: /\Audp:192.0.2.\d+:5060\z/, outcome: :timeout, duration: 32_000.0),
       include(outcome: :answered, status: 200, duration: 0.0)]
    )
    expect(payloads["request.oversip"].first).to include(method: :INVITE, status: 200, duration: 32_000.0)
    expect(payloads["callback.oversip"].map { |payload| payload[:name] }).to start_with(:on_initialize, :on_started, :on_request)
  end

  it "hear how long a callback has taken that waited" do
    heard = listen("callback.oversip")
    open_world do |request|
      OverSIP.sleep 3
      request.reply(200)
    end
    alice.options("sip:bob@example.com")
    world.advance(4)
    expect(heard.map(&:last)).to include(include(name: :on_request, duration: 3_000.0))
  end
end
