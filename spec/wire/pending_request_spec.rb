# frozen_string_literal: true

# Until on_request has decided something about a request, the engine alone looks after it.
RSpec.describe "A request that waits for the script", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:gate) { Thread::Queue.new }
  let!(:entered) { mailbox }

  # The dispatcher stands still until the gate opens.
  def start_blocked(&decision)
    decision ||= ->(request) { OverSIP::SIP::Proxy.new.route(request, bob.ip, bob.port) }
    start_oversip do |request|
      entered << request.sip_method
      gate.pop
      decision.call(request)
    end
    OverSIP::Testing.freeze
  end

  def open_gate
    gate.close
  end

  it "comes to the script once, however often it is sent while the dispatcher is blocked for 3 s" do
    start_blocked
    invite = call_from(alice)
    entered.pop
    3.times do
      OverSIP::Testing.advance(1)
      alice.send_text(invite, oversip_port)
    end
    engine_caught_up
    open_gate
    expect(bob.receive.method_name).to eq("INVITE")
    dispatcher_caught_up
    expect(entered).to be_empty
    expect(messages_at(bob)).to be_empty
  end

  it "is answered 100 after 200 ms, and only once, when it is an INVITE" do
    start_blocked
    call_from(alice)
    entered.pop
    OverSIP::Testing.advance(0.199)
    engine_caught_up
    expect(messages_at(alice)).to be_empty
    OverSIP::Testing.advance(0.001)
    expect(alice.receive.first_line).to eq("SIP/2.0 100 Trying")
    OverSIP::Testing.advance(3)
    engine_caught_up
    expect(messages_at(alice)).to be_empty
    open_gate
  end

  it "gets no 100 when it is no INVITE" do
    start_blocked
    call_from(alice, :OPTIONS)
    entered.pop
    OverSIP::Testing.advance(3)
    engine_caught_up
    expect(messages_at(alice)).to be_empty
    open_gate
  end

  it "is answered 487 when a CANCEL came meanwhile, and nothing leaves downstream" do
    start_blocked
    invite = call_from(alice)
    entered.pop
    expect(cancel_from(alice, invite).status).to eq(200)
    OverSIP::Testing.advance(3)
    open_gate
    final = final_for(alice)
    expect([final.status, final.reason]).to eq([487, "Request Terminated"])
    dispatcher_caught_up
    engine_caught_up
    expect(messages_at(bob)).to be_empty
  end

  it "is answered 487 after a CANCEL too when the script does nothing with it" do
    start_blocked { |_request| nil }
    invite = call_from(alice)
    entered.pop
    cancel_from(alice, invite)
    open_gate
    expect(final_for(alice).status).to eq(487)
  end

  it "is answered 487 after a CANCEL when the script makes its transaction and nothing else" do
    start_blocked(&:create_transaction)
    invite = call_from(alice)
    entered.pop
    cancel_from(alice, invite)
    open_gate
    expect(final_for(alice).status).to eq(487)
  end

  it "is answered 487 at once after a CANCEL, and the script's own answer comes too late" do
    replied = mailbox
    start_blocked { |request| replied << request.reply(603) }
    invite = call_from(alice)
    entered.pop
    cancel_from(alice, invite)
    expect(final_for(alice).status).to eq(487)
    open_gate
    expect(replied.pop).to be(false)
    dispatcher_caught_up
    expect(messages_at(alice)).to be_empty
  end

  it "is answered again, without the script, when it is repeated after a reply and before on_request ends" do
    replied = mailbox
    start_oversip do |request|
      entered << request.sip_method
      replied << request.reply(404)
      gate.pop
    end
    invite = call_from(alice)
    replied.pop
    first = alice.receive
    alice.send_text(invite, oversip_port)
    expect(alice.receive.text).to eq(first.text)
    entered.pop
    open_gate
    dispatcher_caught_up
    expect(entered).to be_empty
  end

  it "is forgotten when on_request ends without a transaction: the next copy is a new request" do
    start_oversip { |request| entered << request.sip_method }
    options = call_from(alice, :OPTIONS)
    entered.pop
    eventually { OverSIP.stats[:server_transactions].zero? }
    alice.send_text(options, oversip_port)
    expect(entered.pop).to eq(:OPTIONS)
  end
end
