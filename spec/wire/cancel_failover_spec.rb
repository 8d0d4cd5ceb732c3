# frozen_string_literal: true

require_relative "../support/scripted_dns"

# A CANCEL while a name is being looked up or its targets are tried: the call goes nowhere any more.
RSpec.describe "A CANCEL of a call to a name", :native do
  let!(:alice) { udp_peer }
  # Listens on every address, so that both targets of the name are here.
  let!(:bob) { udp_peer("0.0.0.0") }
  let!(:seen) { mailbox }

  def start_call(silent: false, **profile, &setup)
    @dns = scripted_dns({ "twice.example" => ["127.0.0.1", "127.0.0.2"] }, silent: silent)
    start_oversip(configuration: { core: { nameservers: [@dns.address] } }, proxies: { default_proxy: profile }) do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_target { |target| seen << target.ip }
      proxy.on_canceled { seen << :canceled }
      proxy.on_failure_response { |response| seen << response.status_code }
      proxy.on_error { |_, _, code| seen << code }
      setup&.call(proxy)
      proxy.route(request, "twice.example", bob.port, :udp)
    end
    OverSIP::Testing.freeze
    @invite = call_from(alice)
  end

  it "during the look-up is answered 487 at once, and no target is tried when the name is known" do
    start_call(silent: true)
    eventually { @dns.asked.any? }
    cancel_from(alice, @invite)
    expect(final_for(alice).status).to eq(487)
    expect(seen.pop).to eq(:canceled)
    @dns.speak
    eventually { OverSIP.proxies[:default_proxy][:dns_cache].any? }
    everything_done
    expect(seen).to be_empty
    expect(messages_at(bob)).to be_empty
  end

  it "keeps a 503 from leading to the next target: it is 500 upstream" do
    start_call
    first = bob.receive
    bob.answer(first, 180, "Ringing")
    alice.receive_until { |message| message.status == 180 }
    cancel_from(alice, @invite)
    expect(bob.receive.method_name).to eq("CANCEL")
    bob.answer(first, 503, "Service Unavailable")
    expect(final_for(alice).status).to eq(500)
    everything_done
    expect(seen.all).to eq(["127.0.0.1", :canceled])
    expect(messages_at(bob).map(&:method_name)).to eq(["ACK"])
  end

  it "keeps a time-out from leading to the next target: it is 487 upstream" do
    start_call(timer_B: 4)
    bob.receive
    cancel_from(alice, @invite)
    OverSIP::Testing.advance(4)
    expect(final_for(alice).status).to eq(487)
    everything_done
    expect(seen.all).to eq(["127.0.0.1", :canceled])
    expect(messages_at(bob).map { |message| message.header("Via") }.uniq.size).to be <= 1
  end

  it "in on_target of the second target keeps that from being tried" do
    gate = Thread::Queue.new
    start_call { |proxy| proxy.on_target { |target| gate.pop if target.ip == "127.0.0.2" } }
    bob.answer(bob.receive, 503, "Service Unavailable")
    expect(Array.new(2) { seen.pop }).to eq(["127.0.0.1", "127.0.0.2"])
    cancel_from(alice, @invite)
    gate.close
    expect(final_for(alice).status).to eq(487)
    expect(seen.pop).to eq(:canceled)
    everything_done
    expect(messages_at(bob).map(&:method_name)).to eq(["ACK"])
  end
end
