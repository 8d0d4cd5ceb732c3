# frozen_string_literal: true

require "timeout"
require_relative "../support/callbacks"
require_relative "../support/child_script"
require_relative "../support/digest_challenger"

RSpec.describe "Uac#call", :native do
  include ChildScript

  let(:peer) { udp_peer }
  let(:uac) { OverSIP::SIP::Uac.new }

  before do
    start_oversip
    OverSIP::Testing.freeze
  end

  def request(method = :OPTIONS, port: peer.port, **data)
    OverSIP::SIP::UacRequest.new({ sip_method: method, ruri: "sip:bob@127.0.0.1:#{port}", cseq: 7 }.merge(data))
  end

  # Calls in a thread of its own; `value` gives the result, an exception is the result too.
  def calling(request, *destination, client: uac, **options)
    thread = Thread.new do
      client.call(request, *destination, **options)
    rescue OverSIP::Error, Timeout::Error => e
      e
    end
    thread.report_on_exception = false
    (@threads ||= []) << thread
    thread
  end

  def value_of(thread)
    thread.join(SipPeer::LIMIT) or raise "the call has not come back"
    thread.value
  end

  after { (@threads || []).each(&:kill).each(&:join) }

  [200, 202, 302, 404, 503, 603].each do |status|
    it "returns the final response #{status}" do
      sent = request
      call = calling(sent)
      peer.answer(peer.receive, status)
      response = value_of(call)
      expect(response).to be_a(OverSIP::SIP::Response)
      expect([response.status_code, response.request]).to eq([status, sent])
    end
  end

  it "goes where the destination says" do
    call = calling(request(port: 9), "127.0.0.1", peer.port, :udp)
    peer.answer(peer.receive, 200)
    expect(value_of(call).status_code).to eq(200)
  end

  it "runs the blocks before it returns" do
    seen = mailbox
    record(uac, into: seen)
    call = calling(request(:INVITE))
    invite = peer.receive
    peer.answer(invite, 180)
    peer.answer(invite, 486)
    expect(value_of(call).status_code).to eq(486)
    expect(seen.all).to eq([[:target, "udp:127.0.0.1:#{peer.port}"], [:provisional_response, 180], [:failure_response, 486]])
  end

  it "does not need the dispatcher when no block is set" do
    blocker = Thread::Queue.new
    OverSIP.schedule { blocker.pop }
    call = calling(request)
    peer.answer(peer.receive, 200)
    expect(value_of(call).status_code).to eq(200)
    blocker << nil
  end

  it "lets other threads run meanwhile" do
    call = calling(request)
    received = peer.receive
    expect(Thread.new { (1..1000).sum }.value).to eq(500_500)
    peer.answer(received, 200)
    expect(value_of(call).status_code).to eq(200)
  end

  it "serves many threads at once, each with its own Uac" do
    calls = Array.new(20) { calling(request, client: OverSIP::SIP::Uac.new) }
    received = Array.new(20) { peer.receive }
    received.reverse_each { |one| peer.answer(one, 200, headers: { "X-Call" => one.header("Call-ID") }) }
    responses = calls.map { |call| value_of(call) }
    expect(responses.map { |response| response.header("X-Call") }).to eq(responses.map { |response| response.request.call_id })
  end

  it "answers a challenge, and the request shows its CSeq" do
    uac.credentials = { username: "alice", password: "secret" }
    sent = request(:REGISTER)
    call = calling(sent)
    challenge_from(peer, peer.receive, qop: "auth")
    peer.answer(peer.receive, 200)
    expect([value_of(call).status_code, sent.cseq]).to eq([200, 8])
  end

  describe "without a final response" do
    def error_of(call)
      error = value_of(call)
      expect(error).to be_a(OverSIP::SIP::ClientError)
      [error.status, error.reason, error.code]
    end

    it "raises what on_error would be told: connection refused" do
      call = calling(request, "127.0.0.1", dead_port, :tcp)
      expect(error_of(call)).to eq([500, "Connection Error", :connection_error])
    end

    it "raises what on_error would be told: a transport that is not there" do
      call = calling(request, "127.0.0.1", peer.port, :tls)
      expect(error_of(call)).to eq([478, "Unsupported transport", :unsupported_transport])
    end

    it "raises with the arguments of on_error when no answer comes" do
      call = calling(request)
      peer.receive
      OverSIP::Testing.advance(32)
      expect(error_of(call)).to eq([408, "Client Timeout", :client_timeout])
    end

    it "raises what on_error would be told: aborted in on_target" do
      uac.on_target { uac.abort_routing }
      expect(error_of(calling(request))).to eq([403, "Destination Aborted", :destination_aborted])
    end

    it "raises when Timer C ends" do
      call = calling(request(:INVITE))
      peer.answer(peer.receive, 180)
      engine_caught_up
      OverSIP::Testing.advance(120)
      expect(error_of(call)).to eq([408, "INVITE Timeout", :invite_timeout])
    end

    it "says so in words, too" do
      error = value_of(calling(request, "127.0.0.1", dead_port, :tcp))
      expect(error.message).to eq("500 Connection Error (connection_error)")
      expect([error.status_code, error.reason_phrase]).to eq([500, "Connection Error"])
    end

    it "raises when the request was cancelled and no answer to that comes" do
      call = calling(request(:INVITE))
      peer.answer(peer.receive, 180)
      engine_caught_up
      uac.cancel
      peer.receive_until { |message| message.method_name == "CANCEL" }
      OverSIP::Testing.advance(32)
      expect(error_of(call)).to eq([487, "Request Terminated", :canceled])
    end

    it "raises when OverSIP is stopped" do
      call = calling(request)
      peer.receive
      OverSIP.stop(timeout: 0)
      expect(value_of(call)).to be_an_instance_of(OverSIP::StoppedError)
    end

    it "raises when OverSIP stops, and the end does not wait for the answer" do
      calls = Array.new(3) { calling(request, client: OverSIP::SIP::Uac.new) }
      3.times { peer.receive }
      ending = Thread.new { OverSIP.stop(timeout: 600) }
      expect(calls.map { |call| value_of(call) }).to all be_an_instance_of(OverSIP::StoppedError).and have_attributes(message: /was stopped/)
      expect(ending.join(SipPeer::LIMIT)).to be(ending)
    end

    it "raises when OverSIP stops, and the end waits till the INVITE is cancelled" do
      call = calling(request(:INVITE))
      invite = peer.receive
      peer.answer(invite, 180)
      engine_caught_up
      ending = Thread.new { OverSIP.stop(timeout: 600) }
      cancel = peer.receive_until { |message| message.method_name == "CANCEL" }
      expect(value_of(call)).to have_attributes(class: OverSIP::StoppedError, message: /was stopped/)
      peer.answer(cancel, 200)
      expect(ending).to be_alive
      peer.answer(invite, 487)
      expect(ending.join(SipPeer::LIMIT)).to be(ending)
    end
  end

  it "returns the 487 of a request that was cancelled" do
    call = calling(request(:INVITE))
    invite = peer.receive
    peer.answer(invite, 180)
    engine_caught_up
    uac.cancel
    peer.receive_until { |message| message.method_name == "CANCEL" }
    peer.answer(invite, 487)
    expect(value_of(call).status_code).to eq(487)
  end

  describe "of an INVITE" do
    it "acknowledges the 2xx, and does so again when it is repeated" do
      call = calling(request(:INVITE))
      invite = peer.receive
      peer.answer(invite, 200, headers: { "Record-Route" => "<sip:#{peer.address};lr>", "Contact" => "<sip:b@127.0.0.1:9>" })
      expect(value_of(call).status_code).to eq(200)
      ack = peer.receive
      expect([ack.method_name, ack.ruri, ack.header("Route")]).to eq(["ACK", "sip:b@127.0.0.1:9", "<sip:#{peer.address};lr>"])
      peer.answer(invite, 200, headers: { "Contact" => "<sip:b@127.0.0.1:9>" })
      expect(peer.receive.text).to eq(ack.text)
    end

    it "ends the call of a further callee: the first one counts" do
      call = calling(request(:INVITE))
      invite = peer.receive
      peer.answer(invite, 200)
      expect(value_of(call).status_code).to eq(200)
      expect(peer.receive.method_name).to eq("ACK")
      peer.answer(invite, 200, to_tag: "other")
      ending = Array.new(2) { peer.receive }
      expect(ending.map { |message| message.header("CSeq") }).to eq(["7 ACK", "8 BYE"])
      expect(ending.map { |message| message.header("To")[/;tag=(.*)/, 1] }).to eq(%w[other other])
    end

    it "ends a call that is accepted after Timer C" do
      call = calling(request(:INVITE))
      invite = peer.receive
      peer.answer(invite, 180)
      engine_caught_up
      OverSIP::Testing.advance(120)
      expect(value_of(call).code).to eq(:invite_timeout)
      peer.receive_until { |message| message.method_name == "CANCEL" }
      peer.answer(invite, 200)
      ending = Array.new(2) { peer.receive }
      expect(ending.map { |message| message.header("CSeq") }).to eq(["7 ACK", "8 BYE"])
    end
  end

  describe "with a timeout" do
    it "sends CANCEL and raises when the time is up" do
      call = calling(request(:INVITE), timeout: 3)
      invite = peer.receive
      peer.answer(invite, 180)
      engine_caught_up
      OverSIP::Testing.advance(2.9)
      expect(call).to be_alive
      OverSIP::Testing.advance(0.1)
      error = value_of(call)
      expect([error.status, error.reason, error.code]).to eq([408, "Call Timeout", :call_timeout])
      cancel = peer.receive_until { |message| message.method_name == "CANCEL" }
      expect(cancel.branch).to eq(invite.branch)
    end

    it "tells the blocks nothing more" do
      seen = mailbox
      record(uac, into: seen, only: %i[failure_response error canceled success_response])
      call = calling(request(:INVITE), timeout: 3)
      invite = peer.receive
      peer.answer(invite, 180)
      engine_caught_up
      OverSIP::Testing.advance(3)
      value_of(call)
      peer.receive_until { |message| message.method_name == "CANCEL" }
      peer.answer(invite, 487)
      peer.receive_until { |message| message.method_name == "ACK" }
      dispatcher_caught_up
      expect(seen.all).to be_empty
    end

    it "ends a call that crossed the CANCEL: ACK and BYE" do
      call = calling(request(:INVITE), timeout: 3)
      invite = peer.receive
      peer.answer(invite, 180)
      engine_caught_up
      OverSIP::Testing.advance(3)
      value_of(call)
      peer.receive_until { |message| message.method_name == "CANCEL" }
      peer.answer(invite, 200)
      ending = Array.new(2) { peer.receive }
      expect(ending.map { |message| message.header("CSeq") }).to eq(["7 ACK", "8 BYE"])
    end

    it "is over with the response: nothing is sent when the time comes" do
      call = calling(request(:INVITE), timeout: 3)
      peer.answer(peer.receive, 200)
      expect(value_of(call).status_code).to eq(200)
      expect(peer.receive.method_name).to eq("ACK")
      OverSIP::Testing.advance(4)
      expect(messages_at(peer)).to be_empty
    end

    it "is over when the time is up: the end of the program does not wait for an answer" do
      call = calling(request, timeout: 3)
      peer.receive
      OverSIP::Testing.advance(3)
      value_of(call)
      ending = Thread.new { OverSIP.stop(timeout: 60) }
      expect(ending.join(SipPeer::LIMIT)).to be(ending)
    end

    it "sends no request any more when the time is up in on_target" do
      entered = mailbox
      go_on = Thread::Queue.new
      uac.on_target do
        entered << true
        go_on.pop
      end
      call = calling(request(:INVITE), timeout: 3)
      entered.pop
      OverSIP::Testing.advance(3)
      expect(value_of(call).code).to eq(:call_timeout)
      go_on << nil
      dispatcher_caught_up
      expect(messages_at(peer)).to be_empty
    end

    { 0 => ArgumentError, -1 => ArgumentError, Float::INFINITY => ArgumentError, Float::NAN => ArgumentError,
      "soon" => TypeError }.each do |timeout, error|
      it "of #{timeout.inspect} raises #{error}" do
        expect { uac.call(request, timeout: timeout) }.to raise_error(error, /timeout: must be/)
      end
    end
  end

  describe "interrupted" do
    def cancel_after
      call = calling(request(:INVITE))
      peer.answer(peer.receive, 180)
      engine_caught_up
      yield call
      peer.receive_until { |message| message.method_name == "CANCEL" }
    end

    it "by Thread#kill ends the thread and cancels the request" do
      cancel_after { |call| call.kill.join(SipPeer::LIMIT) or raise "the thread lives on" }
    end

    it "by Thread#raise raises and cancels the request" do
      cancel_after do |call|
        call.raise(OverSIP::Error, "enough")
        expect(value_of(call).message).to eq("enough")
      end
    end

    # Whether the answer or the exception comes first is chance: many rounds meet both, and the moments between.
    it "when it was answered ends the call that nobody gets" do
      30.times do
        call = Thread.new do
          Thread.handle_interrupt(OverSIP::Error => :on_blocking) { uac.call(request(:INVITE)) }
        rescue OverSIP::Error => e
          e
        end
        peer.answer(peer.receive_until { |message| message.method_name == "INVITE" }, 200)
        call.raise(OverSIP::Error, "enough")
        peer.receive_until { |message| message.method_name == "BYE" } if value_of(call).is_a?(OverSIP::Error)
      end
    end

    it "by Ctrl-C in the main thread ends the process and cancels the request" do
      script = <<~RUBY
        start_oversip
        begin
          OverSIP::SIP::Uac.new.call(OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:bob@#{peer.address}" }))
        rescue Interrupt
          puts "interrupted"
        end
        OverSIP.stop(timeout: 5)
      RUBY
      running_script(script) do |running|
        invite = peer.receive
        peer.answer(invite, 180)
        running.signal("INT")
        running.wait_for(/^interrupted$/, limit: SipPeer::LIMIT)
        peer.receive_until { |message| message.method_name == "CANCEL" }
        peer.answer(invite, 487)
        expect(end_of(running, limit: SipPeer::LIMIT).last).to be_success
      end
    end

    it "by Timeout raises and cancels the request" do
      thread = Thread.new do
        Timeout.timeout(0.3) { uac.call(request(:INVITE)) }
      rescue Timeout::Error => e
        e
      end
      invite = peer.receive
      peer.answer(invite, 180)
      expect(value_of(thread)).to be_a(Timeout::Error)
      peer.receive_until { |message| message.method_name == "CANCEL" }
    end
  end

  it "does not take another thread for the dispatcher because Ruby reuses its native thread" do
    errors = Array.new(5) do
      OverSIP.stop(timeout: 0)
      start_oversip
      value_of(calling(request, "127.0.0.1", dead_port, :tcp, client: OverSIP::SIP::Uac.new))
    end
    expect(errors).to all be_a(OverSIP::SIP::ClientError)
  end

  it "raises for an ACK, and for other objects than requests" do
    expect { uac.call(request(:ACK)) }.to raise_error(OverSIP::RuntimeError, /ACK/)
    expect { uac.call("OPTIONS") }.to raise_error(OverSIP::RuntimeError, /UacRequest/)
    expect { uac.call(request, bad: 1) }.to raise_error(ArgumentError, /bad/)
  end

  it "leaves nothing behind" do
    10.times do
      call = calling(request)
      peer.answer(peer.receive, 200)
      value_of(call)
    end
    engine_caught_up
    OverSIP::Testing.advance(33)
    eventually { OverSIP::Engine.held_objects.zero? }
  end
end
