# frozen_string_literal: true

require_relative "../support/server_folder"

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
    expect(out).to include("wrote #{config("oversip.conf")}\n", "oversip --config-dir #{in_folder("new")}\n")
    expect(File.stat(config("oversip.conf")).mode & 0o777).to eq(0o600)
    key = YAML.load_file(config("oversip.conf"))["sip"]["flow_token_key"]
    expect(key.bytesize).to be >= 32

    File.delete(config("proxies.conf"))
    _, error, status = init
    expect(error).to eq("ERROR: oversip #{config("oversip.conf")}, #{config("server.rb")}: there already, nothing was written\n")
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
        next if %i[flow_token_key syslog_facility require_own_route].include?(parameter.name)

        expect([parameter.name, configuration[section][parameter.name]]).to eq([parameter.name, parameter.default])
      end
    end
    defaults = OverSIP::ProxiesConfig::PARAMETERS.to_h { |parameter| [parameter.name, parameter.default] }
    expect(shown.call("proxies.conf")[:default_proxy]).to eq(defaults)
  end

  it "writes a folder that check is content with" do
    init
    out, error, status = oversip("check", in_folder("new"))
    expect([error, out, status.exitstatus]).to eq(["", "#{in_folder("new")}: nothing is wrong\n", 0])
  end

  describe "gives a server that", :native do
    let(:home) { udp_peer }
    let(:alice) { udp_peer("127.0.0.2") }

    around do |example|
      init
      conf = File.read(config("oversip.conf")).sub("  #  listen_ipv4: null", "  listen_ipv4: 127.0.0.1\n  enable_ipv6: no")
      File.write(config("oversip.conf"), conf.sub("  #  listen_port: 5060", "  listen_port: #{port}"))
      script = File.read(config("server.rb")).sub('["127.0.0.1", 5070]', "[\"127.0.0.1\", #{home.port}]")
      File.write(config("server.rb"), script)
      running_oversip("--config-dir", in_folder("new")) do |server|
        server.wait_for(/ready, the home server is 127.0.0.1:#{home.port}/)
        server.wait_for(/running, process/)
        example.run
      end
    end

    def ask(peer, text)
      peer.send_text(text, port, "127.0.0.1")
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
  end
end
