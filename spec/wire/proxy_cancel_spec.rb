# frozen_string_literal: true

require_relative "../support/callbacks"

RSpec.describe "Proxy#cancel", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:carol) { udp_peer }
  let!(:seen) { mailbox }

  def events
    everything_done
    seen.all
  end

  def statuses
    everything_done
    messages_at(alice).map(&:status).reject { |status| status == 100 }
  end

  # A call to bob through `@proxy`, whose events are noted.
  def call_bob(method = :INVITE, &setup)
    start_relay_to(bob) do |proxy, request|
      @proxy = record(proxy, into: seen, only: CallbackHelpers::EVENTS - %i[target])
      setup&.call(proxy, request)
    end
    @sent = call_from(alice, method)
    @at_bob = bob.receive
  end

  def ring
    bob.answer(@at_bob, 180, "Ringing")
    expect(alice.receive_until { |message| message.status == 180 }.status).to eq(180)
    expect(events).to eq([[:provisional_response, 180]])
  end

  def cancel
    OverSIP.schedule { @proxy.cancel }
    everything_done
  end

  it "cancels the callee and replies nothing; the 487 runs on_failure_response and goes upstream" do
    call_bob
    ring
    cancel
    expect(bob.receive.method_name).to eq("CANCEL")
    expect([statuses, events]).to eq([[], []])
    bob.answer(@at_bob, 487, "Request Terminated")
    expect(bob.receive.method_name).to eq("ACK")
    expect([statuses, events]).to eq([[487], [[:failure_response, 487]]])
  end

  it "sends its CANCEL when a provisional response has come" do
    call_bob
    cancel
    expect(messages_at(bob)).to be_empty
    bob.answer(@at_bob, 100, "Trying")
    expect(bob.receive.method_name).to eq("CANCEL")
  end

  it "lets the script go on elsewhere: ring 20 s, then voicemail" do
    call_bob do |proxy, request|
      OverSIP.schedule(after: 20) { proxy.cancel }
      proxy.on_failure_response do |response|
        next unless response.status_code == 487

        proxy.drop_response response
        OverSIP::SIP::Proxy.new.route(request, carol.ip, carol.port)
      end
    end
    ring
    OverSIP::Testing.advance(20)
    expect(bob.receive.method_name).to eq("CANCEL")
    bob.answer(@at_bob, 487, "Request Terminated")
    carol.answer(carol.receive, 200, "OK", to_tag: "carol")
    expect(final_for(alice).to_tag).to eq("carol")
    expect(statuses).to eq([])
  end

  it "does what the guide shows" do
    guide = File.read(File.expand_path("../../docs/client.md", __dir__))
    code = guide[/^### Ring, then voicemail.*?^```ruby\n(.*?)^```/m, 1].sub('"voicemail.example.net"', "'127.0.0.1', #{carol.port}")
    start_oversip { |request| eval(code, binding) } # rubocop:disable Security/Eval -- the example of the guide
    OverSIP::Testing.freeze
    alice.send_text(alice.build(:INVITE, "sip:bob@127.0.0.1:#{bob.port}"), oversip_port)
    @at_bob = bob.receive
    bob.answer(@at_bob, 180)
    expect(statuses).to eq([180])
    OverSIP::Testing.advance(20)
    expect(bob.receive.method_name).to eq("CANCEL")
    bob.answer(@at_bob, 487)
    carol.answer(carol.receive, 200, to_tag: "carol")
    expect(final_for(alice).to_tag).to eq("carol")
  end

  it "lets a 2xx that crosses the CANCEL through, with its block" do
    call_bob
    ring
    cancel
    expect(bob.receive.method_name).to eq("CANCEL")
    bob.answer(@at_bob, 200, "OK")
    expect(final_for(alice).status).to eq(200)
    expect(events).to eq([[:success_response, 200]])
    expect([messages_at(bob), statuses]).to eq([[], []])
  end

  it "leaves the branches of other Proxies alone" do
    call_bob { |_, request| OverSIP::SIP::Proxy.new.route(request, carol.ip, carol.port) }
    ring
    carol.answer(at_carol = carol.receive, 180)
    cancel
    bob.answer(@at_bob, 487, "Request Terminated")
    expect(messages_at(carol)).to be_empty
    carol.answer(at_carol, 200, "OK", to_tag: "carol")
    expect(final_for(alice).to_tag).to eq("carol")
  end

  it "tries no further target" do
    call_bob { |proxy, _| proxy.on_target { seen << :target } }
    expect(events).to eq([:target])
    cancel
    bob.answer(@at_bob, 503, "Busy")
    expect([statuses, events]).to eq([[500], [[:failure_response, 503]]])
  end

  it "in on_target sends nothing: on_error gets 487" do
    start_relay_to(bob) do |proxy, _|
      record(proxy, into: seen, only: %i[error canceled failure_response])
      proxy.on_target { proxy.cancel }
    end
    call_from(alice)
    expect(final_for(alice).first_line).to eq("SIP/2.0 487 Request Terminated")
    expect(events).to eq([[:error, 487, "Request Terminated", :canceled]])
    expect(messages_at(bob)).to be_empty
  end

  it "in on_target leaves the way free for another destination" do
    start_relay_to(bob) do |proxy, request|
      proxy.on_target { proxy.cancel }
      proxy.on_error do
        proxy.drop_response
        OverSIP::SIP::Proxy.new.route(request, carol.ip, carol.port)
      end
    end
    call_from(alice)
    carol.answer(carol.receive, 200, "OK", to_tag: "carol")
    expect(final_for(alice).to_tag).to eq("carol")
  end

  it "in on_provisional_response cancels as well" do
    call_bob { |proxy, _| proxy.on_provisional_response { proxy.cancel } }
    bob.answer(@at_bob, 183)
    expect(bob.receive.method_name).to eq("CANCEL")
    expect(statuses).to eq([183])
  end

  it "does nothing before route, after the final response and for another method than INVITE" do
    call_bob(:MESSAGE) { |proxy, _| proxy.cancel }
    cancel
    bob.answer(@at_bob, 200, "OK")
    expect(alice.receive_final.status).to eq(200)
    expect(events).to eq([[:success_response, 200]])
    cancel
    expect([events, messages_at(bob), statuses]).to eq([[], [], []])
  end

  it "is no CANCEL of the client's: that still gets its 487 and runs on_canceled" do
    call_bob
    ring
    cancel
    expect(bob.receive.method_name).to eq("CANCEL")
    cancel_from(alice, @sent)
    bob.answer(@at_bob, 487, "Request Terminated")
    expect(statuses).to eq([487])
    expect(events).to eq([[:canceled]])
  end

  it "needs a running engine" do
    start_oversip
    proxy = OverSIP::SIP::Proxy.new
    OverSIP.stop(timeout: 0)
    expect { proxy.cancel }.to raise_error(OverSIP::RuntimeError)
  end
end
