# frozen_string_literal: true

require_relative "../support/child_script"
require_relative "../support/digest_challenger"
require_relative "../support/tls_peer"
require_relative "../support/two_hosts"

# A program that has configured no address and sends to another host.
RSpec.describe "Requests to another host without an address in the configuration", :native do
  include ChildScript

  before do
    skip TwoHosts.obstacle if TwoHosts.obstacle
    opened << @hosts = TwoHosts.new
  end

  # Starts OverSIP as a program that only sends, and sends requests that are written in Ruby on its command's lines.
  let(:sender) { <<~RUBY }
    sip = { listen_port: 0 }.merge(options.fetch(:sip, {}))
    OverSIP.start(configuration: options.merge(core: { syslog_level: "info", **options.fetch(:core, {}) }, sip: sip))
    on_request do |request|
      puts "on_request \#{request.sip_method}"
      request.reply 200 unless request.sip_method == :ACK
    end

    @go = IO.pipe
    trap("USR1") { @go.last << "!" }

    # Waits for the example.
    def go
      @go.first.read(1)
    end

    def own
      "127.0.0.1:\#{port}"
    end

    # Prints what becomes of a request.
    def send_request(method, uri, *headers, **data)
      uac = OverSIP::SIP::Uac.new
      request = OverSIP::SIP::UacRequest.new({ sip_method: method, ruri: uri, **data }, headers)
      puts "\#{method} \#{uac.call(request, timeout: 10).status_code}"
    rescue OverSIP::SIP::ClientError => e
      puts "\#{method} \#{e.message}"
    end
    puts "started \#{port}"
  RUBY

  attr_reader :hosts

  def running_sender(text, options = {}, &)
    running_script("options = #{options.inspect}\n#{sender}#{text}", on: hosts.on_near, &)
  end

  def sent_by(request)
    request.header("Via")[%r{\ASIP/2.0/\w+ ([^;]+);branch=}, 1]
  end

  # What a peer sees of a request: where it came from, and whether all that it says of its sender says the same.
  def expect_own_address(request, source, near, transport)
    expect(source).to match(/\A#{Regexp.escape(near)}:\d+\z/)
    expect(sent_by(request)).to eq(source)
    expect(request.header("Via")).to start_with("SIP/2.0/#{transport.upcase} ")
    expect(request.header("Contact")).to eq(transport == "udp" ? "<sip:#{source}>" : "<sip:#{source};transport=#{transport}>")
  end

  { "IPv4" => [TwoHosts::NEAR[:ipv4], TwoHosts::FAR[:ipv4]],
    "IPv6" => ["[#{TwoHosts::NEAR[:ipv6]}]", TwoHosts::FAR[:ipv6]] }.each do |family, (near, far)|
    it "leave by UDP over #{family} from the address that faces it, which Via and Contact name" do
      peer = hosts.udp_peer(far)
      running_sender(%(send_request :INVITE, "sip:#{peer.address}"\nputs OverSIP.stats.values_at(:sending_sockets, :own_dialogs).inspect)) do |script|
        invite = peer.receive
        expect_own_address(invite, peer.source, near, "udp")
        peer.answer(invite, 200)
        peer.receive_until { |message| message.method_name == "ACK" }
        expect(end_of(script).first).to include("INVITE 200\n[1, 1]\n")
      end
    end

    it "leave by TCP over #{family} from the address that faces it, which Via and Contact name, over one connection" do
      server = TcpServerPeer.new(hosts.tcp_listener(far)).tap { |it| opened << it }
      uri = "sip:#{"[#{far}]".sub(/\[([\d.]+)\]/, '\1')}:#{server.port};transport=tcp"
      running_sender("send_request :INVITE, #{uri.inspect}\nsend_request :OPTIONS, #{uri.inspect}\nputs OverSIP.stats[:connections]") do |script|
        peer = server.accept
        remote = peer.socket.remote_address
        source = remote.ipv6? ? "[#{remote.ip_address}]:#{remote.ip_port}" : "#{remote.ip_address}:#{remote.ip_port}"
        invite = peer.receive
        expect_own_address(invite, source, near, "tcp")
        peer.answer(invite, 200)
        options = peer.receive_until { |message| message.method_name == "OPTIONS" }
        expect(sent_by(options)).to eq(source)
        peer.answer(options, 200)
        expect(end_of(script).first).to include("INVITE 200\nOPTIONS 200\n1\n")
      end
    end
  end

  it "leave by TLS from the address that faces it" do
    server = TlsServerPeer.new(Certificates.for_name, hosts.tcp_listener(TwoHosts::FAR[:ipv4])).tap { |it| opened << it }
    options = { sip: { sip_tls: true, listen_port_tls: 0 }, tls: Certificates.section(Certificates.for_name) }
    running_sender(%(send_request :INVITE, "sip:#{TwoHosts::FAR[:ipv4]}:#{server.port};transport=tls"), options) do |script|
      peer = server.accept
      remote = peer.socket.to_io.remote_address
      invite = peer.receive
      expect_own_address(invite, "#{remote.ip_address}:#{remote.ip_port}", TwoHosts::NEAR[:ipv4], "tls")
      peer.answer(invite, 486)
      expect(end_of(script).first).to include("INVITE 486\n")
    end
  end

  it "name the address in a Contact of the script that names the loopback listener, also where DNS has led" do
    peer = hosts.udp_peer(TwoHosts::FAR[:ipv4])
    running_sender(<<~RUBY) do |script|
      OverSIP.stop
      require "rspec/core"
      require "scripted_dns"
      dns = ScriptedDns.new({ "_sip._udp.home.example" => [{ srv: [0, 5, #{peer.port}, "a.home.example"] }], "a.home.example" => ["192.0.2.2"] })
      OverSIP.start(configuration: { core: { nameservers: [dns.address] }, sip: { listen_port: 0 } })
      send_request :REGISTER, "sip:home.example", "Contact: <sip:alice@\#{own};line=1>;expires=60, <sip:alice@phone.example>"
    RUBY
      register = peer.receive
      expect(register.header("Contact")).to eq("<sip:alice@#{peer.source};line=1>;expires=60, <sip:alice@phone.example>")
      expect(sent_by(register)).to eq(peer.source)
      peer.answer(register, 200)
      expect(end_of(script).first).to include("REGISTER 200\n")
    end
  end

  it "fail at once at a closed port, by UDP and by TCP" do
    peer = hosts.udp_peer(TwoHosts::FAR[:ipv4])
    port = peer.port
    peer.close
    text = ["", ";transport=tcp"].map { |transport| %(send_request :OPTIONS, "sip:192.0.2.2:#{port}#{transport}"\n) }.join
    running_sender(text) do |script|
      expect(end_of(script, limit: SipPeer::LIMIT).first.scan(/OPTIONS 500 Connection Error/).size).to eq(2)
    end
  end

  it "go to the target that is reached from here, without an error, when DNS names one that is not as well" do
    peer = hosts.udp_peer(TwoHosts::FAR[:ipv4])
    running_sender(<<~RUBY) do |script|
      OverSIP.stop
      require "rspec/core"
      require "scripted_dns"
      dns = ScriptedDns.new({ "both.example" => ["2001:db9::9", "192.0.2.2"] })
      OverSIP.start(configuration: { core: { nameservers: [dns.address], syslog_level: "info" }, sip: { listen_port: 0 } })
      2.times { send_request :OPTIONS, "sip:both.example:#{peer.port}" }
    RUBY
      2.times { peer.answer(peer.receive, 200) }
      expect(end_of(script).first).to include("OPTIONS 200\n").and match(/INFO: .*\[2001:db9::9\]:#{peer.port} cannot be reached: Network is unreachable/)
      expect(script.output).not_to include("ERROR")
    end
  end

  it "leave over another connection when the address of the first one has gone" do
    server = TcpServerPeer.new(hosts.tcp_listener(TwoHosts::FAR[:ipv4])).tap { |it| opened << it }
    running_sender(%(send_request :OPTIONS, "sip:192.0.2.2:#{server.port};transport=tcp" while go)) do |script|
      script.wait_for(/^started/)
      answer = lambda do
        script.signal("USR1")
        peer = server.accept
        peer.answer(peer.receive, 200)
        peer.socket.remote_address.ip_address
      end
      expect(answer.call).to eq(TwoHosts::NEAR[:ipv4])
      script.wait_for(/OPTIONS 200\n/)
      hosts.near("ip", "addr", "del", "#{TwoHosts::NEAR[:ipv4]}/24", "dev", "near0")
      hosts.near("ip", "addr", "add", "#{TwoHosts::SECOND}/24", "dev", "near0")
      expect(answer.call).to eq(TwoHosts::SECOND)
      script.wait_for(/OPTIONS 200\n.*OPTIONS 200\n/m)
    end
  end

  it "leave from another address when the first one has gone, and say what to set when none leads there" do
    peer = hosts.udp_peer(TwoHosts::FAR[:ipv4])
    running_sender(<<~RUBY) do |script|
      while go
        send_request :OPTIONS, "sip:#{peer.address}"
        puts "sockets \#{OverSIP.stats[:sending_sockets]}"
      end
    RUBY
      answer = lambda do
        peer.answer(peer.receive, 200)
        peer.source[/\A[^:]+/]
      end
      script.wait_for(/^started/)
      script.signal("USR1")
      expect(answer.call).to eq(TwoHosts::NEAR[:ipv4])
      script.wait_for(/OPTIONS 200\nsockets 1\n/)
      hosts.near("ip", "addr", "del", "#{TwoHosts::NEAR[:ipv4]}/24", "dev", "near0")
      hosts.near("ip", "addr", "add", "#{TwoHosts::SECOND}/24", "dev", "near0")
      script.signal("USR1")
      expect(answer.call).to eq(TwoHosts::SECOND)
      script.wait_for(/OPTIONS 200\nsockets 1\n.*OPTIONS 200\nsockets 1\n/m)
      hosts.near("ip", "addr", "del", "#{TwoHosts::SECOND}/24", "dev", "near0")
      script.signal("USR1")
      script.wait_for(/OPTIONS 500 Connection Error/)
      script.wait_for(/ERROR: .*udp:#{Regexp.escape(peer.address)} cannot be reached: .*set sip: listen_ipv4 to it/)
    end
  end

  it "have the responses alone that name the socket in their Via" do
    peer = hosts.udp_peer(TwoHosts::FAR[:ipv4])
    running_sender(%(send_request :OPTIONS, "sip:#{peer.address}"\nputs "dropped \#{OverSIP.stats[:dropped][:responses_to_another]}")) do |script|
      request = peer.receive
      host, port = sent_by(request).split(":")
      others = ["127.0.0.1:#{port}", "#{host}:#{port.to_i - 1}"]
      others.each { |other| peer.send_text(peer.response(request, 202).sub(sent_by(request), other), port.to_i, host) }
      peer.answer(request, 200)
      script.wait_for(/OPTIONS 200/)
      script.wait_for(/dropped 2/)
    end
  end

  describe "let in over their socket" do
    let(:peer) { hosts.udp_peer(TwoHosts::FAR[:ipv4]) }

    # Runs a program whose call is answered; yields it, the INVITE and the 200.
    def in_call(tag = nil)
      data = tag ? ", from_tag: #{tag.inspect}" : ""
      running_sender(%(send_request :INVITE, "sip:#{peer.address}"#{data}\nputs "stats \#{OverSIP.stats[:rejected][:strangers]} \#{OverSIP.stats[:dropped][:acks_of_strangers]}" while go)) do |script|
        invite = peer.receive
        peer.answer(invite, 200, headers: { "Contact" => "<sip:#{peer.address}>" })
        peer.receive_until { |message| message.method_name == "ACK" }
        script.wait_for(/INVITE 200/)
        yield script, invite
      end
    end

    # A request of the callee within the call, or with changes beside it.
    def callee_request(method, invite, call_id: invite.header("Call-ID"), tag: invite.header("From")[/;tag=(.+)/, 1])
      headers = { "From" => "<sip:bob@b.example>;tag=bob", "To" => "<sip:alice@a.example>#{";tag=#{tag}" if tag}" }
      peer.build(method, invite.header("Contact")[/<(.+)>/, 1], call_id: call_id, headers: headers)
    end

    [nil, "chosen-by-the-script"].each do |tag|
      it "requests of a dialog that they began#{" with a tag of the script's" if tag}" do
        in_call(tag) do |script, invite|
          peer.send_to(peer.source, callee_request(:BYE, invite))
          expect(peer.receive.first_line).to start_with("SIP/2.0 200 ")
          script.wait_for(/on_request BYE/)
        end
      end
    end

    it "no other request: 403, and an ACK is dropped" do
      in_call do |script, invite|
        strange = [callee_request(:INVITE, invite, tag: nil), callee_request(:BYE, invite, tag: "other"),
                   callee_request(:BYE, invite, call_id: "other"), callee_request(:MESSAGE, invite, call_id: "new", tag: nil)]
        peer.send_to(peer.source, callee_request(:ACK, invite, tag: "other"))
        strange.each do |request|
          peer.send_to(peer.source, request)
          expect(peer.receive.first_line).to eq("SIP/2.0 403 Forbidden")
        end
        peer.send_to(peer.source, callee_request(:INFO, invite))
        expect(peer.receive.first_line).to start_with("SIP/2.0 200 ")
        script.signal("USR1")
        script.wait_for(/stats 4 1/)
        expect(script.output.scan(/on_request \w+/)).to eq(["on_request INFO"])
      end
    end

    it "requests of their dialogs over a connection that they opened, and no others" do
      server = TcpServerPeer.new(hosts.tcp_listener(TwoHosts::FAR[:ipv4])).tap { |it| opened << it }
      running_sender(%(send_request :INVITE, "sip:192.0.2.2:#{server.port};transport=tcp"\nwait)) do |script|
        caller = server.accept
        invite = caller.receive
        caller.answer(invite, 200, headers: { "Contact" => "<sip:bob@#{caller.address};transport=tcp>" })
        caller.receive_until { |message| message.method_name == "ACK" }
        tcp = ->(text) { text.sub("SIP/2.0/UDP", "SIP/2.0/TCP") }
        caller.send_text(tcp.call(callee_request(:BYE, invite, tag: "other")))
        expect(caller.receive.first_line).to eq("SIP/2.0 403 Forbidden")
        caller.send_text(tcp.call(callee_request(:BYE, invite)))
        expect(caller.receive.first_line).to start_with("SIP/2.0 200 ")
        script.wait_for(/on_request BYE/)
      end
    end
  end

  it "are only for a Uac: a Proxy on loopback says what to set" do
    peer = hosts.udp_peer(TwoHosts::FAR[:ipv4])
    running_sender(<<~RUBY) do |script|
      on_request { |request| OverSIP::SIP::Proxy.new.route(request, "192.0.2.2", #{peer.port}) }
      send_request :OPTIONS, "sip:127.0.0.1:\#{port}"
      puts "sockets \#{OverSIP.stats[:sending_sockets]}"
    RUBY
      expect(end_of(script).first).to match(/OPTIONS 500\n/).and match(/sockets 0\n/)
      expect(script.output).to match(/ERROR: .*udp:#{Regexp.escape(peer.address)} cannot be reached from 127.0.0.1, where OverSIP listens: set sip: listen_ipv4/)
      expect(peer.receive?(0)).to be_nil
    end
  end

  { listen_ipv4: "192.0.2.1", listen_ipv6: "2001:db8::1" }.each do |parameter, address|
    it "leave by the listener, and open no socket, once #{parameter} is configured" do
      peer = hosts.udp_peer(address == "192.0.2.1" ? "192.0.2.2" : "2001:db8::2")
      text = %(send_request :INVITE, "sip:#{peer.address}"\nputs "sockets \#{OverSIP.stats[:sending_sockets]}")
      running_sender(text, { sip: { parameter => address } }) do |script|
        invite = peer.receive
        script.wait_for(/started \d+/)
        listener = "#{peer.source[/.*:/]}#{script.output[/started (\d+)/, 1]}"
        expect([peer.source, sent_by(invite), invite.header("Contact")]).to eq([listener, listener, "<sip:#{listener}>"])
        peer.answer(invite, 486)
        expect(end_of(script).first).to include("INVITE 486\nsockets 0\n")
      end
    end
  end

  { listen_ipv4: "127.0.0.1", listen_ipv6: "::1" }.each do |parameter, address|
    it "do not leave, and say what to set, where #{parameter} is configured as loopback" do
      peer = hosts.udp_peer(address == "::1" ? "2001:db8::2" : "192.0.2.2")
      running_sender(%(send_request :OPTIONS, "sip:#{peer.address}"), { sip: { parameter => address } }) do |script|
        expect(end_of(script).first).to include("OPTIONS 500 Connection Error")
        expect(script.output).to match(/ERROR: .* cannot be reached from #{address}, where OverSIP listens: set sip: #{parameter} to an address of this machine/)
      end
    end
  end

  it "open no socket for loopback and for this machine's own addresses" do
    running_sender(<<~RUBY) do |script|
      on_request { |request| request.reply(200, nil, ["X-Via: \#{request.header("Via")}"]) }
      peers = ["127.0.0.1", "192.0.2.1"].map { |ip| UdpPeer.new(ip) }
      peers.each do |peer|
        uac = OverSIP::SIP::Uac.new
        uac.route OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:\#{peer.address}" })
        invite = peer.receive
        puts "Via \#{invite.header("Via")[/ [^;]+/]} Contact \#{invite.header("Contact")}".gsub(":\#{port}", ":LISTENER")
      end
      puts "sockets \#{OverSIP.stats[:sending_sockets]}"
    RUBY
      line = "Via  127.0.0.1:LISTENER Contact <sip:127.0.0.1:LISTENER>\n"
      expect(end_of(script).first).to include("#{line}#{line}sockets 0\n")
    end
  end

  it "examples/uac/register.rb registers at another host, whose Contact is that of its socket, and takes it back" do
    registrar = hosts.udp_peer(TwoHosts::FAR[:ipv4])
    command = [*hosts.on_near, RbConfig.ruby, "-I", File.join(Command::ROOT, "lib"), File.join(Command::ROOT, "examples/uac/register.rb"),
               "sip:alice@home.example", registrar.address]
    script = Command::Running.new(command, environment: { "PASSWORD" => "secret" })
    accept = lambda do |granted|
      challenge_from(registrar, registrar.receive, algorithm: "SHA-256", qop: "auth")
      request = registrar.receive
      expect(proves?(request, "secret")).to be true
      others = "<sip:alice@192.0.2.99:5060>;expires=7, "
      contact = others + request.header("Contact").sub(/expires=\d+/, "expires=#{granted}")
      registrar.answer(request, 200, "OK", headers: { "Contact" => contact })
      request
    end
    register = accept.call(600)
    expect(register.header("Contact")).to match(/\A<sip:alice@#{Regexp.escape(registrar.source)}[;>]/)
    expect(sent_by(register)).to eq(registrar.source)
    script.wait_for(/^registered for 600 s$/)
    script.signal("INT")
    expect(accept.call(0).header("Contact")).to end_with(";expires=0")
    output, status = end_of(script, limit: SipPeer::LIMIT)
    expect([output.lines.last, status.success?]).to eq(["no longer registered\n", true])
  ensure
    script&.kill
  end
end
