# frozen_string_literal: true

require_relative "../support/child_script"
require_relative "../support/dialogs"
require_relative "../support/ports"
require_relative "../support/websocket_peer"

# Our Record-Route values carry a code of their dialog. Only a party of the dialog has it; nobody else can have requests sent
# on by a To tag and a Route that names this server.
RSpec.describe "A request inside a dialog, where the server requires a Route of its own,", :native do
  include ChildScript

  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  # A third party outside the call.
  let!(:victim) { udp_peer }
  let!(:seen) { mailbox }

  key = "a key of sixteen bytes or more"
  refusal = "SIP/2.0 403 Route Shows No Code for This Dialog"

  # Initial requests go where the block says (else to bob, or over the flow that their Route names), those inside a dialog
  # along their Route.
  def start(sip: {}, core: {}, websocket: {}, profile: {}, over: :udp, port: bob.port)
    configuration = { sip: { flow_token_key: "a key of sixteen bytes or more", require_own_route: true }.merge(sip), core: core,
                      websocket: { enable_ipv6: false, listen_port: 0 }.merge(websocket) }
    start_oversip(configuration: configuration, proxies: { default_proxy: profile }) do |request|
      seen << request.sip_method
      proxy = OverSIP::SIP::Proxy.new
      routed = request.loose_route
      next proxy.route(request) if request.incoming_outbound_requested?
      next proxy.route(request, *(block_given? ? yield(request) : ["127.0.0.1", port, over])) if request.initial?

      routed ? proxy.route(request) : request.sip_method == :ACK || request.reply(404)
    end
  end

  # A request inside a dialog as anybody can write it, for the third party.
  def stray(method, *routes, from: alice, call_id: "stray", from_tag: "any", to_tag: "some", **options)
    headers = { "Route" => routes, "From" => "<sip:x@a.example>;tag=#{from_tag}" }.merge(options.delete(:headers) || {})
    from.build(method, "sip:victim@#{victim.address}", call_id: call_id, to_tag: to_tag, headers: headers, **options)
  end

  def here(more = "")
    "<sip:127.0.0.1:#{oversip_port};lr#{more}>"
  end

  def code_in(route)
    route[/;ovcode=(\h{24})>/, 1]
  end

  # Nothing has reached the third party, nor the script.
  def nobody_was_bothered
    engine_caught_up
    dispatcher_caught_up
    expect([messages_at(victim), seen.all]).to eq([[], []])
  end

  describe "of a call" do
    it "passes from both sides, over UDP alone" do
      start
      invite, answer = call(alice, bob)
      expect(invite.headers("Record-Route").map { |route| code_in(route) }).to match([/\A\h{24}\z/])
      exchange(alice, bob, alice.in_dialog(:INFO, answer, cseq: 2))
      exchange(bob, alice, callee_request(bob, :INFO, invite, "CSeq" => "7 INFO"))
      exchange(bob, alice, callee_request(bob, :BYE, invite, "CSeq" => "8 BYE"))
      _, second = call(alice, bob)
      exchange(alice, bob, alice.in_dialog(:BYE, second, cseq: 2))
      expect(OverSIP.stats[:rejected][:without_own_route]).to eq(0)
    end

    { "from UDP to TCP" => %i[udp tcp], "from TCP to UDP" => %i[tcp udp], "on TCP" => %i[tcp tcp] }.each do |way, (near, far)|
      it "passes from both sides when the call goes #{way}" do
        server = tcp_server
        start(over: far, port: far == :tcp ? server.port : bob.port)
        caller = near == :tcp ? tcp_peer : alice
        callee = bob
        invite, answer = call(caller, far == :tcp ? -> { callee = server.accept } : bob)
        routes = invite.headers("Record-Route")
        expect([routes.size, routes.map { |route| code_in(route) }.uniq.size]).to eq([way == "on TCP" ? 1 : 2, 1])
        exchange(callee, caller, callee_request(callee, :INFO, invite))
        exchange(caller, callee, caller.in_dialog(:BYE, answer, cseq: 2))
      end
    end

    it "passes from both sides when the caller is a WebSocket client" do
      start(websocket: { sip_ws: true })
      caller = websocket_peer
      invite, answer = call(caller, bob)
      exchange(bob, caller, callee_request(bob, :INFO, invite))
      exchange(caller, bob, caller.in_dialog(:BYE, answer, cseq: 2))
    end

    it "passes from both sides when the call came over the callee's own flow" do
      start
      callee = tcp_peer
      callee.send_text(callee.build(:INVITE, "sip:bob@b.example"), oversip_port)
      flow = bob.receive.headers("Record-Route").last
      invite, answer = call(alice, callee, headers: { "Route" => flow, "Contact" => "<sip:alice@#{alice.address};ob>" })
      routes = invite.headers("Record-Route")
      expect(routes).to match([/\A<sip:\h{10}@.*;ovcode=\h{24}>\z/, /\A<sip:_[\w-]+@.*;ovcode=\h{24}>\z/])
      exchange(callee, alice, callee_request(callee, :INFO, invite))
      exchange(alice, callee, alice.in_dialog(:BYE, answer, cseq: 2))
    end

    it "passes from both sides when the INVITE came over a connection that the server has opened" do
      server = tcp_server
      start { |request| request.ruri.user == "bob" ? ["127.0.0.1", server.port, :tcp] : ["127.0.0.1", alice.port, :udp] }
      call_from(alice, :OPTIONS)
      carol = server.accept
      carol.receive
      carol.send_text(carol.build(:INVITE, "sip:alice@a.example"))
      invite = alice.receive_until { |message| message.method_name == "INVITE" && message.request? }
      expect(invite.headers("Record-Route").map { |route| code_in(route) }.uniq).to match([/\A\h{24}\z/])
      alice.answer(invite, 200, "OK", headers: { "Contact" => "<sip:alice@#{alice.address}>" })
      answer = carol.receive_until { |message| message.status == 200 && message.method_name == "INVITE" }
      carol.send_text(carol.in_dialog(:ACK, answer, cseq: 1))
      expect(alice.receive_until(&:request?).method_name).to eq("ACK")
      exchange(alice, carol, callee_request(alice, :INFO, invite, "Contact" => "<sip:alice@#{alice.address}>"))
      exchange(carol, alice, carol.in_dialog(:BYE, answer, cseq: 2))
    end

    it "passes when it is a re-INVITE of either side that gets Record-Routes too, and uses them from then on" do
      start(profile: { record_route_all: true })
      invite, answer = call(alice, bob)
      reinvite = exchange(bob, alice, callee_request(bob, :INVITE, invite))
      # A peer that takes its route from the last INVITE: the code in it is of the callee's tag.
      expect(code_in(reinvite.header("Record-Route"))).not_to eq(code_in(invite.header("Record-Route")))
      exchange(alice, bob, alice.in_dialog(:BYE, answer, cseq: 2).sub(/^Route: .*?\r\n/, "Route: #{reinvite.header("Record-Route")}\r\n"))
      exchange(bob, alice, callee_request(bob, :BYE, invite, "Route" => reinvite.header("Record-Route"), "CSeq" => "9 BYE"))
    end

    it "passes when the dialog was made by a SUBSCRIBE, or by the NOTIFY for it" do
      start
      subscribe_text = call_from(alice, :SUBSCRIBE)
      subscribe = bob.receive
      # The NOTIFY comes before the 200 and makes the dialog.
      notify = exchange(bob, alice, callee_request(bob, :NOTIFY, subscribe))
      bob.answer(subscribe, 200)
      alice.receive_final
      headers = { "Route" => notify.headers("Record-Route"), "From" => SipText.new(subscribe_text).header("From"),
                  "To" => notify.header("From") }
      again = alice.build(:SUBSCRIBE, "sip:bob@#{bob.address}", call_id: notify.header("Call-ID"), cseq: 2, headers: headers)
      expect(exchange(alice, bob, again).to_tag).to eq("bob")
    end

    it "passes when the dialog was made by a REFER" do
      start
      call_from(alice, :REFER)
      refer = bob.receive
      bob.answer(refer, 202)
      alice.receive_final
      expect(exchange(bob, alice, callee_request(bob, :NOTIFY, refer)).method_name).to eq("NOTIFY")
    end

    it "passes in an early dialog" do
      start
      call_from(alice)
      invite = bob.receive
      bob.answer(invite, 183, "Progress", headers: { "Contact" => "<sip:bob@#{bob.address}>" })
      progress = alice.receive_until { |message| message.status == 183 }
      expect(exchange(alice, bob, alice.in_dialog(:PRACK, progress, cseq: 2)).method_name).to eq("PRACK")
    end

    it "passes when the INVITE passed twice" do
      start { |request| request.ruri.user == "bob" ? (request.ruri.user = "robert") && ["127.0.0.1", oversip_port] : ["127.0.0.1", bob.port] }
      invite, answer = call(alice, bob)
      expect(invite.headers("Record-Route").map { |route| code_in(route) }.uniq).to match([/\A\h{24}\z/])
      exchange(bob, alice, callee_request(bob, :INFO, invite))
      exchange(alice, bob, alice.in_dialog(:BYE, answer, cseq: 2))
    end

    it "passes when another proxy stands between two passages" do
      home = udp_peer
      start { |request| request.num_vias == 1 ? ["127.0.0.1", home.port] : ["127.0.0.1", bob.port] }
      call_from(alice)
      first = home.receive
      own = "<sip:#{home.address};lr>"
      headers = { "From" => first.header("From"), "Contact" => first.header("Contact"),
                  "Via" => ["SIP/2.0/UDP #{home.address};branch=z9hG4bKhome;rport", *first.headers("Via")],
                  "Record-Route" => [own, *first.headers("Record-Route")] }
      home.send_text(home.build(:INVITE, "sip:bob@#{bob.address}", call_id: first.header("Call-ID"), headers: headers), oversip_port)
      invite = bob.receive
      bye = callee_request(bob, :BYE, invite)
      bob.send_text(bye, oversip_port)
      between = home.receive_until { |message| message.method_name == "BYE" }
      expect(between.headers("Route")).to eq([own, *first.headers("Record-Route")])
      home.send_text(between.to_s.sub(/^Route: .*?\r\n/, "").sub(/^Via: /, "Via: SIP/2.0/UDP #{home.address};branch=z9hG4bKon;rport\r\nVia: "),
                     oversip_port)
      expect(alice.receive_until(&:request?).method_name).to eq("BYE")
    end

    it "passes from a client without a From tag, as RFC 2543 allows" do
      start
      caller = "<sip:alice@a.example>"
      invite, answer = call(alice, bob, headers: { "From" => caller })
      exchange(alice, bob, alice.in_dialog(:INFO, answer, cseq: 2))
      # Its own tag is the only one that the callee knows: the request has no To tag.
      exchange(bob, alice, callee_request(bob, :BYE, invite))
    end

    it "passes though a peer has written the parameters of the Route in capitals" do
      start
      _, answer = call(alice, bob)
      bye = alice.in_dialog(:BYE, answer, cseq: 2).sub(/ovcode=\h{24}/, &:upcase)
      expect(exchange(alice, bob, bye).method_name).to eq("BYE")
    end
  end

  describe "of a call that went by another server" do
    # The same script in another process, on another address, under the name of the one here.
    def another_server(key, &)
      port = oversip_port
      running_script(<<~RUBY, &)
        OverSIP.start(configuration: { core: { syslog_level: "error" },
                                       sip: { listen_ipv4: "127.0.0.2", advertised_ipv4: "127.0.0.1", listen_port: #{port},
                                              enable_ipv6: false, flow_token_key: #{key.dump}, require_own_route: true } })
        on_request { |request| request.loose_route ? OverSIP::SIP::Proxy.new.route(request) : request.reply(404) }
        puts "serves"
        wait
      RUBY
    end

    it "passes when both have the same key" do
      start
      invite, answer = call(alice, bob)
      another_server(key) do |server|
        server.wait_for(/serves/)
        [alice.in_dialog(:BYE, answer, cseq: 2), callee_request(bob, :BYE, invite)].zip([alice, bob], [bob, alice]).each do |text, from, to|
          from.send_text(text, oversip_port, "127.0.0.2")
          expect(to.receive_until(&:request?).method_name).to eq("BYE")
        end
      end
    end

    it "gets 403 when their keys differ" do
      start
      _, answer = call(alice, bob)
      another_server("another key of sixteen bytes") do |server|
        server.wait_for(/serves/)
        alice.send_text(alice.in_dialog(:BYE, answer, cseq: 2), oversip_port, "127.0.0.2")
        expect(alice.receive_final.first_line).to eq(refusal)
      end
    end

    it "passes after a restart with the same key, and gets 403 after one with another or without" do
      port = Ports.free
      start(sip: { listen_port: port })
      invite, answer = call(alice, bob)
      OverSIP.stop(timeout: 0)
      start(sip: { listen_port: port })
      exchange(bob, alice, callee_request(bob, :INFO, invite))
      exchange(alice, bob, alice.in_dialog(:INFO, answer, cseq: 2))
      ["another key of sixteen bytes", nil].each.with_index(3) do |other, cseq|
        OverSIP.stop(timeout: 0)
        capture_log { start(sip: { listen_port: port, flow_token_key: other }) }
        alice.send_text(alice.in_dialog(:BYE, answer, cseq: cseq), oversip_port)
        expect(alice.receive_final.first_line).to eq(refusal)
      end
    end

    it "passes after a restart of the process, by the name of the server alone" do
      port = Ports.free
      script = <<~RUBY
        OverSIP.start(configuration: { core: { syslog_level: "error" },
                                       sip: { listen_port: #{port}, enable_ipv6: false, flow_token_key: #{key.dump}, require_own_route: true } })
        on_request do |request|
          proxy = OverSIP::SIP::Proxy.new
          next proxy.route(request, "127.0.0.1", #{bob.port}) if request.initial?
          request.loose_route && proxy.route(request)
        end
        puts "serves"
        wait
      RUBY
      invite, answer = running_script(script) { |server| server.wait_for(/serves/) or break call(alice, bob, to: port) }
      running_script(script) do |server|
        server.wait_for(/serves/)
        exchange(bob, alice, callee_request(bob, :INFO, invite), port)
        exchange(alice, bob, alice.in_dialog(:BYE, answer, cseq: 2), port)
      end
    end
  end

  describe "gets 403, and nothing is sent on, when" do
    before { start }

    # An established call; the script's events of it are forgotten.
    let!(:established) { call(alice, bob).tap { dispatcher_caught_up }.tap { seen.all } }
    let(:invite) { established.first }
    let(:own) { invite.header("Record-Route") }
    let(:call_id) { invite.header("Call-ID") }
    let(:tag) { invite.header("From")[/tag=(\S+)/, 1] }

    def refused(text)
      alice.send_text(text, oversip_port)
      expect(alice.receive_final.first_line).to eq("SIP/2.0 403 Route Shows No Code for This Dialog")
      nobody_was_bothered
      expect(OverSIP.stats[:rejected][:without_own_route]).to eq(1)
    end

    it("has no Route") { refused(stray(:BYE)) }
    it("has a Route that only names the server") { refused(stray(:MESSAGE, here)) }
    it("has a Route of somebody else") { refused(stray(:BYE, "<sip:#{victim.address};lr>", call_id: call_id, from_tag: tag)) }
    it("shows an invented code") { refused(stray(:BYE, here(";ovcode=#{"0" * 24}"), call_id: call_id, from_tag: tag)) }
    it("shows an empty code") { refused(stray(:BYE, here(";ovcode"), call_id: call_id, from_tag: tag)) }
    it("shows the code of a call with another Call-ID") { refused(stray(:BYE, own, from_tag: tag)) }
    it("shows the code of a call between others") { refused(stray(:BYE, own, call_id: call_id)) }
    it("is a re-INVITE") { refused(stray(:INVITE, here)) }

    it "shows its code behind a Route of somebody else" do
      refused(stray(:BYE, "<sip:#{victim.address};lr>", own, call_id: call_id, from_tag: tag))
    end

    it "shows its code in a Route that names another server" do
      refused(stray(:BYE, "<sip:#{victim.address};lr;ovcode=#{code_in(own)}>", call_id: call_id, from_tag: tag))
    end

    it "shows a part of its code" do
      refused(stray(:BYE, here(";ovcode=#{code_in(own)[0, 22]}"), call_id: call_id, from_tag: tag))
    end

    it "shows the flow token of the call alone" do
      refused(stray(:BYE, own.sub(/;ovcode=\h+/, ""), call_id: call_id, from_tag: tag))
    end
  end

  it "goes on when it only has the code, whatever else stands in the Route" do
    start
    invite, = call(alice, bob)
    tag = invite.header("From")[/tag=(\S+)/, 1]
    # Who takes part in a call may send to any Request-URI within it.
    routes = [here, here(";ovcode=#{code_in(invite.header("Record-Route"))}")]
    bob.send_text(stray(:BYE, *routes, call_id: invite.header("Call-ID"), from_tag: "bob", to_tag: tag), oversip_port)
    expect(victim.receive.method_name).to eq("BYE")
  end

  it "is dropped and counted when it is an ACK" do
    start
    alice.send_text(stray(:ACK, here), oversip_port)
    nobody_was_bothered
    expect([messages_at(alice), OverSIP.stats[:dropped][:acks_without_own_route]]).to eq([[], 1])
  end

  it "takes no place of an ACK that shows its Route" do
    start(core: { max_queued_acks: 1 })
    invite, answer = call(alice, bob)
    gate = Thread::Queue.new
    entered = mailbox
    on_request do |request|
      entered << request.sip_method
      gate.pop
      request.loose_route && OverSIP::SIP::Proxy.new.route(request)
    end
    bob.send_text(callee_request(bob, :INFO, invite), oversip_port)
    entered.pop
    3.times { alice.send_text(stray(:ACK, here), oversip_port) }
    alice.send_text(alice.in_dialog(:ACK, answer, cseq: 1), oversip_port)
    engine_caught_up
    expect(OverSIP.stats[:dropped]).to include(acks_without_own_route: 3, acks: 0)
    expect(OverSIP.stats[:queued]).to include(acks: 1)
    gate.close
    expect(bob.receive_until(&:request?).method_name).to eq("ACK")
  end

  it "is refused with its ACK when it is an INVITE" do
    start
    invite = stray(:INVITE, here)
    alice.send_text(invite, oversip_port)
    refused = alice.receive_final
    expect([refused.first_line, refused.to_tag]).to eq([refusal, "some"])
    alice.send_text(alice.companion(invite, :ACK, headers: { "Route" => here }), oversip_port)
    nobody_was_bothered
    expect(messages_at(alice)).to be_empty
  end

  it "is matched with its transaction before it is judged" do
    start
    call_from(alice)
    invite = bob.receive
    bob.answer(invite, 200, "OK")
    answer = alice.receive_final
    reinvite = alice.in_dialog(:INVITE, answer, cseq: 2)
    alice.send_text(reinvite, oversip_port)
    forwarded = bob.receive_until { |message| message.header("CSeq") == "2 INVITE" }
    bob.answer(forwarded, 180, "Ringing")
    alice.receive_until { |message| message.status == 180 && message.header("CSeq") == "2 INVITE" }
    # Neither a retransmission nor a CANCEL has to show a Route of ours.
    alice.send_text(reinvite.gsub(/^Route:.*\r\n/, ""), oversip_port)
    expect(alice.receive.status).to eq(180)
    expect(cancel_from(alice, reinvite, headers: { "To" => answer.header("To") }).status).to eq(200)
    expect(bob.receive_until { |message| message.method_name == "CANCEL" }).to be_request
    bob.answer(forwarded, 487, "Request Terminated")
    expect(alice.receive_until { |message| message.status == 487 }.header("CSeq")).to eq("2 INVITE")
    alice.send_text(alice.companion(reinvite, :ACK, headers: { "To" => answer.header("To") }), oversip_port)
    engine_caught_up
    expect(OverSIP.stats[:rejected][:without_own_route]).to eq(0)
  end

  it "is another matter without a To tag: the script decides" do
    start
    alice.send_text(stray(:MESSAGE, here, to_tag: nil), oversip_port)
    expect(bob.receive.method_name).to eq("MESSAGE")
    expect(OverSIP.stats[:rejected][:without_own_route]).to eq(0)
  end

  it "enters the reserve of a full server only with its code" do
    # The call and the MESSAGE take two each, towards either side.
    start(core: { max_transactions: 4 })
    OverSIP::Testing.freeze
    invite, = call(alice, bob)
    call_from(alice, :MESSAGE)
    bob.receive_until { |message| message.method_name == "MESSAGE" }
    call_from(alice, :MESSAGE)
    expect(alice.receive_final.status).to eq(503)
    alice.send_text(stray(:BYE, here), oversip_port)
    expect(alice.receive_final.first_line).to eq(refusal)
    expect(OverSIP.stats).to include(reserve_transactions: 0, reserve_admissions: 0)
    exchange(bob, alice, callee_request(bob, :BYE, invite))
    engine_caught_up
    expect(OverSIP.stats).to include(reserve_transactions: 2, reserve_admissions: 1)
  end

  it "is as before where the server does not require it" do
    start(sip: { require_own_route: false })
    alice.send_text(stray(:BYE, here), oversip_port)
    expect(victim.receive.method_name).to eq("BYE")
  end

  describe "and request.own_route?" do
    # What the method says before and after loose_route, called twice, and the request's text.
    def start_asking
      start_oversip do |request|
        answers = [request.own_route?]
        2.times do
          request.loose_route
          answers << request.own_route?
        end
        seen << [request.sip_method, *answers, request.to_s]
        OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", bob.port)
      end
    end

    def asked(text)
      alice.send_text(text, oversip_port)
      seen.pop.take(4).drop(1)
    end

    it "tell the same before and after loose_route" do
      start_asking
      invite_text = call_from(alice)
      expect(seen.pop.take(4)).to eq([:INVITE, false, false, false])
      invite = bob.receive
      bob.answer(invite, 200, "OK", headers: { "Contact" => "<sip:bob@#{bob.address}>" })
      answer = alice.receive_final
      expect(asked(alice.in_dialog(:INFO, answer, cseq: 2))).to eq([true, true, true])
      expect(asked(alice.in_dialog(:INFO, answer, cseq: 3).sub(/ovcode=\h{4}/, "ovcode=0000"))).to eq([false, false, false])
      expect(asked(alice.in_dialog(:INFO, answer, cseq: 4).gsub(/^Route:.*\r\n/, ""))).to eq([false, false, false])
      # An initial request shows it too, when its From tag is that of the call.
      headers = { "Route" => invite.headers("Record-Route"), "From" => SipText.new(invite_text).header("From") }
      expect(asked(alice.build(:INFO, "sip:b", call_id: invite.header("Call-ID"), headers: headers))).to eq([true, true, true])
    end

    it "check the received request: an edit does not matter" do
      results = mailbox
      route = nil
      start_oversip do |request|
        request.headers["Route"] = [route] if route
        results << request.own_route?
        request.delete_header("Route")
        results << request.own_route?
        OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", bob.port)
      end
      call_from(alice, call_id: "same")
      route = bob.receive.header("Record-Route")
      call_from(alice, :INFO, call_id: "same")
      call_from(alice, :INFO, call_id: "same", headers: { "Route" => route })
      expect(Array.new(6) { results.pop }).to eq([false, false, false, false, true, true])
    end

    it "judge a request from text by the Routes in it" do
      start_asking
      call_from(alice)
      bob.receive.then { |invite| bob.answer(invite, 200, "OK", headers: { "Contact" => "<sip:bob@#{bob.address}>" }) }
      text = alice.in_dialog(:BYE, alice.receive_final, cseq: 2)
      request = OverSIP::SIP::Request.parse(text)
      expect([request.own_route?, request.loose_route, request.routes, request.own_route?]).to eq([true, true, nil, true])
      expect(OverSIP::SIP::Request.parse(text.sub(/^Call-ID: /, "Call-ID: x")).own_route?).to be(false)
      OverSIP.stop(timeout: 0)
      expect { OverSIP::SIP::Request.parse(text).own_route? }.to raise_error(OverSIP::RuntimeError, /OverSIP.start/)
    end
  end

  describe "and the start" do
    def warnings(sip)
      capture_log { start_oversip(configuration: { sip: sip }) }.select { |record| record.severity == :warn }.map(&:body)
    end

    it "warn that codes do not outlive the process without a key" do
      expect(warnings({ require_own_route: true })).to contain_exactly(
        "sip[require_own_route] without sip[flow_token_key]: requests of calls that were up before a restart, or that came by " \
        "another server, get 403; set a key of 16 bytes or more"
      )
      OverSIP.stop(timeout: 0)
      expect(warnings({ require_own_route: true, flow_token_key: "a key of sixteen bytes or more" })).to be_empty
      OverSIP.stop(timeout: 0)
      expect(warnings({})).to be_empty
    end
  end
end
