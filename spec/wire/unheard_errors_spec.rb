# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/calls"
require_relative "../support/log_capture"

# `Uac#ack` returns before its ACK is sent, and `on_error` is the INVITE's: without a record nobody knows why a call has no ACK.
RSpec.describe "A failure that no block hears of", :native do
  let(:bob) { udp_peer }
  let(:seen) { mailbox }
  let(:invite) { { sip_method: :INVITE, ruri: "sip:bob@#{bob.address}", call_id: "a1" } }

  around do |example|
    capture_log do |records|
      @records = records
      example.run
    end
  end

  def start(&)
    start_oversip(configuration: { core: { syslog_level: "info" } }, &)
    OverSIP::Testing.freeze
  end

  def record_of(method)
    eventually { @records.find { |record| record.body.start_with?("#{method} ") } }.then { |it| [it.severity, it.body] }
  end

  def failed(request, why)
    [:info, "#{request} has failed, and no on_error hears of it: #{why}"]
  end

  { "sips:bob@b.example" => "416 Unsupported URI scheme", "sip:bob@h;maddr=224.0.0.1" => "478 Destination Is No Unicast Address" }
    .each do |contact, why|
    it "is logged for an ACK by Uac#ack to #{contact}, and the INVITE's on_error does not run" do
      start
      uac = record(OverSIP::SIP::Uac.new, into: seen, only: %i[success_response error])
      uac.on_success_response { |response| uac.ack(response) }
      uac.route(OverSIP::SIP::UacRequest.new(invite))
      bob.answer(bob.receive, 200, headers: { "Contact" => "<#{contact}>" })
      expect(record_of(:ACK)).to eq(failed("ACK #{contact} (Call-ID a1)", why))
      dispatcher_caught_up
      expect(seen.all).to eq([[:success_response, 200]])
    end
  end

  it "is logged for the BYE of a call that nobody waits for any more" do
    start
    caller = Thread.new { OverSIP::SIP::Uac.new.call(OverSIP::SIP::UacRequest.new(invite), timeout: 5) }
    caller.report_on_exception = false
    sent = bob.receive
    bob.answer(sent, 180)
    engine_caught_up
    OverSIP::Testing.advance(6)
    expect { caller.value }.to raise_error(OverSIP::SIP::ClientError)
    bob.answer(sent, 200, headers: { "Contact" => "<sips:bob@b.example>" })
    expect(record_of(:BYE)).to eq(failed("BYE sips:bob@b.example (Call-ID a1)", "416 Unsupported URI scheme"))
  end

  it "is logged for an ACK that a Proxy routes" do
    start { |request| OverSIP::SIP::Proxy.new.route(request) }
    alice = udp_peer
    alice.send_text(alice.build(:ACK, "sips:bob@b.example", call_id: "b2", to_tag: "x"), oversip_port)
    expect(record_of(:ACK)).to eq(failed("ACK sips:bob@b.example (Call-ID b2)", "416 Unsupported URI scheme"))
  end

  it "is logged for a Uac without on_error" do
    start
    OverSIP::SIP::Uac.new.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sips:b.example", call_id: "c3" }))
    expect(record_of(:OPTIONS)).to eq(failed("OPTIONS sips:b.example (Call-ID c3)", "416 Unsupported URI scheme"))
  end

  it "is not logged where somebody hears of it: a block, a thread that waits, the client of a Proxy" do
    closed = dead_port
    start { |request| OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", closed, :tcp) }
    options = { sip_method: :OPTIONS, ruri: "sips:b.example" }
    record(OverSIP::SIP::Uac.new, into: seen, only: [:error]).route(OverSIP::SIP::UacRequest.new(options))
    expect(seen.pop.first(2)).to eq([:error, 416])
    expect { OverSIP::SIP::Uac.new.call(OverSIP::SIP::UacRequest.new(options)) }.to raise_error(OverSIP::SIP::ClientError)
    alice = udp_peer
    call_from(alice, :MESSAGE)
    alice.receive_final
    dispatcher_caught_up
    expect(@records.map(&:body).grep(/hears of it/)).to eq([])
  end
end
