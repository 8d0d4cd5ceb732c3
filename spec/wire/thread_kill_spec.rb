# frozen_string_literal: true

# Thread#kill for threads that wait in the library, and for the dispatcher itself.
RSpec.describe "Thread#kill", :native do
  let(:caller) { udp_peer }
  let(:callee) { udp_peer }
  let(:seen) { mailbox }

  def quick
    { configuration: { core: { syslog_level: "crit" }, sip: { listen_port: 0, enable_ipv6: false } } }
  end

  def expect_to_end(thread)
    expect(thread.kill.join(SipPeer::LIMIT)).to eq(thread)
  end

  def request(method = :OPTIONS, **options)
    caller.send_text(caller.build(method, "sip:bob@b.example", **options), oversip_port)
  end

  def dispatcher
    Thread.list.find { |thread| thread.name == "oversip dispatcher" && thread.alive? }
  end

  # Sends a request again until it is answered, as every client does.
  def answer_for(text)
    eventually do
      caller.send_text(text, oversip_port)
      caller.receive?(0.1)
    end
  end

  it "of a thread in OverSIP.run ends the engine in order" do
    allow(OverSIP::SystemEvents).to receive(:on_terminated) { |error| seen << error }
    thread = Thread.new { OverSIP.run(**quick) { seen << :listening } }
    expect(seen.pop).to eq(:listening)
    expect_to_end(thread)
    expect(seen.pop).to be(false)
    expect(OverSIP).not_to be_running
    OverSIP.start(**quick)
    expect(OverSIP).to be_running
  end

  it "of a thread that waits in OverSIP.stop for a transaction drops the transaction" do
    start_oversip(&:create_transaction)
    request(:INVITE)
    expect(caller.receive.status).to eq(100)
    thread = Thread.new { OverSIP.stop(timeout: 600) }
    eventually { OverSIP.status == :terminating }
    expect_to_end(thread)
    expect(OverSIP.status).to be_nil
  end

  it "of a thread that has sent a request leaves the request and its callbacks alone" do
    start_oversip
    thread = Thread.new do
      uac = OverSIP::SIP::Uac.new
      uac.on_success_response { |response| seen << response.status_code }
      uac.route OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:#{callee.address}" })
      seen << :routed
      Thread.stop
    end
    expect(seen.pop).to eq(:routed)
    expect_to_end(thread)
    callee.answer(callee.receive, 200)
    expect(seen.pop).to eq(200)
  end

  it "of threads in the midst of Uac#route leaves the engine at work" do
    start_oversip { |request| request.reply(200) }
    20.times do
      thread = Thread.new do
        loop { OverSIP::SIP::Uac.new.route OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:#{callee.address}" }) }
      end
      callee.receive
      expect_to_end(thread)
    end
    request
    expect(caller.receive.status).to eq(200)
  end

  it "of the idle dispatcher puts another in its place, and no request is lost" do
    start_oversip(configuration: { core: { syslog_level: "crit" } }) { |request| request.reply(200) }
    300.times do
      killed = dispatcher
      text = request
      killed.kill
      expect((caller.receive?(0.1) || answer_for(text)).status).to eq(200)
      killed.join
    end
  end

  it "of the dispatcher in on_request answers that request with 500 and leaves queued events to the next one" do
    held = [true]
    start_oversip(configuration: { core: { syslog_level: "crit" } }) do |request|
      seen << request.call_id
      Thread.stop if held.shift
      request.reply(200)
    end
    request(call_id: "first")
    expect(seen.pop).to eq("first")
    20.times { |number| request(call_id: "queued-#{number}") }
    eventually { OverSIP.stats[:dispatcher_queue] == 20 }
    dispatcher.kill
    answered = Array.new(21) { caller.receive }
    expect(answered.map { |response| [response.header("Call-ID"), response.status] })
      .to eq([["first", 500], *Array.new(20) { |number| ["queued-#{number}", 200] }])
  end

  it "of the dispatcher by its own block answers with 500, though it has routed the request" do
    start_oversip(configuration: { core: { syslog_level: "crit" } }) do |request|
      OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", callee.port)
      Thread.exit
    end
    request(:INVITE)
    expect(caller.receive_final.first_line).to eq("SIP/2.0 500 Internal Error")
  end

  it "of the dispatcher answers requests whose blocks are suspended with 500: they could not be resumed" do
    start_oversip(configuration: { core: { syslog_level: "crit" } }) do |request|
      seen << request.call_id
      begin
        Fiber.yield
      ensure
        seen << "#{request.call_id} cleaned up"
      end
    end
    2.times { |number| request(call_id: "suspended-#{number}") }
    expect(Array.new(2) { seen.pop }).to eq(%w[suspended-0 suspended-1])
    OverSIP.schedule { Thread.exit }
    expect(Array.new(2) { caller.receive }.map { |response| [response.header("Call-ID"), response.status] })
      .to contain_exactly(["suspended-0", 500], ["suspended-1", 500])
    expect(Array.new(2) { seen.pop }).to contain_exactly("suspended-0 cleaned up", "suspended-1 cleaned up")
    OverSIP.schedule { seen << :next }
    expect(seen.pop).to eq(:next)
  end

  { "on_provisional_response" => 180, "on_success_response" => 200, "on_failure_response" => 486 }.each do |callback, status|
    it "of the dispatcher in #{callback} does not keep the response from the caller" do
      start_oversip(configuration: { core: { syslog_level: "crit" } }) do |request|
        proxy = OverSIP::SIP::Proxy.new
        proxy.public_send(callback) { Thread.exit }
        proxy.route(request, "127.0.0.1", callee.port)
      end
      request(:INVITE)
      callee.answer(callee.receive, status)
      expect(caller.receive_until { |response| response.status > 100 }.status).to eq(status)
      # The dispatcher after it.
      request(:INVITE)
      expect(callee.receive_until { |message| message.method_name == "INVITE" }).to be_request
    end
  end

  it "of the dispatcher by the exception of a block ends that dispatcher, though the trace has asked for the message" do
    failure = Class.new(StandardError) { define_method(:message) { Thread.exit } }
    start_oversip(configuration: { core: { syslog_level: "crit" }, trace: { enabled: true } }) do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_failure_response do
        seen << Thread.current
        raise failure
      end
      proxy.on_failure_response { seen << :next_block }
      proxy.route(request, "127.0.0.1", callee.port)
    end
    request(:INVITE)
    callee.answer(callee.receive, 486)
    expect(caller.receive_final.status).to eq(486)
    expect(seen.pop.join(SipPeer::LIMIT)).to be_a(Thread)
    OverSIP.schedule { seen << :next }
    expect(seen.pop).to eq(:next)
  end

  it "of the dispatcher in a scheduled block leaves the other blocks to the next one" do
    start_oversip(configuration: { core: { syslog_level: "crit" } })
    OverSIP.schedule { Thread.exit }
    OverSIP.schedule { seen << :next }
    expect(seen.pop).to eq(:next)
  end
end
