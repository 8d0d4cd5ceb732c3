# frozen_string_literal: true

require_relative "../support/server_folder"
require_relative "../support/websocket_peer"

RSpec.describe "oversip init" do
  include ServerFolder

  def init
    oversip("init", in_folder("new"))
  end

  def config(name)
    in_folder("new/#{name}")
  end

  it "writes a folder with a key of its own and refuses to write over one" do
    out, error, status = init
    expect([error, status.exitstatus]).to eq(["", 0])
    expect(out).to include("wrote #{config("oversip.conf")}\n", "wrote #{config("spec/server_spec.rb")}\n",
                           "specs: cd #{in_folder("new")} && rspec", "oversip --config-dir #{in_folder("new")}\n")
    expect(File.stat(config("oversip.conf")).mode & 0o777).to eq(0o600)
    key = YAML.load_file(config("oversip.conf"))["sip"]["flow_token_key"]
    expect(key.bytesize).to be >= 32

    File.delete(config("proxies.conf"))
    _, error, status = init
    expect(error).to eq("ERROR: oversip #{%w[oversip.conf server.rb spec/server_spec.rb].map { |name| config(name) }.join(", ")}: there already, nothing was written\n")
    expect([status.exitstatus, File.exist?(config("proxies.conf"))]).to eq([1, false])

    oversip("init", in_folder("other"))
    expect(YAML.load_file(in_folder("other/oversip.conf"))["sip"]["flow_token_key"]).not_to eq(key)
  end

  it "says why it cannot write a folder" do
    write("file", "")
    { in_folder("file") => "there is a file where a folder has to be", in_folder("file/new") => "there is a file where a folder has to be",
      "/proc/oversip" => "No such file or directory" }.each do |dir, reason|
      out, error, status = oversip("init", dir)
      expect([out, error, status.exitstatus]).to eq(["", "ERROR: oversip cannot write '#{dir}': #{reason}\n", 1])
    end
  end

  it "shows every parameter with its default" do
    init
    shown = lambda do |name|
      text = File.read(config(name)).lines.map { |line| line.sub(/\A  #  (?=\w+: )/, "  ") }.grep_v(/^\s*#/).join
      OverSIP::Config::Source.sections(YAML.safe_load(text))
    end
    configuration = shown.call("oversip.conf")
    OverSIP::Config::SCHEMA.each do |section, parameters|
      expect(configuration[section].keys).to match_array(parameters.keys)
      parameters.each_value do |parameter|
        next if %i[flow_token_key syslog_facility require_own_route sip_ws].include?(parameter.name)

        expect([parameter.name, configuration[section][parameter.name]]).to eq([parameter.name, parameter.default])
      end
    end
    defaults = OverSIP::ProxiesConfig::PARAMETERS.to_h { |parameter| [parameter.name, parameter.default] }
    # An edge: phones that do not support Path are reached only through it.
    expect(shown.call("proxies.conf")[:default_proxy]).to eq(defaults.merge(path_always: true))
  end

  it "writes a folder that check accepts" do
    init
    out, error, status = oversip("check", in_folder("new"))
    expect([error, out, status.exitstatus]).to eq(["", "#{in_folder("new")}: nothing is wrong\n", 0])
  end

  describe "gives a server that", :native do
    let!(:home) { udp_peer }
    let(:alice) { udp_peer("127.0.0.2") }
    # Has home's address, but not its port.
    let(:bob) { udp_peer }
    # Nobody has called it.
    let(:victim) { udp_peer("127.0.0.4") }
    let(:websocket) { Ports.free }

    around do |example|
      init
      conf = File.read(config("oversip.conf")).sub("  #  listen_ipv4: null", "  listen_ipv4: 127.0.0.1\n  enable_ipv6: no")
      conf.sub!("  #  listen_port: 5060", "  listen_port: #{port}")
      File.write(config("oversip.conf"), conf.sub("  #  listen_port: 10080", "  listen_port: #{websocket}\n  listen_ipv4: 127.0.0.1"))
      example.run
    end

    before do
      script = File.read(config("server.rb")).sub('["127.0.0.1", 5070, :udp]', "[\"127.0.0.1\", #{home.port}, :udp]")
      File.write(config("server.rb"), script)
      @server = Command::Running.new(command("--config-dir", in_folder("new")))
      @server.wait_for(/ready, the home server is 127.0.0.1:#{home.port}/)
      @server.wait_for(/running, process/)
    end

    after { @server.kill }

    def ask(peer, text)
      peer.send_text(text, port, "127.0.0.1")
    end

    # Nothing has come to the third party: the server has answered something else since.
    def nobody_was_bothered
      ask(alice, alice.build(:OPTIONS, "sip:127.0.0.1:#{port}"))
      expect(alice.receive_until { |message| message.method_name == "OPTIONS" }.status).to eq(200)
      expect(victim.drain(quiet: 0)).to be_empty
    end

    it "takes a registration home and a call back over the client's flow, behind NAT too" do
      # The address in Via and Contact is one that only the client's own network knows.
      nat = { "Via" => "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKregister", "Contact" => "<sip:alice@192.0.2.9>", "Supported" => "path" }
      ask(alice, alice.build(:REGISTER, "sip:b.example", headers: nat))
      register = home.receive
      ask(home, home.response(register, 200))
      expect(alice.receive_final.status).to eq(200)

      path = register.headers("Path")
      ask(home, home.build(:INVITE, "sip:alice@192.0.2.9", headers: { "Route" => path }))
      invite = alice.receive
      expect(invite.first_line).to start_with("INVITE sip:alice@192.0.2.9")
      ask(alice, alice.response(invite, 200))
      answer = home.receive_final
      expect(answer.status).to eq(200)

      ask(home, home.in_dialog(:BYE, answer, cseq: 2))
      bye = alice.receive_until { |message| message.method_name == "BYE" }
      ask(alice, alice.response(bye, 200))
      expect(home.receive_until { |message| message.method_name == "BYE" }.status).to eq(200)
    end

    it "answers OPTIONS for itself and 403 to a dialog that it does not know" do
      ask(alice, alice.build(:OPTIONS, "sip:127.0.0.1:#{port}"))
      expect(alice.receive_final.status).to eq(200)
      ask(alice, alice.build(:BYE, "sip:bob@b.example", to_tag: "x"))
      expect(alice.receive_final.status).to eq(403)
    end

    it "forwards no in-dialog request of a stranger" do
      routes = ["<sip:127.0.0.1:#{port};lr>", "<sip:127.0.0.1:#{port};lr>, <sip:#{victim.address};lr>"]
      [alice, bob, home].product(routes).each do |peer, route|
        %i[BYE INVITE MESSAGE].each do |method|
          ask(peer, peer.build(method, "sip:victim@#{victim.address}", to_tag: "any", headers: { "Route" => route }))
          expect(peer.receive_final.status).to eq(403)
        end
        ask(peer, peer.build(:ACK, "sip:victim@#{victim.address}", to_tag: "any", headers: { "Route" => route }))
      end
      nobody_was_bothered
    end

    it "sends initial requests only to the home server, despite their Route and for other programs at its address" do
      here = "<sip:127.0.0.1:#{port};lr>"
      there = "<sip:#{victim.address};lr>"
      [alice, bob].product([[], [here], [there], [here, there], ["#{here}, #{there}"]]).each do |peer, routes|
        ask(peer, peer.build(:MESSAGE, "sip:victim@#{victim.address}", headers: { "Route" => routes }))
        request = home.receive
        expect([request.ruri, request.headers("Route")]).to eq(["sip:victim@#{victim.address}", []])
        ask(home, home.response(request, 404))
        expect(peer.receive_final.status).to eq(404)
      end
      nobody_was_bothered
    end

    it "does not take a peer with the home server's address and port of another transport for it" do
      stranger = TcpPeer.new(Socket.tcp("127.0.0.1", port, "127.0.0.1", home.port))
      stranger.send_text(stranger.build(:MESSAGE, "sip:victim@#{victim.address}"))
      request = home.receive
      expect(request.ruri).to eq("sip:victim@#{victim.address}")
      ask(home, home.response(request, 404))
      expect(stranger.receive_final.status).to eq(404)
      nobody_was_bothered
    ensure
      stranger&.close
    end

    it "brings a call home and both sides' requests through, for clients on home's machine as well" do
      ask(bob, bob.build(:INVITE, "sip:alice@b.example"))
      invite = home.receive
      ask(home, home.response(invite, 200, headers: { "Contact" => "<sip:alice@#{home.address}>" }))
      answer = bob.receive_final
      ask(bob, bob.in_dialog(:ACK, answer, cseq: 1))
      expect(home.receive.method_name).to eq("ACK")
      headers = { "Route" => invite.headers("Record-Route"), "From" => answer.header("To"), "To" => answer.header("From") }
      ask(home, home.build(:INFO, invite.header("Contact")[/<(.+?)>/, 1], call_id: invite.header("Call-ID"), headers: headers))
      info = bob.receive
      ask(bob, bob.response(info, 200))
      expect(home.receive_final.method_name).to eq("INFO")
      ask(bob, bob.in_dialog(:BYE, answer, cseq: 2))
      bye = home.receive
      ask(home, home.response(bye, 200))
      expect(bob.receive_final.method_name).to eq("BYE")
    end

    it "names itself in the Path of a phone that does not support Path" do
      ask(alice, alice.build(:REGISTER, "sip:b.example", headers: { "Contact" => "<sip:alice@192.0.2.9>" }))
      register = home.receive
      ask(home, home.response(register, 200))
      expect(alice.receive_final.status).to eq(200)
      ask(home, home.build(:MESSAGE, "sip:alice@192.0.2.9", headers: { "Route" => register.headers("Path") }))
      expect(alice.receive_until(&:request?).method_name).to eq("MESSAGE")
    end

    it "takes clients in browsers" do
      page = WebSocketPeer.new(TCPSocket.new("127.0.0.1", websocket)).upgrade
      page.send_text(page.build(:REGISTER, "sip:b.example", headers: { "Supported" => "path" }))
      register = home.receive
      expect(register.headers("Path").first).to include("transport=udp")
      ask(home, home.response(register, 200))
      expect(page.receive_final.status).to eq(200)
      ask(home, home.build(:MESSAGE, "sip:alice@df7jal23ls0d.invalid", headers: { "Route" => register.headers("Path") }))
      expect(page.receive_until(&:request?).method_name).to eq("MESSAGE")
    ensure
      page&.close
    end

    it "is no open relay for the command of docs/security.md" do
      guide = File.read(File.join(Command::ROOT, "docs/security.md"))
      command = guide[/^```sh\n(ruby - .*?)^```/m, 1].sub("192.0.2.1 5060", "127.0.0.1 #{port}").sub("ruby", RbConfig.ruby)
      tried = Thread.new { Open3.capture2e("sh", "-c", command).first }
      ask(home, home.response(home.receive, 404))
      expect(tried.value).to eq("a request inside a dialog: not sent on, SIP/2.0 403 Route Shows No Code for This Dialog\n" \
                                "a request that begins one: not sent on, SIP/2.0 404 Reason\n")
    end
  end
end
