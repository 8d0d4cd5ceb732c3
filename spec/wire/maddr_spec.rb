# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/dialogs"
require_relative "../support/scripted_dns"
require_relative "../support/tls_peer"

# The parameter `maddr` names the server to be contacted in place of a URI's host (RFC 3261 19.1.1, RFC 3263 4).
RSpec.describe "maddr", :native do
  let(:seen) { mailbox }
  let(:alice) { udp_peer }
  let(:bob) { udp_peer }

  # Routes what it gets and notes Request-URI, `destination_myself?`, `loose_route` and what becomes of it.
  def start(configuration: {}, proxies: {})
    start_oversip(configuration: configuration, proxies: proxies) do |request|
      seen << [request.ruri.to_s, request.destination_myself?, request.loose_route]
      record(OverSIP::SIP::Proxy.new, into: seen, only: %i[target error]).route(request)
    end
  end

  def with_names(names)
    dns = scripted_dns(names)
    start(configuration: { core: { nameservers: [dns.address] } })
    dns
  end

  def send_request(ruri, method: :MESSAGE, by: alice, **options)
    by.send_text(by.build(method, ruri, **options), oversip_port)
  end

  # What bob gets, with its answer on the way back.
  def expect_at_bob(ruri = nil)
    arrived = bob.receive
    expect(arrived.ruri).to eq(ruri) if ruri
    bob.answer(arrived, 200)
    expect(alice.receive_final.status).to eq(200)
    arrived
  end

  describe "of a Request-URI" do
    it "is the destination of the request, with the port of the URI; the host is not resolved" do
      dns = with_names({})
      send_request(ruri = "sip:bob@b.invalid:#{bob.port};maddr=127.0.0.1")
      expect_at_bob(ruri)
      expect(seen.all).to eq([[ruri, false, false], [:target, "udp:127.0.0.1:#{bob.port}"]])
      expect(dns.asked).to eq([])
    end

    it "takes precedence over an address too, and over the host of a live server" do
      start
      there = udp_peer("127.0.0.2", port: bob.port)
      send_request(ruri = "sip:bob@127.0.0.1:#{bob.port};MADDR=127.0.0.2")
      arrived = there.receive
      expect(arrived.ruri).to eq(ruri)
      there.answer(arrived, 200)
      expect(alice.receive_final.status).to eq(200)
      expect(messages_at(bob)).to be_empty
    end

    it "that is a name is resolved, in place of the host" do
      dns = with_names({ "relay.example" => ["127.0.0.1"] })
      send_request("sip:bob@b.invalid:#{bob.port};maddr=Relay.Example")
      expect_at_bob
      expect(dns.asked.map(&:split).map(&:first).uniq).to eq(["relay.example"])
    end

    it "without a port is asked for SRV records like a host" do
      with_names({ "_sip._udp.relay.example" => [{ srv: [0, 0, bob.port, "one.example"] }], "one.example" => ["127.0.0.1"] })
      send_request("sip:bob@b.invalid;transport=udp;maddr=relay.example")
      expect_at_bob
    end

    it "is contacted by the transport of the URI" do
      server = tcp_server
      start
      send_request("sip:bob@b.invalid:#{server.port};transport=tcp;maddr=127.0.0.1")
      peer = server.accept
      peer.answer(peer.receive, 200)
      expect(alice.receive_final.status).to eq(200)
    end

    { "in brackets" => "[::1]", "without brackets" => "0:0::1" }.each do |how, maddr|
      it "may be an IPv6 address #{how}" do
        six = udp_peer("::1")
        start(configuration: { sip: { enable_ipv6: true, listen_ipv6: "::1" } })
        send_request("sip:bob@b.invalid:#{six.port};maddr=#{maddr}")
        six.answer(six.receive, 200)
        expect(alice.receive_final.status).to eq(200)
        expect(seen.all.last).to eq([:target, "udp:[::1]:#{six.port}"])
      end
    end

    it "does not matter where the script names the host" do
      start_oversip { |request| OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", bob.port) }
      other = udp_peer
      send_request(ruri = "sip:bob@b.invalid:#{other.port};maddr=127.0.0.1")
      expect_at_bob(ruri)
      expect(messages_at(other)).to be_empty
    end

    it "is what a script that forbids destinations sees in on_target" do
      start_oversip do |request|
        proxy = record(OverSIP::SIP::Proxy.new, into: seen, only: [:error])
        proxy.on_target { |target| proxy.abort_routing if target.ip == "127.0.0.1" }
        proxy.route(request)
      end
      send_request("sip:bob@b.example:#{bob.port};maddr=127.0.0.1")
      expect(alice.receive_final.status).to eq(403)
      expect(seen.all).to eq([[:error, 403, "Destination Aborted", :destination_aborted]])
      expect(messages_at(bob)).to be_empty
    end

    it "is the target that the blacklist knows, whatever the host is" do
      start_oversip do |request|
        proxy = OverSIP::SIP::Proxy.new
        proxy.on_target { proxy.add_target_to_blacklist(60, 486, "Not Today") }
        proxy.route(request)
      end
      send_request("sip:bob@one.invalid:#{bob.port};maddr=127.0.0.1")
      expect_at_bob
      ["sip:bob@two.invalid:#{bob.port};maddr=127.0.0.1", "sip:bob@127.0.0.1:#{bob.port}"].each do |ruri|
        send_request(ruri)
        expect(alice.receive_final.first_line).to eq("SIP/2.0 486 Not Today")
      end
      expect(OverSIP.proxies[:default_proxy][:blacklist].keys).to eq(["udp:127.0.0.1:#{bob.port}"])
      expect(messages_at(bob)).to be_empty
    end

    { "multicast" => "239.1.2.3", "broadcast" => "255.255.255.255", "IPv6 multicast" => "[ff02::1]", "unspecified" => "0.0.0.0" }
      .each do |kind, maddr|
      it "that is no address of one host (#{kind}) is refused" do
        start(configuration: { sip: { enable_ipv6: true, listen_ipv6: "::1" } })
        send_request("sip:bob@b.invalid:#{bob.port};maddr=#{maddr}")
        expect(alice.receive_final.first_line).to eq("SIP/2.0 478 Destination Is No Unicast Address")
        expect(seen.all.last).to eq([:error, 478, "Destination Is No Unicast Address", :no_unicast])
      end
    end

    it "whose name leads to such addresses alone is refused, and they are left out among others" do
      with_names({ "many.example" => ["224.0.0.1", "0.0.0.0"], "some.example" => ["224.0.0.1", "127.0.0.1"] })
      send_request("sip:bob@b.invalid:#{bob.port};maddr=many.example")
      expect(alice.receive_final.status).to eq(404)
      seen.all
      send_request("sip:bob@b.invalid:#{bob.port};maddr=some.example")
      expect_at_bob
      expect(seen.all.drop(1)).to eq([[:target, "udp:127.0.0.1:#{bob.port}"]])
    end

    ["maddr", "maddr=", "maddr=10.1.2", "maddr=127.0.0.1:5060", "maddr=[::1", "maddr=127.0.0.1%20"].each do |parameter|
      it "is refused as #{parameter}" do
        start
        send_request("sip:bob@127.0.0.1:#{bob.port};#{parameter}")
        expect(alice.receive_final.first_line).to eq("SIP/2.0 400 Destination Has Invalid maddr")
        expect(seen.all.last).to eq([:error, 400, "Destination Has Invalid maddr", :invalid_maddr])
        expect(messages_at(bob)).to be_empty
      end
    end
  end

  describe "of a Route" do
    it "is where the request goes" do
      start
      route = "<sip:p.invalid:#{bob.port};maddr=127.0.0.1;lr>"
      send_request("sip:bob@b.invalid", headers: { "Route" => route })
      expect(expect_at_bob("sip:bob@b.invalid").headers("Route")).to eq([route])
    end

    it "is where a strict router is, and stays in its Request-URI" do
      start
      send_request("sip:bob@b.invalid", headers: { "Route" => "<#{router = "sip:gw@p.invalid:#{bob.port};maddr=127.0.0.1"}>" })
      expect(expect_at_bob(router).headers("Route")).to eq(["<sip:bob@b.invalid>"])
    end

    it "makes it a Route of ours when it leads here, and none when it leads elsewhere" do
      start
      own = "<sip:any.invalid:#{oversip_port};maddr=127.0.0.1;lr>"
      send_request("sip:bob@#{bob.address}", headers: { "Route" => own }, to_tag: "x")
      expect(expect_at_bob.headers("Route")).to eq([])
      expect(seen.all.first).to eq(["sip:bob@#{bob.address}", false, true])
      # By its host it would be ours.
      foreign = "<sip:127.0.0.1:#{oversip_port};maddr=127.0.0.9;lr>"
      send_request("sip:bob@#{bob.address}", headers: { "Route" => foreign }, to_tag: "x")
      expect([seen.pop.last, seen.pop]).to eq([false, [:target, "udp:127.0.0.9:#{oversip_port}"]])
    end
  end

  describe "that is ours" do
    # b.example is at bob's.
    before do
      dns = scripted_dns({ "b.example" => ["127.0.0.1"], "_sip._udp.b.example" => [{ srv: [0, 0, bob.port, "b.example"] }] })
      @sip = { local_domains: ["edge.example"] }
      @core = { nameservers: [dns.address] }
    end

    def start_here(**sip)
      start(configuration: { core: @core, sip: @sip.merge(sip) })
    end

    { "an address" => "127.0.0.1", "a domain" => "Edge.Example." }.each do |kind, maddr|
      it "(#{kind}) is gone with the port before the script sees the request, and on the wire" do
        start_here
        send_request("sip:bob@b.example:#{oversip_port};a=1;maddr=#{maddr};b")
        expect_at_bob("sip:bob@b.example;a=1;b")
        expect(seen.all).to eq([["sip:bob@b.example;a=1;b", false, false], [:target, "udp:127.0.0.1:#{bob.port}"]])
      end
    end

    it "is removed together with the transport, for a request that came by it" do
      start_here
      tcp = tcp_peer
      send_request("sip:bob@b.example:#{oversip_port};transport=tcp;maddr=127.0.0.1", by: tcp)
      arrived = bob.receive
      expect(arrived.ruri).to eq("sip:bob@b.example")
      bob.answer(arrived, 200)
      expect(tcp.receive_final.status).to eq(200)
    end

    it "is removed for a large request that came by TCP while its Request-URI names no transport (RFC 3261 18.1.1)" do
      start_here
      tcp = tcp_peer
      send_request("sip:bob@b.example:#{oversip_port};maddr=127.0.0.1", by: tcp, headers: { "X-Large" => "x" * 1500 })
      arrived = bob.receive
      expect(arrived.headers("Via").map { |via| via[%r{SIP/2.0/(\w+)}, 1] }).to eq(%w[UDP TCP])
      expect(seen.all.first).to eq(["sip:bob@b.example", false, false])
      bob.answer(arrived, 200)
      expect(tcp.receive_final.status).to eq(200)
    end

    it "is removed for a request that came by TLS, from a client or through a tunnel" do
      tunnel = dead_port
      capture_log do
        configuration = tls_configuration(Certificates.for_name("own.example"), use_tls_tunnel: true, listen_port_tls_tunnel: tunnel)
        start_oversip(configuration: configuration) { |request| (seen << request.ruri.to_s) && request.reply(200) }
      end
      tls = tls_peer
      tunnelled = tcp_peer(tunnel)
      tunnelled.send_text("PROXY TCP4 192.0.2.7 198.51.100.1 4711 5061\r\n")
      ["sip:bob@b.example:#{tls_port};transport=tls", "sips:bob@b.example:#{tls_port}"].product([tls, tunnelled]) do |ruri, peer|
        peer.send_text(peer.build(:MESSAGE, "#{ruri};maddr=127.0.0.1"))
        expect([peer.receive_final.status, seen.pop]).to eq([200, "#{ruri[/\w+/]}:bob@b.example"])
      end
    end

    it "leaves our own domain as Request-URI, which is us" do
      start_here
      on_request { |request| (seen << [request.ruri.to_s, request.destination_myself?]) && request.reply(200) }
      send_request("sip:bob@edge.example:#{oversip_port};maddr=127.0.0.1")
      expect(alice.receive_final.status).to eq(200)
      expect(seen.pop).to eq(["sip:bob@edge.example", true])
    end

    it "stays while it names another transport: the request goes there first, and is no loop" do
      start_here
      send_request(ruri = "sip:bob@b.example:#{oversip_port};transport=tcp;maddr=127.0.0.1")
      arrived = expect_at_bob("sip:bob@b.example")
      expect(arrived.headers("Via").map { |via| via[%r{SIP/2.0/(\w+)}, 1] }).to eq(%w[UDP TCP UDP])
      expect(seen.all.map(&:first)).to eq([ruri, :target, "sip:bob@b.example", :target])
    end

    it "stays while it names another port" do
      start_here
      send_request(ruri = "sip:bob@b.example:#{bob.port};maddr=127.0.0.1")
      expect_at_bob(ruri)
    end

    it "stays where the Request-URI has no port and we listen elsewhere" do
      start_here
      send_request(ruri = "sip:bob@b.example;maddr=127.0.0.1")
      expect(seen.pop).to eq([ruri, false, false])
      expect(seen.pop).to eq([:target, "udp:127.0.0.1:5060"])
    end

    it "is gone from the target that a strict router has put behind the last Route" do
      start_here
      own = "sip:127.0.0.1:#{oversip_port};lr;ovid=00000000"
      send_request(own, headers: { "Route" => "<sip:bob@b.example:#{oversip_port};maddr=127.0.0.1>" }, to_tag: "x")
      expect_at_bob("sip:bob@b.example")
      expect(seen.all.first).to eq(["sip:bob@b.example", false, true])
    end

    it "does not hide a loop" do
      start_oversip { |request| OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", oversip_port) }
      send_request("sip:bob@b.example:#{oversip_port};maddr=127.0.0.1")
      expect(alice.receive_final.status).to eq(482)
    end

    it "makes no other request of its retransmissions, CANCEL and ACK" do
      start_here
      ruri = "sip:bob@b.example:#{oversip_port};maddr=127.0.0.1"
      sent = send_request(ruri, method: :INVITE)
      alice.send_text(sent, oversip_port)
      invite = bob.receive
      bob.answer(invite, 180)
      alice.receive_until { |message| message.status == 180 }
      alice.send_text(alice.companion(sent, :CANCEL), oversip_port)
      cancel = bob.receive_until { |message| message.method_name == "CANCEL" }
      expect([cancel.ruri, cancel.branch]).to eq(["sip:bob@b.example", invite.branch])
      bob.answer(cancel, 200)
      bob.answer(invite, 487)
      expect(alice.receive_until { |message| message.status == 487 }.method_name).to eq("INVITE")
      alice.send_text(alice.companion(sent, :ACK), oversip_port)
      engine_caught_up
      dispatcher_caught_up
      expect(seen.all.size).to eq(2)
    end
  end

  describe "in a Uac's requests" do
    let(:uac) { OverSIP::SIP::Uac.new }

    it "of a Request-URI is where they go" do
      start_oversip
      uac.on_success_response { |response| seen << response.status_code }
      uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: ruri = "sip:bob@b.invalid:#{bob.port};maddr=127.0.0.1" }))
      options = bob.receive
      expect(options.ruri).to eq(ruri)
      bob.answer(options, 200)
      expect(seen.pop).to eq(200)
    end

    it "of a Contact is where the ACK goes; that of a Record-Route, too" do
      start_oversip
      uac.on_success_response { |response| uac.ack(response) }
      gateway = udp_peer
      contact = "sip:bob@b.invalid:#{gateway.port};maddr=127.0.0.1"
      recorded = "<sip:p.invalid:#{gateway.port};maddr=127.0.0.1;lr>"
      [[], [recorded]].each do |routes|
        uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:bob@#{bob.address}" }))
        bob.answer(bob.receive, 200, "OK", headers: { "Contact" => "<#{contact}>", "Record-Route" => routes })
        ack = gateway.receive
        expect([ack.first_line, ack.headers("Route")]).to eq(["ACK #{contact} SIP/2.0", routes])
      end
    end
  end

  # A maddr says where a server is, not who it is.
  describe "by TLS" do
    def ask(server, ruri)
      start_oversip(configuration: tls_configuration(Certificates.for_name("own.example")),
                    proxies: { default_proxy: { verify_server: true } })
      record(OverSIP::SIP::Uac.new, into: seen, only: %i[success_response error])
        .route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "#{ruri}:#{server.port};maddr=127.0.0.1" }))
    end

    it "leaves the host the name that the server's certificate has to have" do
      server = tls_server(Certificates.for_name("relay.example"))
      ask(server, "sips:bob@relay.example")
      peer = server.accept
      peer.answer(peer.receive, 200)
      expect([seen.pop, server.server_name]).to eq([[:success_response, 200], "relay.example"])
    end

    %w[sips:bob@relay.example sips:bob@192.0.2.1].each do |ruri|
      it "does not make a server of its own address one for #{ruri}" do
        server = tls_server(Certificates.for_name("127.0.0.1"))
        ask(server, ruri)
        expect(server.accept_refused).to be_empty
        expect(seen.pop).to eq([:error, 500, "TLS Validation Failed", :tls_validation_failed])
      end
    end
  end

  # RFC 3261 18.2.2 would send answers to it: with a datagram anybody could have them sent to anybody.
  describe "of a Via" do
    # Where an answer would be that follows the maddr: at alice's port of another address.
    let!(:victim) { udp_peer("127.0.0.3", port: alice.port) }

    def aimed(peer = alice, rport: nil)
      { "Via" => "SIP/2.0/#{peer.protocol} #{peer.address};branch=z9hG4bK#{SecureRandom.hex(6)}#{rport};maddr=127.0.0.3;ttl=1" }
    end

    def expect_answer(status)
      answer = alice.receive_final
      expect([answer.status, answer.header("Via")]).to match([status, /;maddr=127\.0\.0\.3;ttl=1/])
      expect(messages_at(victim)).to be_empty
    end

    ["", ";rport"].each do |rport|
      it "does not turn an answer of the script away from the source#{" (with rport)" unless rport.empty?}" do
        start_oversip { |request| request.reply(486) }
        send_request("sip:bob@b.example", headers: aimed(rport: rport))
        expect_answer(486)
      end
    end

    it "does not turn a relayed answer away" do
      start
      send_request("sip:bob@#{bob.address}", headers: aimed)
      bob.answer(bob.receive, 200)
      expect_answer(200)
    end

    it "does not turn answers away that are made without the script" do
      start
      send_request("sip:bob@b.example", headers: aimed.merge("Content-Length" => "x"))
      expect_answer(400)
      send_request("sip:bob@b.example", method: :CANCEL, headers: aimed)
      expect_answer(481)
    end

    it "does not turn an answer away that is repeated" do
      start_oversip { |request| request.reply(486) }
      sent = send_request("sip:bob@b.example", headers: aimed)
      expect_answer(486)
      alice.send_text(sent, oversip_port)
      expect_answer(486)
    end

    it "does not matter over TCP" do
      start_oversip { |request| request.reply(486) }
      tcp = tcp_peer
      send_request("sip:bob@b.example", by: tcp, headers: aimed(tcp))
      expect(tcp.receive_final.status).to eq(486)
      expect(messages_at(victim)).to be_empty
    end
  end
end
