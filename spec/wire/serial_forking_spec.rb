# frozen_string_literal: true

require_relative "../support/callbacks"

# `drop_response` and a further `route`, from each event that ends a branch.
RSpec.describe "Serial forking", :native do
  let(:seen) { mailbox }
  let(:alice) { udp_peer }
  let(:first) { udp_peer }
  let(:second) { udp_peer }

  # A script that goes on to the second callee when `event` comes for the first one.
  #
  # @param same [Boolean] whether the same Proxy goes on
  # @param to [Array] where the first branch goes
  def fork_on(event, same:, to: ["127.0.0.1", first.port], profile: {}, with_response: false)
    start_oversip(proxies: { default_proxy: profile }) do |request|
      next if request.sip_method == :ACK

      proxy = OverSIP::SIP::Proxy.new
      gone_on = false
      proxy.public_send(:"on_#{event}") do |response|
        seen << event
        next if gone_on

        gone_on = true
        proxy.drop_response(*(response if with_response))
        (same ? proxy : record(OverSIP::SIP::Proxy.new, into: seen)).route(request, "127.0.0.1", second.port)
      end
      yield proxy if block_given?
      proxy.route(request, *to)
    end
    OverSIP::Testing.freeze
  end

  # What the second callee gets is the request as it would have got it at first, and its answer goes upstream.
  def expect_second_to_answer(provisionals: [100])
    request = second.receive
    expect([request.headers("Via").size, request.headers("Record-Route").size, request.header("Max-Forwards")]).to eq([2, 1, "69"])
    second.answer(request, 200, "OK", to_tag: "second")
    statuses = []
    final = alice.receive_until { |message| (statuses << message.status).last >= 200 }
    expect([final.status, final.to_tag, statuses]).to eq([200, "second", provisionals + [200]])
  end

  [true, false].each do |same|
    describe "with #{same ? "the same" : "a new"} Proxy" do
      [302, 404, 486, 500, 603].each do |status|
        it "goes on from on_failure_response #{status}" do
          fork_on(:failure_response, same: same)
          call_from(alice)
          request = first.receive
          first.answer(request, status)
          expect(first.receive.method_name).to eq("ACK")
          expect_second_to_answer
        end
      end

      it "goes on from on_error when the target is silent" do
        fork_on(:error, same: same, profile: { timer_B: 2 })
        call_from(alice)
        first.receive
        OverSIP::Testing.advance(2)
        expect_second_to_answer
      end

      it "goes on from on_error when the connection is refused" do
        fork_on(:error, same: same, to: ["127.0.0.1", dead_port, :tcp])
        call_from(alice)
        expect_second_to_answer
      end

      it "goes on from on_error inside route itself" do
        fork_on(:error, same: same, to: ["127.0.0.1", 5061, :tls])
        call_from(alice)
        expect_second_to_answer
      end

      it "goes on from on_error after on_target has aborted" do
        fork_on(:error, same: same) do |proxy|
          proxy.on_target { |target| proxy.abort_routing if target.port == first.port }
        end
        call_from(alice)
        expect_second_to_answer
        expect(messages_at(first)).to be_empty
      end

      it "goes on from on_error when the target is blacklisted" do
        fork_on(:error, same: same)
        blacklist_first
        call_from(alice)
        expect_second_to_answer
        expect(messages_at(first)).to be_empty
      end

      it "goes on from on_invite_timeout" do
        fork_on(:invite_timeout, same: same, profile: { timer_C: 8 })
        call_from(alice)
        request = first.receive
        first.answer(request, 180)
        alice.receive_until { |message| message.status == 180 }
        OverSIP::Testing.advance(8)
        cancel = first.receive
        expect(cancel.method_name).to eq("CANCEL")
        first.answer(request, 487)
        answered = second.receive
        second.answer(answered, 200, "OK", to_tag: "second")
        expect(alice.receive_final.then { |final| [final.status, final.to_tag] }).to eq([200, "second"])
      end

      it "goes on when a request other than INVITE fails" do
        fork_on(:failure_response, same: same)
        call_from(alice, :MESSAGE)
        first.answer(first.receive, 404)
        request = second.receive
        second.answer(request, 200)
        expect(alice.receive_final.status).to eq(200)
      end

      it "ends with the second callee's failure" do
        fork_on(:failure_response, same: same)
        call_from(alice)
        first.answer(first.receive, 486)
        second.answer(second.receive, 603, "Decline")
        expect(alice.receive_final.first_line).to eq("SIP/2.0 603 Decline")
      end
    end
  end

  # Puts the first target on the blacklist, as a request of a stranger's would.
  def blacklist_first
    proxy = OverSIP::SIP::Uac.new
    proxy.on_target do
      proxy.add_target_to_blacklist(60)
      proxy.abort_routing
    end
    done = mailbox
    proxy.on_error { done << true }
    proxy.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:127.0.0.1:#{first.port}" }))
    done.pop
  end

  describe "tells the caller that an early dialog is over" do
    it "with 199 where it supports that (RFC 6228)" do
      fork_on(:failure_response, same: false, with_response: true)
      call_from(alice, headers: { "Supported" => "199, path" })
      request = first.receive
      first.answer(request, 180, "Ringing", to_tag: "early")
      first.answer(request, 486, 'Busy "here"', to_tag: "early")
      early = alice.receive_until { |message| message.status == 199 }
      expect([early.reason, early.to_tag]).to eq(["Early Dialog Terminated", "early"])
      expect(early.header("Reason")).to eq('SIP ;cause=486 ;text="Busy \\"here\\""')
      second.answer(second.receive, 200, "OK", to_tag: "second")
      expect(alice.receive_final.to_tag).to eq("second")
    end

    it "not where it does not" do
      fork_on(:failure_response, same: false, with_response: true)
      call_from(alice)
      first.answer(first.receive, 486)
      expect_second_to_answer
    end

    it "not for a request other than INVITE" do
      fork_on(:failure_response, same: false, with_response: true)
      call_from(alice, :MESSAGE, headers: { "Supported" => "199" })
      first.answer(first.receive, 486)
      second.answer(second.receive, 200)
      expect(alice.drain.map(&:status)).to eq([200])
    end
  end

  it "carries the changes that the script made between the branches, once" do
    start_oversip do |request|
      proxy = OverSIP::SIP::Proxy.new
      request.set_header("X-Hop", "one")
      proxy.on_failure_response do
        proxy.drop_response
        request.set_header("X-Hop", "two")
        OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", second.port)
      end
      proxy.route(request, "127.0.0.1", first.port)
    end
    call_from(alice)
    request = first.receive
    expect(request.headers("X-Hop")).to eq(["one"])
    first.answer(request, 404)
    expect(second.receive.headers("X-Hop")).to eq(["two"])
  end
end
