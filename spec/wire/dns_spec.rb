# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/scripted_dns"
require_relative "../support/unbound"

# Destinations that are names, looked up by A and AAAA.
RSpec.describe "A destination that is a name", :native do
  let(:seen) { mailbox }
  let(:caller) { udp_peer }
  let(:callee) { udp_peer("127.0.0.3") }

  # OverSIP, asking a real name server, with a script that sends everything to a name and notes its targets.
  def start(records, profile: {}, sip: {}, &route)
    unbound = Unbound.new(records).tap { |server| opened << server }
    start_oversip(configuration: { core: { nameservers: [unbound.address] }, sip: sip },
                  proxies: { default_proxy: profile }) do |request|
      proxy = record(OverSIP::SIP::Proxy.new, into: seen, only: %i[target error])
      route ? route.call(proxy, request) : proxy.route(request, "bob.example", callee.port)
    end
  end

  def ask
    caller.send_text(caller.build(:MESSAGE, "sip:bob@b.example"), oversip_port)
  end

  def targets
    seen.all.select { |event, _| event == :target }.map(&:last)
  end

  it "is reached at its address" do
    start(["bob.example. 60 IN A 127.0.0.3"])
    ask
    callee.answer(callee.receive, 200)
    expect(caller.receive_final.status).to eq(200)
    expect(seen.all).to eq([[:target, "udp:127.0.0.3:#{callee.port}"]])
  end

  it "may stand in the Request-URI" do
    start(["bob.example. 60 IN A 127.0.0.3"]) { |proxy, request| proxy.route(request) }
    caller.send_text(caller.build(:MESSAGE, "sip:bob@BOB.example:#{callee.port}"), oversip_port)
    expect(callee.receive.ruri).to eq("sip:bob@BOB.example:#{callee.port}")
  end

  it "may stand in a Route that is not ours" do
    start(["bob.example. 60 IN A 127.0.0.3"]) { |proxy, request| proxy.route(request) }
    caller.send_text(caller.build(:MESSAGE, "sip:bob@nowhere.example",
                                  headers: { "Route" => "<sip:bob.example:#{callee.port};lr>" }), oversip_port)
    expect(callee.receive.ruri).to eq("sip:bob@nowhere.example")
  end

  it "is reached over the transport that the script names" do
    server = tcp_server
    start(["bob.example. 60 IN A 127.0.0.1"]) { |proxy, request| proxy.route(request, "bob.example", server.port, :tcp) }
    ask
    expect(server.accept.receive.header("Via")).to start_with("SIP/2.0/TCP ")
    expect(targets).to eq(["tcp:127.0.0.1:#{server.port}"])
  end

  it "is reached at port 5060 when no port is said" do
    start(["bob.example. 60 IN A 127.0.0.3"]) do |proxy, request|
      proxy.on_target { proxy.abort_routing }
      proxy.route(request, "bob.example")
    end
    ask
    expect(caller.receive_final.status).to eq(403)
    expect(targets).to eq(["udp:127.0.0.3:5060"])
  end

  describe "with several addresses" do
    addresses = %w[127.0.0.2 127.0.0.3 127.0.0.4].map { |ip| "bob.example. 60 IN A #{ip}" }

    # The callee is at the second address.
    let(:first_two) { %w[127.0.0.2 127.0.0.3].map { |ip| [:target, "udp:#{ip}:#{callee.port}"] } }

    it "is tried at the next one when the port of one is closed" do
      start(addresses)
      ask
      callee.answer(callee.receive, 200)
      expect(caller.receive_final.status).to eq(200)
      expect(seen.all).to eq(first_two)
    end

    it "is tried at the next one when one keeps silent until timer F" do
      dumb = udp_peer("127.0.0.2", port: callee.port)
      start(addresses, profile: { timer_F: 2 })
      ask
      dumb.receive
      OverSIP::Testing.freeze
      OverSIP::Testing.advance(3)
      callee.answer(callee.receive, 200)
      expect(caller.receive_final.status).to eq(200)
      expect(seen.all).to eq(first_two)
    end

    it "is tried at the next one when one answers 503" do
      refusing = udp_peer("127.0.0.2", port: callee.port)
      start(addresses)
      ask
      refusing.answer(refusing.receive, 503, "Service Unavailable")
      callee.answer(callee.receive, 200)
      expect(caller.receive_final.status).to eq(200)
      expect(seen.all).to eq(first_two)
    end

    it "is not tried any further when one answers with any other failure" do
      refusing = udp_peer("127.0.0.2", port: callee.port)
      start(addresses)
      ask
      refusing.answer(refusing.receive, 480, "Temporarily Unavailable")
      expect(caller.receive_final.status).to eq(480)
      expect(seen.all).to eq(first_two.first(1))
    end

    it "answers 500 when all of them answered 503, and on_failure_response sees the last 503" do
      refusing = %w[127.0.0.2 127.0.0.4].map { |ip| udp_peer(ip, port: callee.port) }
      start(addresses) do |proxy, request|
        record(proxy, into: seen, only: [:failure_response]).route(request, "bob.example", callee.port)
      end
      ask
      [refusing[0], callee, refusing[1]].each { |peer| peer.answer(peer.receive, 503, "Service Unavailable") }
      expect(caller.receive_final.status).to eq(500)
      expect(seen.all.last(2)).to eq([[:target, "udp:127.0.0.4:#{callee.port}"], [:failure_response, 503]])
    end

    it "has the headers of the first attempt: no value of an earlier attempt stays" do
      start(addresses) do |proxy, request|
        proxy.on_target { request.set_header("X-Attempt", proxy.current_target.ip) }
        proxy.route(request, "bob.example", callee.port)
      end
      caller.send_text(caller.build(:INVITE, "sip:bob@b.example"), oversip_port)
      request = callee.receive
      expect(request.headers("X-Attempt")).to eq(["127.0.0.3"])
      expect(request.headers("Via").size).to eq(2)
      expect(request.headers("Record-Route").size).to eq(1)
      expect(request.header("Max-Forwards")).to eq("69")
    end

    it "is an error once, that of the last address, when none is alive" do
      port = callee.port
      callee.close
      start(addresses) { |proxy, request| proxy.route(request, "bob.example", port) }
      ask
      expect(caller.receive_final.first_line).to eq("SIP/2.0 500 Connection Error")
      expect(seen.all).to eq([*%w[2 3 4].map { |last| [:target, "udp:127.0.0.#{last}:#{port}"] },
                              [:error, 500, "Connection Error", :connection_error]])
    end

    it "is given up when on_target aborts: 403, no further address" do
      start(addresses) do |proxy, request|
        proxy.on_target { proxy.abort_routing }
        proxy.route(request, "bob.example", callee.port)
      end
      ask
      expect(caller.receive_final.first_line).to eq("SIP/2.0 403 Destination Aborted")
      expect(targets.size).to eq(1)
    end

    it "is remembered with all of them though some have failed" do
      start(addresses)
      2.times do
        ask
        callee.answer(callee.receive, 200)
        caller.receive_final
        OverSIP.proxies[:default_proxy][:blacklist].clear
      end
      expect(OverSIP.proxies[:default_proxy][:dns_cache].to_h.values.first.size).to eq(3)
    end
  end

  it "is asked for by TCP when its addresses fill more than a datagram" do
    addresses = (1..120).map { |last| "bob.example. 60 IN A 127.0.1.#{last}" }
    start(addresses) do |proxy, request|
      proxy.on_target { proxy.abort_routing }
      proxy.route(request, "bob.example", 9)
    end
    ask
    expect(caller.receive_final.status).to eq(403)
    expect(OverSIP.proxies[:default_proxy][:dns_cache].to_h.values.first.size).to eq(120)
  end

  describe "with addresses of both families" do
    both = ["bob.example. 60 IN A 127.0.0.3", "bob.example. 60 IN AAAA ::1"]

    before { skip "no ::1 here" unless Socket.ip_address_list.any?(&:ipv6_loopback?) }

    { %w[ipv4 ipv6] => %w[udp:127.0.0.3 udp:[::1]], %w[ipv6 ipv4] => %w[udp:[::1] udp:127.0.0.3],
      %w[ipv4] => %w[udp:127.0.0.3], %w[ipv6] => %w[udp:[::1]] }.each do |preference, order|
      it "is tried at #{order.join(", then ")} when the profile prefers #{preference.join(", ")}" do
        start(both, profile: { ip_type_preference: preference }, sip: { enable_ipv6: true, listen_ipv6: "::1" }) do |proxy, request|
          proxy.route(request, "bob.example", 9)
        end
        ask
        expect(caller.receive_final.first_line).to eq("SIP/2.0 500 Connection Error")
        expect(targets).to eq(order.map { |target| "#{target}:9" })
      end
    end

    it "is tried at IPv4 alone on a server without IPv6" do
      start(both) { |proxy, request| proxy.route(request, "bob.example", 9) }
      ask
      caller.receive_final
      expect(targets).to eq(["udp:127.0.0.3:9"])
    end
  end

  it "is 404 No DNS Resolution when DNS denies it" do
    start([])
    ask
    expect(caller.receive_final.first_line).to eq("SIP/2.0 404 No DNS Resolution")
    expect(seen.all).to eq([[:error, 404, "No DNS Resolution", :no_dns_resolution]])
  end

  it "is found by a name server behind one that fails and one that is silent" do
    good = scripted_dns({ "bob.example" => ["127.0.0.3"] })
    servers = [scripted_dns({}, failing: ["bob.example"]), scripted_dns({}, silent: true), good]
    start_oversip(configuration: { core: { nameservers: servers.map(&:address) } }) do |request|
      OverSIP::SIP::Proxy.new.route(request, "bob.example", callee.port)
    end
    ask
    callee.answer(callee.receive, 200)
    expect(caller.receive_final.status).to eq(200)
    expect(servers.map { |server| server.asked.size }).to all(be >= 1)
  end

  it "is 404 No DNS Resolution when the name server itself fails" do
    dns = scripted_dns({}, failing: ["bob.example"])
    start_oversip(configuration: { core: { nameservers: [dns.address] } }) do |request|
      record(OverSIP::SIP::Proxy.new, into: seen).route(request, "bob.example", callee.port)
    end
    ask
    expect(caller.receive_final.first_line).to eq("SIP/2.0 404 No DNS Resolution")
    expect(seen.all).to eq([[:error, 404, "No DNS Resolution", :no_dns_resolution]])
  end

  it "serves a Uac too" do
    start(["bob.example. 60 IN A 127.0.0.3"])
    uac = record(OverSIP::SIP::Uac.new, into: seen)
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@bob.example:#{callee.port}" }))
    callee.answer(callee.receive, 200)
    expect([seen.pop, seen.pop]).to eq([[:target, "udp:127.0.0.3:#{callee.port}"], [:success_response, 200]])
  end
end
