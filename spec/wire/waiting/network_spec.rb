# frozen_string_literal: true

require_relative "../../support/server_folder"

# The network goes on while blocks wait: what the peers see of it.
RSpec.describe "While a block waits", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:carol) { udp_peer }
  let!(:gate) { Thread::Queue.new }
  let!(:seen) { mailbox }

  # The block waits until {release}; the example goes on when it does.
  def wait_in_block
    seen << :waits
    OverSIP.await { gate.pop }
  end

  def release
    gate << true
  end

  def start(profile: {}, &on_request)
    start_oversip(proxies: { default_proxy: profile }, &on_request)
    OverSIP::Testing.freeze
  end

  def until_it_waits
    expect(seen.pop).to eq(:waits)
  end

  it "a CANCEL ends the request under on_request: what the block routes then goes nowhere" do
    start do |request|
      wait_in_block
      OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", bob.port)
      seen << :routed
    end
    invite = call_from(alice)
    until_it_waits
    expect(cancel_from(alice, invite).status).to eq(200)
    expect(final_for(alice).status).to eq(487)
    release
    expect(seen.pop).to eq(:routed)
    everything_done
    expect(messages_at(bob)).to be_empty
  end

  it "a CANCEL ends a serial search under on_failure_response: the next gateway hears nothing" do
    start do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_failure_response do |response|
        proxy.drop_response(response)
        wait_in_block
        OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", carol.port)
        seen << :routed
      end
      proxy.route(request, "127.0.0.1", bob.port)
    end
    invite = call_from(alice)
    bob.answer(bob.receive, 503)
    until_it_waits
    expect(cancel_from(alice, invite).status).to eq(200)
    release
    expect(seen.pop).to eq(:routed)
    expect(final_for(alice).status).to eq(487)
    everything_done
    expect(messages_at(carol)).to be_empty
  end

  it "Timer B of another branch ends that branch" do
    start(profile: { timer_B: 5 }) do |request|
      silent = OverSIP::SIP::Proxy.new
      silent.on_error { |status, _, code| seen << [status, code] }
      silent.route(request, "127.0.0.1", bob.port)
      waiting = OverSIP::SIP::Proxy.new
      waiting.on_provisional_response { wait_in_block }
      waiting.route(request, "127.0.0.1", carol.port)
    end
    call_from(alice)
    bob.receive
    forwarded = carol.receive
    carol.answer(forwarded, 180)
    until_it_waits
    OverSIP::Testing.advance(5)
    expect(seen.pop).to eq([408, :client_timeout])
    release
    carol.answer(forwarded, 200)
    expect(final_for(alice).status).to eq(200)
  end

  it "Timer C cancels the branch whose block waits, and its blocks hear of it behind that one" do
    start(profile: { timer_C: 10 }) do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_provisional_response { wait_in_block }
      proxy.on_invite_timeout { seen << :timeout }
      proxy.route(request, "127.0.0.1", bob.port)
    end
    call_from(alice)
    bob.answer(bob.receive, 180)
    until_it_waits
    OverSIP::Testing.advance(10)
    expect(bob.receive_until(&:request?).method_name).to eq("CANCEL")
    dispatcher_caught_up
    expect(seen).to be_empty
    release
    expect(seen.pop).to eq(:timeout)
    expect(final_for(alice).status).to eq(408)
  end

  it "a retransmission of the request is no second one" do
    start do |request|
      wait_in_block
      request.reply(603)
    end
    invite = call_from(alice)
    until_it_waits
    2.times { alice.send_text(invite, oversip_port) }
    engine_caught_up
    release
    expect(final_for(alice).status).to eq(603)
    everything_done
    expect(seen).to be_empty
  end

  it "a request of a connection that is lost meanwhile can still be routed, and the next one is served" do
    start do |request|
      next request.reply(200) if request.sip_method == :OPTIONS

      wait_in_block
      OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", bob.port)
    end
    caller = tcp_peer
    call_from(caller)
    until_it_waits
    caller.close
    release
    bob.answer(bob.receive, 200)
    call_from(alice, :OPTIONS)
    expect(alice.receive_final.status).to eq(200)
  end

  it "a target that has lost its connection answers by another one, behind the block" do
    server = tcp_server
    start do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_provisional_response { wait_in_block }
      proxy.on_success_response { seen << :success }
      proxy.route(request, "127.0.0.1", server.port, :tcp)
    end
    call_from(alice)
    target = server.accept
    forwarded = target.receive
    target.answer(forwarded, 180)
    until_it_waits
    target.close
    tcp_peer.answer(forwarded, 200)
    everything_done
    expect(seen).to be_empty
    release
    expect(final_for(alice).status).to eq(200)
    expect(seen.pop).to eq(:success)
  end

  context "with a server" do
    include ServerFolder

    def script(version)
      <<~RUBY
        OverSIP::SystemCallbacks.on_reload { puts "the script is read again" } if OverSIP::SystemCallbacks.on_reload_callbacks.empty?
        $stdout.sync = true
        def (OverSIP::SipEvents).on_request(request)
          if request.sip_method == :INVITE
            puts "version #{version} waits"
            OverSIP.await { Kernel.sleep 0.01 until File.exist?("#{in_folder("go")}") }
          end
          request.reply 200, "Version #{version}"
        end
      RUBY
    end

    it "HUP gives later requests the new script; the block that waits ends with the old one" do
      folder(script: script(1))
      serving do |server|
        alice.send_text(alice.build(:INVITE, "sip:bob@b.example"), port)
        server.wait_for(/version 1 waits/)
        write("server.rb", script(2))
        server.signal("HUP")
        server.wait_for(/script is read again/)
        bob.send_text(bob.build(:OPTIONS, "sip:bob@b.example"), port)
        expect(bob.receive_final.reason).to eq("Version 2")
        write("go", "")
        expect(final_for(alice).reason).to eq("Version 1")
      end
    end
  end
end
