# frozen_string_literal: true

require_relative "../support/active_support"

# What subscribers of ActiveSupport::Notifications hear.
RSpec.describe "ActiveSupport::Notifications", :native do
  include ActiveSupportNotifications

  let(:caller) { udp_peer }
  let(:silent) { udp_peer("127.0.0.3") }
  let(:good) { udp_peer("127.0.0.4") }

  # Goes to the silent one first, then to the good one.
  def start
    targets = [silent, good].map { |peer| ["127.0.0.#{peer.address[/\d+(?=:)/]}", peer.address[/\d+\z/].to_i] }
    start_oversip(proxies: { default_proxy: { timer_B: 2 } }) do |request|
      next if request.sip_method == :ACK

      first, second = Array.new(2) { OverSIP::SIP::Proxy.new }
      first.on_error { first.drop_response && second.route(request, *targets.last, :udp) }
      first.route(request, *targets.first, :udp)
    end
    OverSIP::Testing.freeze
  end

  def call
    sent = call_from(caller)
    silent.receive
    OverSIP::Testing.advance(2)
    ringing = good.receive
    OverSIP::Testing.advance(1)
    good.answer(ringing, 200)
    expect(final_for(caller).status).to eq(200)
    SipText.new(sent)
  end

  it "hear of a request when it is answered, and of each attempt when it is over" do
    heard = listen("request.oversip", "attempt.oversip")
    start
    sent = call
    eventually { heard.size == 3 }
    about = { method: :INVITE, call_id: sent.header("Call-ID") }
    expect(heard.map(&:first)).to contain_exactly("attempt.oversip", "attempt.oversip", "request.oversip")
    expect(heard.map(&:last)).to contain_exactly(
      { **about, target: "udp:#{silent.address}", outcome: :timeout, duration: be_within(1).of(2000) },
      { **about, target: "udp:#{good.address}", outcome: :answered, status: 200, duration: be_within(1).of(1000) },
      { **about, status: 200, duration: be_within(1).of(3000) }
    )
  end

  it "hear of each callback, with what it has raised" do
    heard = listen("callback.oversip")
    start_oversip { raise KeyError, "no such user" }
    capture_log { call_from(caller, :OPTIONS) && caller.receive_final }
    of_request = heard.select { |_, payload| payload[:name] == :on_request }
    error = of_request.first.last.delete(:exception_object)
    expect(of_request).to match([["callback.oversip", { name: :on_request, method: :OPTIONS, call_id: kind_of(String), duration: be_positive,
                                                        exception: ["KeyError", "no such user"] }]])
    expect(error).to be_a(KeyError)
  end

  it "are served from the moment at which somebody subscribes until he leaves" do
    start_oversip { |request| request.reply(200) }
    ask = -> { call_from(caller, :OPTIONS) && caller.receive_final }
    ask.call
    heard = listen("request.oversip", "callback.oversip") do
      ask.call
    end
    eventually { heard.size == 2 }
    allow(OverSIP::Notifications).to receive(:around)
    allow(OverSIP::Notifications).to receive(:happened)
    ask.call
    expect(OverSIP::Notifications).not_to have_received(:around)
    expect(OverSIP::Notifications).not_to have_received(:happened)
    expect(heard.size).to eq(2)
  end

  it "may have a subscriber that raises: the log tells of it, and the call goes on" do
    subscribe("request.oversip") { raise "subscriber is broken" }
    log = capture_log do
      start_oversip { |request| request.reply(200) }
      call_from(caller, :OPTIONS)
      expect(caller.receive_final.status).to eq(200)
      OverSIP.stop(timeout: 1)
    end
    expect(log.map(&:body)).to include(/exception in .*request.oversip/, /subscriber is broken/)
  end
end
