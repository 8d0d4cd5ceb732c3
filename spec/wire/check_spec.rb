# frozen_string_literal: true

require_relative "../support/certificates"
require_relative "../support/server_folder"

RSpec.describe "oversip check" do
  include ServerFolder

  def check(*options)
    out, error, status = oversip("check", "--config-dir", @dir, *options)
    [error.lines(chomp: true), out, status.exitstatus]
  end

  # What is named for a script that answers, and the exit status.
  def named(script = "", **files)
    folder(script: ServerFolder::ANSWERING + script, **files)
    problems, _, status = check
    [problems, status]
  end

  it "accepts a working folder, without running its script, even while its server runs" do
    folder(script: "warn 'running'\ndef (OverSIP::SipEvents).on_request(request) = request.reply(404)\nexit 1")
    Addrinfo.udp("127.0.0.1", port).bind { expect(check).to eq([[], "#{@dir}: nothing is wrong\n", 0]) }
  end

  it "names every problem of every file" do
    folder(conf: "core: {syslog_level: loud}\nsip: {listen_port: 70000, listen_ipv4: 192.0.2.1, enable_ipv6: no}",
           proxies: "default_proxy: {timer_B: 1, timer_C: 500}",
           script: "def (OverSIP::SipEvents).on_request(_)\nend\n# Fixnum in a comment\nx = 1.is_a?(Fixnum)\n" \
                   "EM.add_timer(1) { File.exists?(x) }\n")
    problems, out, status = check
    expect(problems).to match([
      "oversip.conf: core[syslog_level] has invalid value 'loud' (does not satisfy 'choices' validation requirement): " \
      "one of debug, info, notice, warn, error, crit",
      "oversip.conf: sip[listen_port] has invalid value '70000' (does not satisfy 'port' validation requirement): " \
      "70000 is above the bound: 1 to 65535",
      "oversip.conf: configuration error: cannot bind in UDP IP '192.0.2.1', address not available",
      /\Aproxies.conf: default_proxy\[timer_B\] has invalid value '1'/,
      /\Aproxies.conf: default_proxy\[timer_C\] has invalid value '500'/,
      /\Aserver.rb:4: Fixnum is gone/, /\Aserver.rb:5: EventMachine is not part/, /\Aserver.rb:5: File.exists\?/
    ])
    expect([out, status]).to eq(["#{@dir}: 8 to be changed\n", 1])
  end

  it "names a token of the page of calls that cannot be used" do
    write("token", "short")
    file = in_folder("token")
    problems, status = named(conf: "metrics: {token_file: #{file}}")
    expect([problems.first, status]).to eq(["oversip.conf: metrics[token_file]: #{file} has to have one word of 16 or more ASCII characters", 1])
    File.write(file, "0123456789abcdef")
    File.chmod(0o644, file)
    problems, status = named(conf: "metrics: {token_file: #{file}}")
    expect([problems, status]).to eq([["token: others may read it, and it holds the token of the page /calls: chmod o-r #{file}"], 0])
    problems, status = named(conf: "metrics: {token_file: #{file}, token: 0123456789abcdef0}")
    expect([problems.first, status]).to eq(["oversip.conf: metrics[token] and metrics[token_file]: only one of them can be set", 1])
  end

  it "says when the page of calls has nothing to show, or nowhere to be" do
    { "metrics: {calls_page: yes, listen: 9464}\ntrace: {enabled: no}" => "trace[enabled] is no, so that there are no calls to show",
      "metrics: {calls_page: yes}" => "metrics[listen] names no address to serve it on" }.each do |conf, reason|
      folder(conf: "#{conf}\ncore: {syslog_level: info}")
      expect(check).to eq([["WARN: <Config> metrics[calls_page] is off: #{reason}"], "#{@dir}: 1 to be looked at\n", 0])
    end
  end

  it "says when no control socket can be made where it has to be" do
    { in_folder("none/a.sock") => "there is no folder #{in_folder("none")}",
      in_folder("server.rb") => "the name is taken by something that is no socket" }.each do |path, obstacle|
      folder(conf: "core: {syslog_level: info, control_socket: #{path}}")
      expect(check).to eq([["oversip.conf: core[control_socket]: #{obstacle}, and the server does not start so"],
                           "#{@dir}: 1 to be looked at\n", 0])
    end
  end

  it "names a certificate without its key, and a key that TLS cannot use; the server does not start with them" do
    [Certificates.for_name.dup.tap { |copy| copy.key = Certificates.self_signed.key }, Certificates.rsa(bits: 1024)].each do |issued|
      tls = Certificates.section(issued, ca_dir: nil)
      File.chmod(0o600, tls[:private_cert])
      folder(conf: "sip: {sip_tls: yes, enable_ipv6: no}\ntls: {public_cert: #{tls[:public_cert]}, private_cert: #{tls[:private_cert]}}")
      problems, = check
      expect(problems).to match([/\Aoversip.conf: tls\[private_cert\] is (not the key of|a key that TLS cannot use: RSA, 1024 bits)/])
      expect(failure).to match(/CRIT: <launcher> tls\[private_cert\] is /i)
    end
  end

  it "lets a script use EventMachine that brings it along" do
    Dir.mkdir(in_folder("lib"))
    write("lib/eventmachine.rb", "")
    folder(script: "require \"eventmachine\"\nThread.new { EM.run { EventMachine::Timer.new(1) { nil } } }\n#{ServerFolder::ANSWERING}")
    expect(check("-I", in_folder("lib"))).to eq([[], "#{@dir}: nothing is wrong\n", 0])
  end

  it "says how to write a folder that is missing" do
    out, error, status = oversip("check", in_folder("missing"))
    expect([error, status.exitstatus])
      .to eq(["#{in_folder("missing")}: no such folder: `oversip init #{in_folder("missing")}` writes one\n", 1])
    expect(check[1]).to eq("#{@dir}: 3 to be changed; `oversip init #{@dir}` writes one\n")
    expect(out).to eq("#{in_folder("missing")}: 1 to be changed\n")
  end

  it "names files that are missing or cannot be read" do
    problems, = check
    expect(problems).to match([/\Aoversip.conf: No such file/, /\Aproxies.conf: No such file/, /\Aserver.rb: No such file/])
    folder(conf: "sip: [", proxies: "- a\n", script: "def broken(")
    problems, = check
    expect(problems.first).to match(/\Aoversip.conf: .*line \d/)
    expect(problems).to include("proxies.conf: invalid proxies configuration file, it is not a collection")
    expect(problems.find { |problem| problem.start_with?("server.rb: ") }).to include("syntax error")
  end

  it "names a profile without a transport, and warns of ignored parameters" do
    folder(proxies: "default_proxy: {transport_preference: [tls], nonsense: 1}")
    problems, = check
    expect(problems).to eq(["WARN: <ProxiesConfig> unknown parameter default_proxy[nonsense] ignored",
                            "proxies.conf: default_proxy[transport_preference] has nothing that oversip.conf turns on: " \
                            "no request can be sent"])
  end

  it "counts ignored parameters as warnings" do
    folder(conf: "sip: {listen_prot: 5070}\nspi: {}\ncore: {syslog_level: info}")
    expect(check).to eq([["WARN: <Config> oversip.conf unknown parameter sip[listen_prot] ignored: did you mean 'listen_port'?",
                          "WARN: <Config> oversip.conf unknown section 'spi' ignored: did you mean 'sip'?"],
                         "#{@dir}: 2 to be looked at\n", 0])
  end

  it "names profiles that the script uses and proxies.conf lacks" do
    script = "OUT = :proxy_ot\nOverSIP::SIP::Proxy.new(:proxy_in)\nOverSIP::SIP::Uac.new OUT\nOverSIP::SIP::Proxy.new\n"
    expect(named(script, proxies: "proxy_out:\nproxy_in:\n"))
      .to eq([["WARN: <Config> proxies.conf has no profile default_proxy, which Proxy.new and Uac.new use when they are given none",
               "server.rb:4: the profile 'proxy_ot' is not in proxies.conf: did you mean 'proxy_out'?",
               "server.rb:5: the profile 'default_proxy' is not in proxies.conf"], 1])
    expect(named(script, proxies: "proxy_ot:\nproxy_in:\ndefault_proxy:\n")).to eq([[], 0])
    own = "OverSIP.proxies[:mine] = OverSIP.proxies[:default_proxy].merge(timer_B: 2)\nOverSIP::SIP::Proxy.new(:mine)\n"
    expect(named("def (OverSIP::SystemEvents).on_initialize\n#{own}end")).to eq([[], 0])
  end

  it "names libraries that cannot be loaded, with what to do; a start says the same" do
    { "oversip-mod-mysql" => "(MySQL) ", "oversip-mod-postgresql" => "(PostgreSQL) ", "em-synchrony" => "(em-synchrony) " }.each do |name, part|
      problems, status = named("require #{name.dump}")
      expect([problems, status]).to match([[/\Aserver.rb:2: cannot load such file -- #{name}; #{name} needs EventMachine: docs.migration.md #{Regexp.escape(part)}/], 1])
      expect(problems.first).to include("OverSIP.schedule { fiber.resume }")
      expect(failure).to include("CRIT: <launcher> #{problems.first[/; (.*)/, 1]}\n")
    end
    expect(named("require 'no_such/library'"))
      .to eq([["server.rb:2: cannot load such file -- no_such/library; is the library there for this Ruby (#{RUBY_VERSION})? install the gem that brings this file"], 1])
  end

  it "loads libraries in another process, and reports their exceptions and missing libraries" do
    { "outer" => "require 'em-synchrony/mysql2'", "broken" => "warn 'said'\nraise KeyError, 'no key'", "leaving" => "exit 3", "good" => "puts 1" }
      .each { |name, text| write("#{name}.rb", text) }
    folder(script: "#{ServerFolder::ANSWERING}#{%w[outer broken leaving good json].map { |name| "require #{name.dump}\n" }.join}")
    problems, _, status = check("-I", @dir)
    expect([problems, status]).to match([[/\Aserver.rb:2: cannot load such file -- em-synchrony.mysql2; em-synchrony needs/,
                                          /\Aserver.rb:3: no key \(KeyError\)/], 1])
  end

  it "loads libraries in the order of the script, and lets it start that may work" do
    { "alpha" => "module Alpha; LEVEL = 1; end", "beta_ext" => "Alpha::LEVEL", "gamma" => "Settings::LEVEL",
      "handlers" => ServerFolder::ANSWERING }.each { |name, text| write("#{name}.rb", text) }
    folder(script: "begin; require 'alpha'; rescue LoadError; end\nrequire 'beta_ext'\nrequire 'handlers'\n" \
                   "module Settings; LEVEL = 1; end\nrequire 'gamma'\nOverSIP::SIP::Proxy.new(:none) if ENV['NONE']")
    problems, out, status = check("-I", @dir)
    expect([problems, out, status]).to match([[/\Aserver.rb:5: uninitialized constant .*Settings.* \(NameError\)\z/,
                                               "server.rb:6: the profile 'none' is not in proxies.conf"],
                                              "#{@dir}: 2 to be looked at\n", 0])
  end

  it "leaves a script that is nested too deep to the start" do
    expect(named("def deep(x) = #{(["x"] * 9000).join(" || ")}")).to eq([["server.rb: is nested too deep to be looked at"], 0])
  end

  it "accepts a script in another encoding" do
    expect(named("# M\xFCller\nNAME = 'M\xFCller'\n").last).to eq(1) # it is no UTF-8 and does not say so
    folder(script: "# -*- encoding: iso-8859-1 -*-\n#{ServerFolder::ANSWERING}# M\xFCller\nNAME = 'M\xFCller'\n")
    expect(check).to eq([[], "#{@dir}: nothing is wrong\n", 0])
  end

  it "names files of the script's own that are not there" do
    write("parts.rb", "require_relative 'lost'")
    expect(named("require_relative 'parts'")).to eq([["parts.rb:1: cannot load such file -- #{in_folder("lost")}"], 1])
  end

  it "names a script without on_request, and events whose self. is missing; a start warns of the same" do
    { "" => ["server.rb", /no on_request is defined, requests get no answer: server.rb needs def \(OverSIP::SipEvents\).on_request/],
      "module OverSIP::SipEvents\n  def on_request(request) = nil\nend" =>
        ["server.rb:2", /on_request never runs(?: \(.*\))?: write def self.on_request in module OverSIP::SipEvents/] }.each do |script, (place, text)|
      folder(script: script)
      problems, out, status = check
      expect([problems, out, status]).to match([[/\A#{place}: #{text}/], "#{@dir}: 1 to be looked at\n", 0])
      next unless NATIVE

      serving { |server| expect(without_times(server.output)).to match(/^WARN: <LifeCycle> #{text}/) }
    end
    folder(script: "#{ServerFolder::ANSWERING}def (OverSIP::SystemEvents).on_started = nil")
    serving { |server| expect(server.output).not_to include("WARN") } if NATIVE
  end

  it "names certificate files that cannot be used, and the command that makes a new key for a demo key" do
    weak = Certificates.rsa(bits: 1024)
    tls = Certificates.section(weak, ca_dir: nil).transform_values { |file| file && File.realpath(file) }
    File.chmod(0o600, tls[:private_cert])
    conf = "sip: {sip_tls: yes, listen_ipv4: 127.0.0.1, enable_ipv6: no}\n"
    problems, status = named(conf: "#{conf}tls: {public_cert: #{tls[:public_cert]}, private_cert: #{tls[:private_cert]}}")
    expect([problems, status]).to match([[/\Aoversip.conf: tls\[private_cert\] is a key that TLS cannot use: RSA, 1024 bits .*: openssl req /], 1])

    command = problems.first[/openssl req .*/]
    _, error, made = Open3.capture3(command)
    expect([error, made.success?]).to match([anything, true])
    fresh = tls.compact.transform_values { |file| "#{file}.new" }
    expect(OverSIP::TLS::Identity.read(*fresh.values)[:chain].size).to eq(1)
    expect(OpenSSL::X509::Certificate.new(File.read(fresh[:public_cert])).subject.to_s).to eq("/CN=relay.example")
  end

  it "advises on a certificate that has expired, with which a server starts" do
    tls = Certificates.section(Certificates.expired, ca_dir: nil)
    File.chmod(0o600, tls[:private_cert])
    folder(conf: "sip: {sip_tls: yes, listen_ipv4: 127.0.0.1, enable_ipv6: no}\n" \
                 "tls: {public_cert: #{tls[:public_cert]}, private_cert: #{tls[:private_cert]}}")
    problems, out, status = check
    expect([problems, out, status]).to match([[/\A#{tls[:public_cert]}: the certificate has expired on /], "#{@dir}: 1 to be looked at\n", 0])
  end

  it "names files that are not there or that this user may not read", if: Process.euid.zero? do
    File.chmod(0o755, @dir)
    %w[tls tls/ca].each { |name| Dir.mkdir(in_folder(name), 0o755) }
    write("nobody.rb", "Process::UID.change_privilege(Process::UID.from_name('nobody'))")
    folder(conf: "sip: {sip_tls: yes, listen_ipv4: 127.0.0.1, enable_ipv6: no}\ntls: {public_cert: none.crt, private_cert: own.key, ca_dir: ca}")
    %w[tls/own.key tls/ca/root.pem].each { |name| File.write(in_folder(name), Certificates.for_name.key.private_to_pem, perm: 0o600) }
    problems, out, status = check("-r", in_folder("nobody"))
    expect(problems.grep_v(/^WARN/))
      .to match([/\Aoversip.conf: tls.public_cert. has invalid value .*: there is nothing of that name\z/,
                 /\Aoversip.conf: tls.private_cert. has invalid value .*: the user nobody may not read it\z/,
                 "#{in_folder("tls/ca/root.pem")}: the user nobody may not read it, it counts for nothing"])
    expect([out, status]).to eq(["#{@dir}: 2 to be changed, 2 to be looked at\n", 1]) # TLS is off without them
  end

  it "advises on secrets that others may read and files that others may write, which is no reason to fail" do
    tls = Certificates.section(ca_dir: nil)
    File.chmod(0o644, tls[:private_cert])
    folder(script: "#{ServerFolder::ANSWERING}require_relative 'more'", proxies: "default_proxy: {credentials: {username: u, password: p}}",
           conf: "sip: {sip_tls: yes, listen_ipv4: 127.0.0.1, enable_ipv6: no, flow_token_key: 0123456789abcdef}\n" \
                 "tls: {public_cert: #{tls[:public_cert]}, private_cert: #{tls[:private_cert]}}")
    write("more.rb", "")
    { "oversip.conf" => 0o644, "proxies.conf" => 0o644, "server.rb" => 0o646, "more.rb" => 0o666 }.each { |name, mode| File.chmod(mode, in_folder(name)) }
    read = "others may read it, and it holds"
    write = "others may write it, and so decide what the server does: chmod o-w"
    expected = ["oversip.conf: #{read} sip[flow_token_key]: chmod o-r #{in_folder("oversip.conf")}",
                "proxies.conf: #{read} credentials: chmod o-r #{in_folder("proxies.conf")}",
                "#{tls[:private_cert]}: #{read} the private key: chmod o-r #{tls[:private_cert]}",
                "server.rb: #{write} #{in_folder("server.rb")}", "more.rb: #{write} #{in_folder("more.rb")}"]
    expect(check).to eq([expected, "#{@dir}: 5 to be looked at\n", 0])
    expected.each { |line| system(line[/chmod .*/], exception: true) }
    expect(check).to eq([[], "#{@dir}: nothing is wrong\n", 0])
  end
end
