# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/ports"
require_relative "../support/scripted_dns"
require_relative "../support/tls_peer"
require_relative "../support/websocket_peer"

# Whichever URI names the next hop, a request for a SIPS resource goes there by TLS (RFC 3261 8.1.2, 16.6 step 7; RFC 5630).
RSpec.describe "A request to a sips URI", :native do
  let(:seen) { mailbox }
  let(:alice) { udp_peer }
  let(:server) { tls_server }
  # What would arrive in the clear, by UDP and by TCP.
  let!(:open_udp) { udp_peer(port: server.port) }
  let(:refused) { [:error, 416, "Unsupported URI scheme", :unsupported_uri_scheme] }
  let(:unsupported) { [:error, 478, "Unsupported transport", :unsupported_transport] }
  let(:next_hop) { "127.0.0.1:#{server.port}" }

  def start(*destination, configuration: tls_configuration, **options)
    start_oversip(configuration: configuration, **options) do |request|
      request.loose_route
      proxy = record(OverSIP::SIP::Proxy.new, into: seen, only: %i[target error])
      yield proxy, request if block_given?
      proxy.route(request, *destination)
    end
  end

  def send_along(*routes, method: :MESSAGE, ruri: "sips:bob@b.example", **options)
    headers = { "Route" => ["<sip:127.0.0.1:#{oversip_port};lr>", *routes] }
    alice.send_text(alice.build(method, ruri, headers: headers, **options), oversip_port)
  end

  def arrived(at = server)
    at.accept.receive
  end

  def expect_nothing_in_the_clear
    dispatcher_caught_up
    expect(messages_at(open_udp)).to be_empty
  end

  describe "that follows a Route with a sip URI" do
    { ACK: "tag", BYE: "tag", INVITE: nil, MESSAGE: nil }.each do |method, to_tag|
      it "takes #{method} there by TLS" do
        start
        send_along("<sip:#{next_hop};lr>", method: method, to_tag: to_tag)
        request = arrived
        expect([request.method_name, request.ruri, request.headers("Route")])
          .to eq([method.to_s, "sips:bob@b.example", ["<sip:#{next_hop};lr>"]])
        expect(request.header("Via")).to start_with("SIP/2.0/TLS 127.0.0.1:#{tls_port};")
        expect_nothing_in_the_clear
      end

      it "is refused with 416 for #{method} where there is no TLS" do
        start(configuration: {})
        send_along("<sip:#{next_hop};lr>", method: method, to_tag: to_tag)
        expect(seen.pop).to eq(refused)
        expect(alice.receive_final.first_line).to eq("SIP/2.0 416 Unsupported URI scheme") unless method == :ACK
        expect_nothing_in_the_clear
      end
    end

    it "is refused with 416 where the profile has no TLS" do
      start(proxies: { default_proxy: { transport_preference: %i[tcp udp] } })
      send_along("<sip:#{next_hop};lr>")
      expect(seen.pop).to eq(refused)
    end

    it "takes transport=tcp for TLS, and refuses transport=udp" do
      start
      send_along("<sip:#{next_hop};transport=tcp;lr>")
      expect(arrived.ruri).to eq("sips:bob@b.example")
      expect(seen.pop).to eq([:target, "tls:#{next_hop}"])
      send_along("<sip:#{next_hop};transport=udp;lr>")
      expect(seen.pop).to eq(unsupported)
      expect_nothing_in_the_clear
    end

    it "reaches a strict router by TLS, whose URI is the Request-URI by then" do
      start
      send_along("<sip:gw@#{next_hop}>")
      request = arrived
      expect([request.ruri, request.headers("Route")]).to eq(["sip:gw@#{next_hop}", ["<sips:bob@b.example>"]])
      expect_nothing_in_the_clear
    end

    it "counts whatever the letter case" do
      start
      send_along("<sip:#{next_hop};lr>", ruri: "SIPS:bob@b.example")
      arrived
      expect(seen.pop).to eq([:target, "tls:#{next_hop}"])
    end

    it "leaves requests to sip URIs as they are" do
      start
      send_along("<sip:#{next_hop};lr>", ruri: "sip:bob@b.example")
      expect(open_udp.receive.ruri).to eq("sip:bob@b.example")
    end

    it "asks DNS for TLS alone, and fails over from one TLS server to the next" do
      records = { "p.example" => [{ naptr: [1, 1, "s", "SIP+D2U", "_sip._udp.p.example"] }, { naptr: [2, 1, "s", "SIPS+D2T", "_sips._tcp.p.example"] }],
                  "_sip._udp.p.example" => [{ srv: [0, 0, server.port, "h.example"] }],
                  "_sips._tcp.p.example" => [{ srv: [0, 0, dead = dead_port, "h.example"] }, { srv: [1, 0, server.port, "h.example"] }],
                  "h.example" => ["127.0.0.1"] }
      dns = scripted_dns(records)
      start(configuration: tls_configuration.merge(core: { nameservers: [dns.address] }))
      send_along("<sip:p.example;lr>")
      arrived
      expect([seen.pop, seen.pop]).to eq([[:target, "tls:127.0.0.1:#{dead}"], [:target, "tls:#{next_hop}"]])
      expect(questions(dns, "_sip._udp.p.example")).to be_empty
      expect_nothing_in_the_clear
    end
  end

  describe "with a host of the script's" do
    it "goes by TLS where the script names no transport" do
      start("127.0.0.1", server.port)
      send_along
      expect(arrived.ruri).to eq("sips:bob@b.example")
      expect_nothing_in_the_clear
    end

    it "is refused with 416 where there is no TLS then" do
      start("127.0.0.1", server.port, configuration: {})
      send_along
      expect(seen.pop).to eq(refused)
      expect_nothing_in_the_clear
    end

    it "goes as the script has it where it names the transport" do
      start("127.0.0.1", server.port, :udp)
      send_along
      expect(open_udp.receive.ruri).to eq("sips:bob@b.example")
      expect(seen.pop).to eq([:target, "udp:#{next_hop}"])
    end
  end

  describe "that a script makes one" do
    it "between on_target and its way out does not leave by UDP" do
      start("127.0.0.1", server.port) { |proxy, request| proxy.on_target { request.ruri = "sips:bob@b.example" } }
      send_along(ruri: "sip:bob@b.example")
      expect([seen.pop, seen.pop]).to eq([[:target, "udp:#{next_hop}"], refused])
      expect(alice.receive_final.status).to eq(416)
      expect(OverSIP.proxies[:default_proxy][:blacklist]).not_to be_any
      expect_nothing_in_the_clear
    end

    it "for a further attempt goes by TLS, and by UDP again when it is none any more" do
      start do |proxy, request|
        proxy.on_failure_response do
          request.ruri = request.ruri.scheme == :sips ? "sip:third@b.example" : "sips:second@b.example"
          proxy.drop_response
          proxy.route(request)
        end
      end
      send_along("<sip:#{next_hop};lr>", ruri: "sip:first@b.example")
      open_udp.answer(open_udp.receive, 404)
      peer = server.accept
      second = peer.receive
      expect(second.ruri).to eq("sips:second@b.example")
      peer.answer(second, 404)
      expect(open_udp.receive.ruri).to eq("sip:third@b.example")
    end
  end

  describe "that goes over a flow" do
    # A Route value that leads to whoever sent an INVITE.
    def token_route(peer, port = oversip_port, before: "")
      bob = udp_peer
      on_request { |request| OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", bob.port, :udp) }
      peer.send_text("#{before}#{peer.build(:INVITE, "sip:bob@b.example")}", port)
      invite = bob.receive
      bob.answer(invite, 486)
      peer.receive_final
      on_request do |request|
        request.loose_route
        record(OverSIP::SIP::Proxy.new, into: seen, only: %i[target error]).route(request)
      end
      invite.headers("Record-Route").last
    end

    def message_along(route, **options)
      alice.send_text(alice.build(:MESSAGE, "sips:bob@#{next_hop}", headers: { "Route" => route }, **options), oversip_port)
    end

    def expect_over_flow_of(peer, *arguments, **options)
      message_along(token_route(peer, *arguments, **options))
      request = peer.receive_until { |message| message.method_name == "MESSAGE" }
      expect(request.ruri).to eq("sips:bob@#{next_hop}")
      peer.answer(request, 200)
      expect(alice.receive_final.status).to eq(200)
      expect(seen.all).to be_empty
    end

    it "leaves by TLS" do
      start
      expect_over_flow_of(tls_peer)
    end

    it "leaves by secure WebSocket" do
      start_secure_websocket
      expect_over_flow_of(secure_websocket_client.upgrade)
    end

    it "leaves through a TLS tunnel" do
      tunnel = Ports.free
      capture_log { start(configuration: tls_configuration(use_tls_tunnel: true, listen_port_tls_tunnel: tunnel)) }
      expect_over_flow_of(tcp_peer(tunnel), before: "PROXY TCP4 192.0.2.7 198.51.100.1 4711 5061\r\n")
    end

    it "is refused with 416 where the flow is in the clear: by UDP, TCP or WebSocket" do
      start_websocket(configuration: tls_configuration)
      [udp_peer, tcp_peer, websocket_peer].each do |peer|
        message_along(token_route(peer))
        expect(seen.pop).to eq(refused)
        expect(alice.receive_final.status).to eq(416)
        expect(messages_at(peer).select(&:request?)).to be_empty
      end
    end

    it "goes where its Request-URI says inside a dialog, by TLS, where the flow is in the clear" do
      start
      [udp_peer, tcp_peer].each do |peer|
        message_along(token_route(peer), to_tag: "in")
        @callee ||= server.accept
        request = @callee.receive
        expect([request.ruri, request.headers("Route")]).to eq(["sips:bob@#{next_hop}", []])
        @callee.answer(request, 200)
        expect(alice.receive_final.status).to eq(200)
        expect(seen.pop).to eq([:target, "tls:#{next_hop}"])
        expect(messages_at(peer).select(&:request?)).to be_empty
      end
    end
  end

  describe "of a Uac" do
    def uac
      record(OverSIP::SIP::Uac.new, into: seen, only: %i[target error success_response])
    end

    def own_request(method, **data)
      OverSIP::SIP::UacRequest.new({ sip_method: method, ruri: "sips:bob@b.example" }.merge(data))
    end

    it "goes by TLS to a host without transport, and its Contact is a sips URI" do
      start
      uac.route(own_request(:SUBSCRIBE), "127.0.0.1", server.port)
      expect(arrived.header("Contact")).to eq("<sips:127.0.0.1:#{tls_port}>")
    end

    it "goes as the script has it where it names the transport, with a Contact that leads back" do
      start
      uac.route(own_request(:SUBSCRIBE), "127.0.0.1", server.port, :udp)
      expect(open_udp.receive.header("Contact")).to eq("<sip:127.0.0.1:#{oversip_port}>")
    end

    it "is refused with 416 where there is no TLS" do
      start(configuration: {})
      uac.route(own_request(:OPTIONS), "127.0.0.1", server.port)
      expect(seen.pop).to eq(refused)
    end

    ["<sip:gw@%s>", "<sip:gw@%s;lr>"].each do |route|
      it "has its ACK go by TLS along Record-Route: #{route}" do
        start
        uac = self.uac
        uac.on_success_response { |response| uac.ack(response) }
        uac.route(own_request(:INVITE), "127.0.0.1", server.port)
        peer = server.accept
        peer.answer(peer.receive, 200, headers: { "Record-Route" => format(route, next_hop), "Contact" => "<sips:bob@#{next_hop}>" })
        ack = peer.receive
        strict = !route.include?("lr")
        expect([ack.method_name, ack.ruri, ack.headers("Route")])
          .to eq(["ACK", strict ? "sip:gw@#{next_hop}" : "sips:bob@#{next_hop}", [strict ? "<sips:bob@#{next_hop}>" : format(route, next_hop)]])
        expect_nothing_in_the_clear
      end
    end

    it "that nobody waits for any more has its call ended by TLS" do
      start
      OverSIP::Testing.freeze
      caller = Thread.new { self.uac.call(own_request(:INVITE), "127.0.0.1", server.port, timeout: 5) }
      caller.report_on_exception = false
      peer = server.accept
      invite = peer.receive
      peer.answer(invite, 180)
      eventually { seen.all.include?([:target, "tls:#{next_hop}"]) }
      dispatcher_caught_up
      OverSIP::Testing.advance(6)
      expect { caller.value }.to raise_error(OverSIP::SIP::ClientError)
      peer.answer(invite, 200, headers: { "Record-Route" => "<sip:gw@#{next_hop}>", "Contact" => "<sips:bob@#{next_hop}>" })
      requests = %w[ACK BYE].map { |method| peer.receive_until { |message| message.method_name == method } }
      expect(requests.map(&:ruri)).to eq(["sip:gw@#{next_hop}"] * 2)
      expect_nothing_in_the_clear
    end
  end
end
