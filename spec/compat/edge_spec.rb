# frozen_string_literal: true

require "json"
require_relative "../support/server_folder"
require_relative "../support/sipp"
require_relative "../support/tls_peer"
require_relative "../support/websocket_peer"

# A script as people have them for OverSIP 2, run as a server, with SIPp and scripted peers around it.
RSpec.describe "A classic edge script", :native do
  include ServerFolder
  include Sipp

  after { close_sipp }

  let(:home) { udp_peer }
  let(:tls) { Ports.free }
  let(:ws) { Ports.free }

  # @yieldparam server [Command::Running]
  def edge(home_port: home.port, home_transport: :udp, **options, &check)
    certificates = Certificates.section(Certificates.for_name("edge.example"), **options)
    folder(conf: <<~YAML, proxies: "default_proxy:\nproxy_in:\nproxy_out:\nproxy_in_dialog: {transport_preference: [tls, tcp, udp]}\n")
      core: {syslog_level: info}
      sip: {sip_tls: yes, listen_ipv4: 127.0.0.1, listen_port: #{port}, listen_port_tls: #{tls}, enable_ipv6: no}
      websocket: {sip_ws: yes, listen_ipv4: 127.0.0.1, listen_port: #{ws}, enable_ipv6: no}
      tls: #{certificates.transform_keys(&:to_s).to_json}
    YAML
    write("server.rb", File.read(File.join(__dir__, "scripts", "edge.rb")))
    serving(environment: { "HOME_PORT" => home_port.to_s, "HOME_TRANSPORT" => home_transport.to_s }, &check)
  end

  def ask(peer, text)
    peer.send_text(text, port, "127.0.0.1")
    text
  end

  def final_to(peer, method, ruri = "sip:bob@home.example", **options)
    ask(peer, peer.build(method, ruri, **options))
    peer.receive_final
  end

  # The home server answers its requests.
  def home_answers(status, **options)
    home.receive_until(&:request?).tap { |request| ask(home, home.response(request, status, **options)) }
  end

  def receive_method(peer, method)
    peer.receive_until { |message| message.first_line.start_with?("#{method} ") }
  end

  describe "by itself" do
    let(:alice) { udp_peer }

    it "refuses a request at the end of its hops, a stray in-dialog request and an unsupported method" do
      edge do
        expect(final_to(alice, :OPTIONS, headers: { "Max-Forwards" => "0" }).status).to eq(483)
        expect(final_to(alice, :PRACK).first_line).to eq("SIP/2.0 403 Forbidden Initial Request")
        expect(final_to(alice, :BYE, to_tag: "x").first_line).to eq("SIP/2.0 403 Forbidden Request without Route to Here")
        refused = final_to(alice, :BREW)
        expect([refused.first_line, refused.header("Allow")]).to match(["SIP/2.0 405 Method Not Allowed", /INVITE, ACK/])
        ask(alice, alice.build(:ACK, "sip:bob@home.example"))
        expect(alice.drain).to be_empty
      end
    end

    it "runs its system events" do
      edge do |server|
        server.signal("USR1")
        server.wait_for(/\[user\] on_user_reload/)
        server.signal("TERM")
        expect(server.status.exitstatus).to eq(0)
        expect(server.output).to match(/on_initialize.*on_started.*on_user_reload.*on_terminated false/m)
      end
    end
  end

  %i[udp tcp].each do |transport|
    it "lets a client behind NAT register by #{transport} with its flow in the Contact, and be called over it" do
      edge do
        client = transport == :udp ? udp_peer : tcp_peer(port)
        nat = { "Via" => "SIP/2.0/#{client.protocol} 192.0.2.9:5060;branch=z9hG4bK1", "Contact" => "<sip:alice@192.0.2.9>" }
        ask(client, client.build(:REGISTER, "sip:home.example", headers: nat))
        register = home.receive
        token = register.header("Contact")[/\A<sip:alice@192\.0\.2\.9;ov-ob=([-_0-9A-Za-z]+)>/, 1]
        expect(token).not_to be_nil
        ask(home, home.response(register, 200, headers: { "Contact" => "#{register.header("Contact")};expires=60" }))
        expect(client.receive_final.header("Contact")).to eq("<sip:alice@192.0.2.9>;expires=60")

        ask(home, home.build(:INVITE, "sip:alice@192.0.2.9;ov-ob=#{token}"))
        invite = receive_method(client, "INVITE")
        expect(invite.first_line).to eq("INVITE sip:alice@192.0.2.9 SIP/2.0")
        ask(client, client.response(invite, 486))
        expect(home.receive_final.status).to eq(486)
      end
    end
  end

  it "gives an Outbound client a Path with its flow instead" do
    edge do
      client = tcp_peer(port)
      outbound = { "Supported" => "path, outbound",
                   "Contact" => "<sip:alice@#{client.address};transport=tcp>;+sip.instance=\"<urn:uuid:1>\";reg-id=1" }
      ask(client, client.build(:REGISTER, "sip:home.example", headers: outbound))
      register = home_answers(200)
      expect(register.headers("Path").last).to match(/\A<sip:\w+@127\.0\.0\.1:#{port};transport=tcp;lr;ovid=\h{8};ob>\z/)
      expect(register.header("Contact")).not_to include("ov-ob")
      expect(client.receive_final.status).to eq(200)

      ask(home, home.build(:MESSAGE, "sip:alice@#{client.address};transport=tcp", headers: { "Route" => register.headers("Path") }))
      ask(client, client.response(receive_method(client, "MESSAGE"), 200))
      expect(home.receive_final.status).to eq(200)
    end
  end

  it "asserts only a registered user on its connection, and no longer after a failure" do
    edge do
      client = tcp_peer(port)
      send_invite = lambda do |user|
        from = { "From" => "<sip:#{user}@home.example>;tag=1", "P-Asserted-Identity" => "<sip:boss@home.example>" }
        ask(client, client.build(:MESSAGE, "sip:bob@home.example", headers: from))
        home_answers(200).header("P-Asserted-Identity").tap { client.receive_final }
      end
      register = lambda do |status|
        ask(client, client.build(:REGISTER, "sip:home.example", headers: { "From" => "<sip:alice@home.example>;tag=1" }))
        home_answers(status)
        client.receive_final
      end
      expect(send_invite.call("alice")).to be_nil
      register.call(200)
      expect([send_invite.call("alice"), send_invite.call("mallory")]).to eq(["<sip:alice@home.example>", nil])
      register.call(403)
      expect(send_invite.call("alice")).to be_nil
    end
  end

  it "takes browsers of its own pages only, and calls them over their WebSocket" do
    edge do |server|
      stranger = websocket_client(ws)
      expect(stranger.ask("GET / HTTP/1.1", "Origin" => "https://evil.example")).to start_with("HTTP/1.1 403 ")
      expect(stranger).to be_closed_by_peer

      browser = websocket_client(ws).upgrade
      outbound = { "Supported" => "path, outbound",
                   "Contact" => "<sip:alice@#{browser.address};transport=ws>;+sip.instance=\"<urn:uuid:2>\";reg-id=1" }
      browser.send_text(browser.build(:REGISTER, "sip:home.example", headers: outbound))
      register = home_answers(200)
      expect(browser.receive_final.status).to eq(200)
      ask(home, home.build(:MESSAGE, "sip:alice@#{browser.address};transport=ws", headers: { "Route" => register.headers("Path") }))
      browser.answer(receive_method(browser, "MESSAGE"), 200)
      expect(home.receive_final.status).to eq(200)

      browser.close
      server.wait_for(%r{WebSocket of https://example.net closed by the client: true})
    end
  end

  describe "with certificates" do
    it "takes clients without one and with a good one, and closes on a bad one" do
      edge do |server|
        [nil, Certificates.for_name("phone.example")].each do |certificate|
          phone = tls_peer(tls, certificate: certificate)
          phone.send_text(phone.build(:OPTIONS, "sip:bob@home.example"))
          home_answers(200)
          expect(phone.receive_final.status).to eq(200)
        end
        server.wait_for(/client without certificate.*client 127.0.0.1:\d+ is phone.example/m)
        bad = tls_peer(tls, certificate: Certificates.self_signed)
        expect(bad).to be_closed_by_peer
      end
    end

    it "sends to a server with a good certificate, and to no other" do
      edge do |server|
        alice = udp_peer
        good = tls_server(Certificates.for_name("friend.example"))
        ask(alice, alice.build(:MESSAGE, "sip:friend@127.0.0.1:#{good.port};transport=tls"))
        peer = good.accept
        peer.answer(peer.receive, 200)
        expect(alice.receive_final.status).to eq(200)

        { "stranger.example" => /is only stranger.example/, nil => /self.signed/ }.each do |name, reason|
          other = tls_server(name ? Certificates.for_name(name) : Certificates.self_signed)
          ask(alice, alice.build(:MESSAGE, "sip:friend@127.0.0.1:#{other.port};transport=tls"))
          expect(other.accept_refused).to eq("")
          expect(alice.receive_final.first_line).to eq("SIP/2.0 500 TLS Validation Failed")
          server.wait_for(reason)
        end
      end
    end
  end

  [*%i[udp tcp].product(%i[udp tcp]), %i[tls udp], %i[tcp tls], %i[tls tls]].each do |from, to|
    it "carries 50 calls of SIPp from #{from} to #{to}" do
      callee = sipp_callee("answer_call", calls: 50, transport: to, certificate: Certificates.for_name("friend.example"))
      edge(home_port: callee.port, home_transport: to) do |server|
        caller = sipp_caller("call", to: from == :tls ? tls : port, calls: 50, transport: from)
        [caller, callee].each { |run| expect([run.faults, run.successful]).to eq([{}, 50]), -> { run.explanation } }
        expect(server.output).not_to match(/ERROR|CRIT/)
      end
    end
  end
end
