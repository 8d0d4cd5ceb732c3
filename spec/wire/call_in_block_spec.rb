# frozen_string_literal: true

require_relative "../support/async_gem"

# Uac#call and Proxy#call in a block: its Fiber is suspended until the request has its final response.
RSpec.describe "call in a block", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:carol) { udp_peer }
  let!(:seen) { mailbox }

  def request(method = :OPTIONS, peer: bob)
    OverSIP::SIP::UacRequest.new({ sip_method: method, ruri: "sip:bob@#{peer.address}", cseq: 7 })
  end

  # What the block returns, or the exception that it raises.
  def outcome
    yield
  rescue Exception => e # rubocop:disable Lint/RescueException -- it is looked at
    e
  end

  # Starts OverSIP with its clock standing.
  def start(&)
    start_oversip(&)
    OverSIP::Testing.freeze
  end

  def failure(status, code)
    an_instance_of(OverSIP::SIP::ClientError).and have_attributes(status: status, code: code)
  end

  describe "Uac#call" do
    it "returns the final response, and other events run meanwhile" do
      start do |received|
        next received.reply(202) if received.sip_method == :MESSAGE

        received.reply(OverSIP::SIP::Uac.new.call(request).status_code)
      end
      call_from(alice, :OPTIONS)
      asked = bob.receive
      call_from(carol, :MESSAGE)
      expect(carol.receive_final.status).to eq(202)
      bob.answer(asked, 486)
      expect(alice.receive_final.status).to eq(486)
    end

    it "runs the Uac's own blocks before it returns" do
      start do |received|
        uac = OverSIP::SIP::Uac.new
        uac.on_target { |target| seen << target.to_s }
        uac.on_success_response { |response| seen << response.status_code }
        seen << uac.call(request).status_code
        received.reply(200)
      end
      call_from(alice, :OPTIONS)
      bob.answer(bob.receive, 202)
      expect(alice.receive_final.status).to eq(200)
      expect(seen.all).to eq(["udp:#{bob.address}", 202, 202])
    end

    it "waits in a block of the same Uac: the blocks of the further request do not wait for the end of that block" do
      start { nil }
      uac = OverSIP::SIP::Uac.new
      uac.on_failure_response do |response|
        seen << "refused #{response.status_code}"
        seen << uac.call(request(peer: carol)).status_code if response.status_code == 486
        seen << "end #{response.status_code}"
      end
      uac.on_success_response { seen << "accepted" }
      uac.route(request)
      bob.answer(bob.receive, 486)
      carol.answer(carol.receive, 200)
      expect(Array.new(4) { seen.pop }).to eq(["refused 486", "accepted", 200, "end 486"])
    end

    it "keeps the order of the Uac's other events: they wait for the block that calls" do
      start { nil }
      uac = OverSIP::SIP::Uac.new
      uac.on_success_response do |response|
        next unless response.request.sip_method == :OPTIONS

        seen << response.request.call_id
        uac.call(request(:MESSAGE, peer: carol))
        seen << "end"
      end
      sent = Array.new(2) { request }.each { |one| uac.route(one) }
      Array.new(2) { bob.receive }.each { |one| bob.answer(one, 200) }
      asked = carol.receive
      everything_done
      expect(seen.all).to eq([sent.first.call_id])
      carol.answer(asked, 200)
      expect([seen.pop, seen.pop]).to eq(["end", sent.last.call_id])
      carol.answer(carol.receive, 200)
      expect(seen.pop).to eq("end")
    end

    it "raises what on_error would be told" do
      start { |received| received.reply(outcome { OverSIP::SIP::Uac.new.call(request, "127.0.0.1", dead_port, :tcp) }.status) }
      call_from(alice, :OPTIONS)
      expect(alice.receive_final.status).to eq(500)
    end

    it "gives up after its time" do
      start { seen << outcome { OverSIP::SIP::Uac.new.call(request(:INVITE), timeout: 3) } }
      call_from(alice, :MESSAGE)
      bob.answer(bob.receive, 180)
      everything_done
      OverSIP::Testing.advance(3)
      expect(seen.pop).to match(failure(408, :call_timeout))
      bob.receive_until { |message| message.method_name == "CANCEL" }
    end

    it "gives up when the Fiber meets an exception" do
      start { seen << Fiber.current << outcome { OverSIP::SIP::Uac.new.call(request(:INVITE)) } }
      call_from(alice, :MESSAGE)
      bob.answer(bob.receive, 180)
      everything_done
      fiber = seen.pop
      OverSIP.schedule { OverSIP::Dispatcher.go_on(fiber, ArgumentError.new("enough")) }
      expect(seen.pop).to be_a(ArgumentError)
      bob.receive_until { |message| message.method_name == "CANCEL" }
    end

    it "is not ended by a script that resumes its Fiber" do
      start { seen << Fiber.current << OverSIP::SIP::Uac.new.call(request).status_code }
      call_from(alice, :MESSAGE)
      asked = bob.receive
      fiber = seen.pop
      OverSIP.schedule { fiber.resume }
      everything_done
      bob.answer(asked, 200)
      expect(seen.pop).to eq(200)
    end

    it "ends with OverSIP, which is told to the block" do
      start do
        seen << true
        seen << outcome { OverSIP::SIP::Uac.new.call(request) }
      end
      call_from(alice, :MESSAGE)
      seen.pop && bob.receive
      OverSIP.stop(timeout: 0)
      expect(seen.pop).to be_a(OverSIP::StoppedError)
    end

    it "raises in a Fiber that the script has made, and sends nothing" do
      start { seen << Fiber.new { outcome { OverSIP::SIP::Uac.new.call(request) } }.resume }
      call_from(alice, :MESSAGE)
      expect(seen.pop).to be_a(OverSIP::RuntimeError).and have_attributes(message: /Uac#call .*cannot be suspended.*in the block itself/)
      expect(messages_at(bob)).to be_empty
    end

    it "leaves nothing behind" do
      start { |received| received.reply(OverSIP::SIP::Uac.new.call(request).status_code) }
      5.times do
        call_from(alice, :OPTIONS)
        bob.answer(bob.receive, 200)
        alice.receive_final
      end
      OverSIP::Testing.advance(40)
      everything_done
      expect(OverSIP::Engine.held_objects).to eq(0)
    end
  end

  describe "Uac#call under a Fiber scheduler of the caller's thread", if: ASYNC do
    it "does not hold up the reactor" do
      start
      statuses = Thread.new do
        Async do |task|
          calls = Array.new(4) { task.async { OverSIP::SIP::Uac.new.call(request).status_code } }
          calls.map(&:wait)
        end.wait
      end
      asked = Array.new(4) { bob.receive }
      asked.reverse_each { |one| bob.answer(one, 200) }
      expect(statuses.value).to eq([200] * 4)
    end

    it "ends with OverSIP" do
      start
      ended = Thread.new { Sync { [outcome { OverSIP::SIP::Uac.new.call(request) }] } }
      bob.receive
      OverSIP.stop(timeout: 0)
      expect(ended.value).to match([an_instance_of(OverSIP::StoppedError)])
    end

    it "gives the request up when its task is stopped" do
      start
      gate = Thread::Queue.new
      ended = Thread.new do
        Async do |task|
          call = task.async { OverSIP::SIP::Uac.new.call(request(:INVITE)) }
          gate.pop
          call.stop
        end.wait
      end
      bob.answer(bob.receive, 180)
      everything_done
      gate << true
      ended.join
      bob.receive_until { |message| message.method_name == "CANCEL" }
    end
  end

  describe "Proxy#call" do
    # Starts OverSIP with a script that calls Bob and tells what comes of it.
    def start_calling(**options, &setup)
      start do |received|
        proxy = OverSIP::SIP::Proxy.new
        setup&.call(proxy, received)
        seen << outcome { proxy.call(received, bob.ip, bob.port, **options) }
      end
    end

    it "returns the final response, which goes to the client as with route" do
      start_calling { |proxy, _| proxy.on_success_response { |response| response.set_header("X-Seen", "yes") } }
      call_from(alice)
      invite = bob.receive
      bob.answer(invite, 180)
      expect(alice.receive_until { |message| message.status != 100 }.status).to eq(180)
      bob.answer(invite, 200)
      expect(alice.receive_final.header("X-Seen")).to eq("yes")
      response = seen.pop
      expect([response.status_code, response.request.sip_method, response.header_all("Via").size]).to eq([200, :INVITE, 1])
    end

    it "sends no ACK for a 2xx: the client does" do
      start_calling
      call_from(alice)
      bob.answer(bob.receive, 200)
      alice.receive_final
      seen.pop
      everything_done
      expect(messages_at(bob)).to be_empty
    end

    it "lets a script try one destination after the other in a loop" do
      start do |received|
        [bob, carol].each do |peer|
          proxy = OverSIP::SIP::Proxy.new
          proxy.on_failure_response { proxy.drop_response } if peer == bob
          response = proxy.call(received, peer.ip, peer.port)
          seen << response.status_code
          break if response.status_code < 300
        end
      end
      call_from(alice)
      bob.answer(bob.receive, 486)
      carol.answer(carol.receive, 200)
      expect(alice.receive_final.status).to eq(200)
      expect(Array.new(2) { seen.pop }).to eq([486, 200])
    end

    it "waits in a block of the same Proxy" do
      start do |received|
        proxy = OverSIP::SIP::Proxy.new
        proxy.on_failure_response do |response|
          next unless response.status_code == 486

          proxy.drop_response
          seen << proxy.call(received, carol.ip, carol.port).status_code
        end
        proxy.route(received, bob.ip, bob.port)
      end
      call_from(alice)
      bob.answer(bob.receive, 486)
      carol.answer(carol.receive, 480)
      expect(alice.receive_final.status).to eq(480)
      expect(seen.pop).to eq(480)
    end

    it "shows 500 in place of 503, as blocks see it" do
      start_calling
      OverSIP.proxies[:default_proxy][:dns_failover_on_503] = false
      call_from(alice)
      bob.answer(bob.receive, 503)
      expect([alice.receive_final.status, seen.pop.status_code]).to eq([500, 500])
    end

    it "raises what on_error is told, after that has run" do
      start do |received|
        proxy = OverSIP::SIP::Proxy.new
        proxy.on_error { |status, *| seen << status }
        seen << outcome { proxy.call(received, "127.0.0.1", dead_port, :tcp) }
      end
      call_from(alice)
      expect(alice.receive_final.status).to eq(500)
      expect([seen.pop, seen.pop]).to match([500, failure(500, :connection_error)])
    end

    it "raises after the CANCEL of the client, when the callee has ended" do
      start_calling { |proxy, _| proxy.on_canceled { seen << :canceled } }
      invite = call_from(alice)
      asked = bob.receive
      bob.answer(asked, 180)
      cancel_from(alice, invite)
      bob.receive_until { |message| message.method_name == "CANCEL" }
      expect(seen.pop).to eq(:canceled)
      bob.answer(asked, 487)
      expect(final_for(alice).status).to eq(487)
      expect(seen.pop).to match(failure(487, :canceled))
    end

    it "returns a 2xx that crosses the CANCEL" do
      start_calling
      invite = call_from(alice)
      asked = bob.receive
      bob.answer(asked, 180)
      cancel_from(alice, invite)
      bob.receive_until { |message| message.method_name == "CANCEL" }
      bob.answer(asked, 200)
      expect([final_for(alice).status, seen.pop.status_code]).to eq([200, 200])
    end

    it "raises when Timer C ends" do
      start_calling
      call_from(alice)
      bob.answer(bob.receive, 180)
      everything_done
      OverSIP::Testing.advance(120)
      expect([alice.receive_final.status, seen.pop]).to match([408, failure(408, :invite_timeout)])
    end

    it "gives up after its time, and the script goes on with the request" do
      start do |received|
        error = outcome { OverSIP::SIP::Proxy.new.call(received, bob.ip, bob.port, timeout: 3) }
        seen << error
        OverSIP::SIP::Proxy.new.route(received, carol.ip, carol.port)
      end
      call_from(alice)
      bob.answer(asked = bob.receive, 180)
      everything_done
      OverSIP::Testing.advance(3)
      expect(seen.pop).to match(failure(408, :call_timeout))
      bob.receive_until { |message| message.method_name == "CANCEL" }
      bob.answer(asked, 487)
      carol.answer(carol.receive, 200)
      expect(alice.receive_final.status).to eq(200)
    end

    it "raises for a request without hops left, which is answered 483" do
      start_calling
      alice.send_text(alice.build(:OPTIONS, "sip:bob@b.example").sub(/^Max-Forwards: \d+/, "Max-Forwards: 0"), oversip_port)
      expect([alice.receive_final.status, seen.pop]).to match([483, failure(483, :too_many_hops)])
    end

    it "raises for a request that is answered already, and for an ACK" do
      start do |received|
        received.reply(200) unless received.sip_method == :ACK
        seen << outcome { OverSIP::SIP::Proxy.new.call(received, bob.ip, bob.port) }
      end
      call_from(alice)
      expect(seen.pop).to match(failure(487, :canceled))
      call_from(alice, :ACK, to_tag: "bob")
      expect(seen.pop).to be_a(OverSIP::RuntimeError).and have_attributes(message: /use Proxy#route/)
      expect(messages_at(bob)).to be_empty
    end

    it "waits in a thread of the script, too" do
      start do |received|
        Thread.new { seen << OverSIP::SIP::Proxy.new.call(received, bob.ip, bob.port).status_code }
        received.create_transaction
      end
      call_from(alice)
      bob.answer(bob.receive, 200)
      expect([alice.receive_final.status, seen.pop]).to eq([200, 200])
    end

    it "raises for what is no request from the network" do
      start
      expect { OverSIP::SIP::Proxy.new.call(request) }.to raise_error(OverSIP::RuntimeError, /must be a OverSIP::SIP::Request/)
    end
  end
end
