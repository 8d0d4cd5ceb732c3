# frozen_string_literal: true

require "securerandom"
require_relative "../support/kamailio"
require_relative "../support/server_folder"
require_relative "../support/tls_peer"

# The server that `oversip init` writes, as the edge in front of Kamailio.
RSpec.describe "OverSIP in front of Kamailio", :native do
  include ServerFolder

  before(:context) { @kamailio = Kamailio.new(tls: true) }
  after(:context) { @kamailio.close }

  let(:tls) { Ports.free }

  # Kamailio keeps what earlier examples have registered.
  let(:user) { "bob-#{SecureRandom.hex(4)}" }

  # A client's way to the edge, by one transport.
  def client(transport)
    case transport
    when :udp then udp_peer
    when :tcp then tcp_peer(port)
    when :tls then tls_peer(tls)
    end
  end

  def ask(peer, text)
    peer.send_text(text, port, "127.0.0.1")
    text
  end

  def answer(peer, request, status, **options)
    ask(peer, peer.response(request, status, **options))
  end

  def register(peer, user, expires: 3600)
    headers = { "From" => "<sip:#{user}@home.example>;tag=#{user}", "To" => "<sip:#{user}@home.example>", "Supported" => "path, outbound",
                "Expires" => expires.to_s }
    ask(peer, peer.build(:REGISTER, "sip:home.example", headers: headers))
    peer.receive_final
  end

  def invite(peer, user)
    ask(peer, peer.build(:INVITE, "sip:#{user}@home.example", headers: { "To" => "<sip:#{user}@home.example>" }))
  end

  def receive_method(peer, method)
    peer.receive_until { |message| message.first_line.start_with?("#{method} ") }
  end

  def receive_status(peer, status, method)
    peer.receive_until { |message| message.status == status && message.method_name == method }
  end

  around do |example|
    oversip("init", @dir)
    conf = File.read(in_folder("oversip.conf")).sub("  #  listen_ipv4: null", "  listen_ipv4: 127.0.0.1\n  enable_ipv6: no")
    conf = conf.sub("  #  listen_port: 5060", "  listen_port: #{port}").sub("  #  sip_tls: no", "  sip_tls: yes\n  listen_port_tls: #{tls}")
    conf.sub!("  sip_ws: yes", "  sip_ws: no")
    certificate = Certificates.section(Certificates.for_name("edge.example"))
    certificate.each { |name, value| conf.sub!("  #  #{name}: null", "  #{name}: #{value}") }
    write("oversip.conf", conf)
    write("proxies.conf", "default_proxy: {use_dns: no, verify_server: yes, transport_preference: [tls, tcp, udp]}")
    example.run
  end

  def edge(home_transport, &)
    home_port = home_transport == :tls ? @kamailio.port_tls : @kamailio.port
    home = "[\"#{Kamailio::IP}\", #{home_port}, :#{home_transport}]"
    write("server.rb", File.read(in_folder("server.rb")).sub('["127.0.0.1", 5070, :udp]', home))
    serving(&)
  end

  %i[udp tcp tls].product(%i[udp tcp tls]).each do |transport, home|
    it "lets #{transport} clients register, call, hang up, cancel and unregister, with #{home} to Kamailio" do
      edge(home) do |server|
        alice = client(transport)
        bob = client(transport)
        expect(register(bob, user).status).to eq(200)

        invite(alice, user)
        received = receive_method(bob, "INVITE")
        answer(bob, received, 180)
        receive_status(alice, 180, "INVITE")
        answer(bob, received, 200)
        success = receive_status(alice, 200, "INVITE")
        ask(alice, alice.in_dialog(:ACK, success, cseq: 1))
        expect(receive_method(bob, "ACK").header("Call-ID")).to eq(success.header("Call-ID"))
        ask(alice, alice.in_dialog(:BYE, success, cseq: 2))
        answer(bob, receive_method(bob, "BYE"), 200)
        receive_status(alice, 200, "BYE")

        second = invite(alice, user)
        ringing = receive_method(bob, "INVITE")
        answer(bob, ringing, 180)
        receive_status(alice, 180, "INVITE")
        ask(alice, alice.companion(second, :CANCEL))
        receive_status(alice, 200, "CANCEL")
        answer(bob, receive_method(bob, "CANCEL"), 200)
        answer(bob, ringing, 487)
        ended = receive_status(alice, 487, "INVITE")
        ask(alice, alice.companion(second, :ACK, headers: { "To" => ended.header("To") }))

        expect(register(bob, user, expires: 0).status).to eq(200)
        invite(alice, user)
        expect(receive_status(alice, 404, "INVITE").first_line).to eq("SIP/2.0 404 Not registered")
        expect(server.output).not_to match(/ERROR|CRIT/)
      end
    end
  end

  it "lets a call come back over a TCP flow to a client by UDP, and the callee hang up" do
    edge(:udp) do
      alice = client(:udp)
      bob = client(:tcp)
      register(bob, user)
      invite(alice, user)
      received = receive_method(bob, "INVITE")
      answer(bob, received, 200)
      success = receive_status(alice, 200, "INVITE")
      ask(alice, alice.in_dialog(:ACK, success, cseq: 1))
      receive_method(bob, "ACK")

      # The callee's view of the dialog: Record-Routes in the order received, tags changed over.
      headers = { "Route" => received.headers("Record-Route"), "From" => success.header("To"), "To" => success.header("From") }
      ask(bob, bob.build(:BYE, "sip:alice@#{alice.address}", call_id: success.header("Call-ID"), headers: headers))
      ask(alice, alice.response(receive_method(alice, "BYE"), 200))
      expect(receive_status(bob, 200, "BYE").status).to eq(200)
    end
  end
end
