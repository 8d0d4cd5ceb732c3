# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/dialogs"
require_relative "../support/scripted_dns"

# Routers of RFC 2543 want their own URI as the Request-URI, and the target behind the last Route (RFC 3261 16.6 step 6).
RSpec.describe "A strict router", :native do
  let(:seen) { mailbox }
  let(:alice) { udp_peer }
  let(:gateway) { udp_peer }
  # Where a request goes that is sent by the wrong URI.
  let(:elsewhere) { udp_peer }
  let(:target) { "sip:bob@#{elsewhere.address}" }
  let(:own_route) { "<sip:127.0.0.1:#{oversip_port};lr>" }

  describe "as the next hop of a Proxy" do
    def start(configuration: {}, proxies: {})
      start_oversip(configuration: configuration, proxies: proxies) do |request|
        next request.reply(404) if request.headers["Route"] && !request.loose_route

        proxy = OverSIP::SIP::Proxy.new
        yield proxy, request if block_given?
        proxy.route(request)
        seen << [request.ruri.to_s, request.headers["Route"].dup]
      end
    end

    def request(method, *routes, **options)
      alice.build(method, target, headers: { "Route" => [own_route, *routes] }, **options)
    end

    def send_request(...)
      alice.send_text(request(...), oversip_port)
    end

    # What reaches the gateway has its URI, and these Routes.
    def expect_strict(method, *routes, uri: "sip:gw@#{gateway.address}")
      arrived = gateway.receive_until { |message| message.method_name == method.to_s }
      expect([arrived.ruri, arrived.headers("Route")]).to eq([uri, [*routes, "<#{target}>"]])
      arrived
    end

    { ACK: "tag", BYE: "tag", INFO: "tag", INVITE: nil, MESSAGE: nil }.each do |method, to_tag|
      it "gets #{method} with its own URI, the Request-URI as last Route; the script's request stays as it was" do
        start
        routes = ["<sip:gw@#{gateway.address}>", "<sip:further@#{elsewhere.address};lr>"]
        send_request(method, *routes, to_tag: to_tag)
        expect_strict(method, routes.last)
        expect(seen.pop).to eq([target, routes])
        expect(messages_at(elsewhere)).to be_empty
      end
    end

    it "is known though its Route is the first of a list, has a name or the only one" do
      start
      send_request(:BYE, "\"GW\" <sip:gw@#{gateway.address}>, <sip:p1;lr>", to_tag: "x")
      expect_strict(:BYE, "<sip:p1;lr>")
      send_request(:INFO, "<sip:gw@#{gateway.address}>", to_tag: "x")
      expect_strict(:INFO)
    end

    it "is one whose lr stands behind the brackets" do
      start
      send_request(:BYE, "<sip:gw@#{gateway.address}>;lr", to_tag: "x")
      expect_strict(:BYE)
    end

    it "gets no parameter method and no headers in its URI" do
      start
      send_request(:BYE, "<sip:gw@#{gateway.address};method=BYE;x=1?Subject=a>", to_tag: "x")
      expect_strict(:BYE, uri: "sip:gw@#{gateway.address};x=1")
    end

    %w[lr lr=on lr=true LR Lr=].each do |loose|
      it "is none that has #{loose}" do
        start
        send_request(:BYE, route = "<sip:gw@#{gateway.address};#{loose}>", to_tag: "x")
        bye = gateway.receive
        expect([bye.ruri, bye.headers("Route")]).to eq([target, [route]])
      end
    end

    it "is none behind a loose router" do
      start
      send_request(:BYE, *(routes = ["<sip:gw@#{gateway.address};lr>", "<sip:gw@#{elsewhere.address}>"]), to_tag: "x")
      bye = gateway.receive
      expect([bye.ruri, bye.headers("Route")]).to eq([target, routes])
    end

    it "does not matter where the script names the host" do
      start_oversip { |request| request.loose_route && OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", gateway.port) }
      send_request(:BYE, route = "<sip:gw@#{elsewhere.address}>", to_tag: "x")
      bye = gateway.receive
      expect([bye.ruri, bye.headers("Route")]).to eq([target, [route]])
    end

    it "gets the CANCEL of its INVITE and the ACK of a failure like the INVITE" do
      start
      sent = alice.send_text(request(:INVITE, "<sip:gw@#{gateway.address}>", "<sip:p1;lr>"), oversip_port)
      invite = expect_strict(:INVITE, "<sip:p1;lr>")
      gateway.answer(invite, 180)
      alice.receive_until { |message| message.status == 180 }
      alice.send_text(alice.companion(sent, :CANCEL), oversip_port)
      gateway.answer(expect_strict(:CANCEL, "<sip:p1;lr>"), 200)
      gateway.answer(invite, 487)
      expect(expect_strict(:ACK, "<sip:p1;lr>").branch).to eq(invite.branch)
    end

    it "that has two addresses gets the same request at both" do
      first = udp_peer("127.0.0.3")
      second = udp_peer("127.0.0.4", port: first.port)
      dns = scripted_dns({ "gw.example" => ["127.0.0.3", "127.0.0.4"] })
      start(configuration: { core: { nameservers: [dns.address] } })
      send_request(:INVITE, "<sip:gw@gw.example:#{first.port}>", "<sip:p1;lr>")
      peers = [first, second]
      one = eventually { peers.find { |peer| (@arrived = messages_at(peer).first) } }
      invite = @arrived
      one.answer(invite, 503)
      again = (peers - [one]).first.receive
      [invite, again].each do |message|
        expect([message.ruri, message.headers("Route")]).to eq(["sip:gw@gw.example:#{first.port}", ["<sip:p1;lr>", "<#{target}>"]])
      end
      expect(again.branch).not_to eq(invite.branch)
    end

    it "gets the script's version of the request in a further attempt, and a loose router after it nothing of the first" do
      start do |proxy, request|
        proxy.on_failure_response do
          request.ruri = "sip:robert@#{elsewhere.address}"
          request.set_header("Route", "<sip:gw@#{elsewhere.address};lr>") if seen.all.any? { |entry| entry == :again }
          seen << :again
          proxy.drop_response
          proxy.route(request)
        end
      end
      send_request(:MESSAGE, "<sip:gw@#{gateway.address}>")
      gateway.answer(expect_strict(:MESSAGE), 404)
      second = gateway.receive
      expect([second.ruri, second.headers("Route")]).to eq(["sip:gw@#{gateway.address}", ["<sip:robert@#{elsewhere.address}>"]])
      gateway.answer(second, 404)
      third = elsewhere.receive
      expect([third.ruri, third.headers("Route")])
        .to eq(["sip:robert@#{elsewhere.address}", ["<sip:gw@#{elsewhere.address};lr>"]])
    end
  end

  # Its requests have our Record-Route value as Request-URI and the target as last Route (RFC 3261 16.4).
  describe "as the previous hop" do
    let!(:bob) { udp_peer }

    def start(sip: {})
      start_oversip(configuration: { sip: { flow_token_key: "a key of sixteen bytes or more" }.merge(sip) }) do |request|
        found = [request.ruri.to_s, request.hdr_route, request.routes&.map(&:uri), request.destination_myself?, request.own_route?]
        loose = request.loose_route
        seen << [request.sip_method, *found, loose, request.headers["Route"]]
        proxy = OverSIP::SIP::Proxy.new
        next proxy.route(request) if request.incoming_outbound_requested?
        next proxy.route(request, "127.0.0.1", bob.port) if request.initial?

        loose ? proxy.route(request) : request.sip_method == :ACK || request.reply(404)
      end
    end

    # An established call; the script's events of it are forgotten.
    def established(caller = alice, headers: {})
      call(caller, bob, headers: headers).tap { dispatcher_caught_up }.tap { seen.all }
    end

    # A request as it leaves a strict router.
    def strict(text, in_list: false)
      sent = SipText.new(text)
      first, *rest = sent.headers("Route").flat_map { |value| value.split(/,\s*/) }
      routes = [*rest, "<#{sent.ruri}>"]
      lines = in_list ? ["Route: #{routes.join(", ")}"] : routes.map { |route| "Route: #{route}" }
      text.sub(/ \S+ SIP/, " #{first[/<(.+)>/, 1]} SIP").gsub(/^Route:.*\r\n/, "").sub("\r\n\r\n") { "\r\n#{lines.join("\r\n")}\r\n\r\n" }
    end

    it "of the caller gets requests through, and the script sees target and Routes from the start" do
      start
      _, answer = established
      bye = exchange(alice, bob, strict(alice.in_dialog(:BYE, answer, cseq: 2)))
      target = "sip:bob@#{bob.address};transport=udp"
      expect([bye.ruri, bye.headers("Route"), bye.header("Max-Forwards")]).to eq([target, [], "69"])
      expect(seen.pop).to eq([:BYE, target, nil, nil, false, true, true, nil])
    end

    it "of the callee gets requests through" do
      start
      invite, = established
      info = exchange(bob, alice, strict(callee_request(bob, :INFO, invite)))
      expect([info.ruri, info.headers("Route")]).to eq(["sip:alice@#{alice.address};transport=udp", []])
    end

    [true, false].each do |in_list|
      it "leaves the Routes between, #{in_list ? "in one list" : "each in a line"}; the next hop may route strictly as well" do
        start
        _, answer = established
        info = alice.in_dialog(:INFO, answer, cseq: 2)
        further = ["<sip:gw@#{gateway.address}>", "<sip:p1;lr>"]
        text = info.sub(/^Route:.*\r\n/) { |own| "#{own}Route: #{further.join("\r\nRoute: ")}\r\n" }
        arrived = exchange(alice, gateway, strict(text, in_list: in_list))
        target = "sip:bob@#{bob.address};transport=udp"
        expect([arrived.ruri, arrived.headers("Route")]).to eq(["sip:gw@#{gateway.address}", ["<sip:p1;lr>", "<#{target}>"]])
        expect(seen.pop).to eq([:INFO, target, further, further.map { |one| one[1..-2] }, false, true, true, further])
      end
    end

    it "gets its ACK through" do
      start
      alice.send_text(alice.build(:INVITE, "sip:bob@b.example"), oversip_port)
      bob.answer(bob.receive, 200, "OK", headers: { "Contact" => "<sip:bob@#{bob.address}>" })
      answer = alice.receive_until { |message| message.status == 200 }
      alice.send_text(strict(alice.in_dialog(:ACK, answer, cseq: 1)), oversip_port)
      ack = bob.receive_until(&:request?)
      expect([ack.first_line, ack.headers("Route")]).to eq(["ACK sip:bob@#{bob.address} SIP/2.0", []])
    end

    it "gets a re-INVITE, its CANCEL and the ACK of the failure matched" do
      start
      _, answer = established
      sent = alice.send_text(strict(alice.in_dialog(:INVITE, answer, cseq: 2)), oversip_port)
      alice.send_text(sent, oversip_port)
      reinvite = bob.receive_until(&:request?)
      bob.answer(reinvite, 180)
      alice.receive_until { |message| message.status == 180 }
      route = { "Route" => SipText.new(sent).headers("Route") }
      alice.send_text(alice.companion(sent, :CANCEL, headers: route), oversip_port)
      expect(alice.receive_until { |message| message.method_name == "CANCEL" }.status).to eq(200)
      bob.answer(bob.receive_until { |message| message.method_name == "CANCEL" }, 200)
      bob.answer(reinvite, 487)
      expect(alice.receive_final.status).to eq(487)
      alice.send_text(alice.companion(sent, :ACK, headers: route), oversip_port)
      engine_caught_up
      dispatcher_caught_up
      expect(seen.all.map(&:first)).to eq([:INVITE])
    end

    it "of the callee reaches the caller by its flow, through both of our Record-Routes" do
      start
      caller = tcp_peer
      invite, = established(caller, headers: { "Contact" => "<sip:alice@unreachable.invalid;transport=tcp>" })
      expect(invite.headers("Record-Route").size).to eq(2)
      info = exchange(bob, caller, strict(callee_request(bob, :INFO, invite)))
      expect([info.ruri, info.headers("Route")]).to eq(["sip:alice@unreachable.invalid;transport=tcp", []])
    end

    it "reaches the flow that one value of ours names" do
      start
      caller = tcp_peer
      caller.send_text(caller.build(:INVITE, "sip:bob@b.example"), oversip_port)
      flow = bob.receive.headers("Record-Route").last
      bob.send_text(strict(bob.build(:MESSAGE, "sip:alice@unreachable.invalid", headers: { "Route" => flow })), oversip_port)
      message = caller.receive_until(&:request?)
      expect([message.ruri, message.headers("Route")]).to eq(["sip:alice@unreachable.invalid", []])
    end

    it "is known after a restart, when our mark is another one" do
      start
      _, answer = established
      text = strict(alice.in_dialog(:BYE, answer, cseq: 2)).sub(/;ovid=\h+/, ";ovid=00000000")
      expect(exchange(alice, bob, text).headers("Route")).to eq([])
      expect(seen.pop).to include("sip:bob@#{bob.address};transport=udp")
    end

    describe "with require_own_route" do
      before { start(sip: { require_own_route: true }) }

      it "gets the requests of both sides through" do
        invite, answer = established
        exchange(alice, bob, strict(alice.in_dialog(:INFO, answer, cseq: 2)))
        exchange(bob, alice, strict(callee_request(bob, :INFO, invite)))
        exchange(alice, bob, strict(alice.in_dialog(:BYE, answer, cseq: 3)))
        expect(OverSIP.stats[:rejected][:without_own_route]).to eq(0)
      end

      it "gets 403 without the code, and with that of another dialog" do
        _, answer = established
        bye = strict(alice.in_dialog(:BYE, answer, cseq: 2))
        [bye.sub(/;ovcode=\h+/, ""), bye.sub(/^(Call-ID: .*)\r/, "\\1x\r")].each do |text|
          alice.send_text(text, oversip_port)
          expect(alice.receive_final.status).to eq(403)
        end
        dispatcher_caught_up
        expect([messages_at(bob), seen.all]).to eq([[], []])
      end
    end

    it "is not assumed where the Request-URI only names the server, nor without a Route" do
      start
      _, answer = established
      bye = alice.in_dialog(:BYE, answer, cseq: 2)
      here = "sip:127.0.0.1:#{oversip_port}"
      route = "<sip:x@#{bob.address}>"
      own = SipText.new(bye).header("Route")[/<(.+)>/, 1]
      { here => [route], "#{here};lr" => [route], own => [] }.each do |ruri, routes|
        lines = routes.map { |value| "Route: #{value}\r\n" }.join
        alice.send_text(bye.sub(/ \S+ SIP/, " #{ruri} SIP").sub(/^Route:.*\r\n/, lines).sub(/branch=/, "branch=z9hG4bK#{SecureRandom.hex(4)}"),
                        oversip_port)
        expect(alice.receive_final.status).to eq(404)
        expect(seen.pop.values_at(1, 2)).to eq([ruri, routes.first && routes])
      end
    end
  end

  describe "as the first of a Uac's dialog" do
    let(:bob) { udp_peer }
    let(:uac) { OverSIP::SIP::Uac.new }

    before do
      start_oversip
      OverSIP::Testing.freeze
    end

    def invite
      OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:bob@#{bob.address}", cseq: 7 })
    end

    def success(*recorded)
      { headers: { "Record-Route" => recorded, "Contact" => "<#{target}>" } }
    end

    def expect_strict(method, *routes)
      arrived = gateway.receive
      expect([arrived.first_line, arrived.headers("Route")])
        .to eq(["#{method} sip:gw@#{gateway.address} SIP/2.0", [*routes, "<#{target}>"]])
    end

    { "alone" => [], "before a loose router" => %w[lr], "before another strict one" => %w[strict] }.each do |place, further|
      { "" => "", ", lr behind the brackets" => ";lr" }.each do |how, behind|
        it "#{place}#{how} gets the ACK of Uac#ack" do
          uac.on_success_response { |response| uac.ack(response) }
          uac.route(invite)
          others = further.map { |kind| "<sip:further@#{elsewhere.address}#{";lr" if kind == "lr"}>" }
          bob.answer(bob.receive, 200, **success(*others, "<sip:gw@#{gateway.address}>#{behind}"))
          expect_strict(:ACK, *others)
          expect(messages_at(elsewhere)).to be_empty
        end
      end
    end

    it "gets ACK and BYE of a call that has timed out" do
      call = Thread.new do
        uac.call(invite, timeout: 3)
      rescue OverSIP::Error => e
        e
      end
      sent = bob.receive
      bob.answer(sent, 180)
      engine_caught_up
      OverSIP::Testing.advance(3)
      expect(call.value.code).to eq(:call_timeout)
      bob.receive_until { |message| message.method_name == "CANCEL" }
      bob.answer(sent, 200, **success("<sip:further@#{elsewhere.address};lr>", "<sip:gw@#{gateway.address}>"))
      %i[ACK BYE].each { |method| expect_strict(method, "<sip:further@#{elsewhere.address};lr>") }
      expect(messages_at(elsewhere)).to be_empty
    end

    %w[lr=on LR].each do |loose|
      it "is none that has #{loose}" do
        uac.on_success_response { |response| uac.ack(response) }
        uac.route(invite)
        bob.answer(bob.receive, 200, **success("<sip:gw@#{gateway.address};#{loose}>"))
        ack = gateway.receive
        expect([ack.ruri, ack.headers("Route")]).to eq([target, ["<sip:gw@#{gateway.address};#{loose}>"]])
      end
    end
  end
end
