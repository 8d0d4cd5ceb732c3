# frozen_string_literal: true

require_relative "../support/certificates"
require_relative "../support/server_folder"

RSpec.describe "oversip check" do
  include ServerFolder

  def check
    out, error, status = oversip("check", "--config-dir", @dir)
    [error.lines(chomp: true), out, status.exitstatus]
  end

  it "is content with a folder that works, without running its script, although its server runs" do
    folder(script: "warn 'running'\nexit 1")
    Addrinfo.udp("127.0.0.1", port).bind { expect(check).to eq([[], "#{@dir}: nothing is wrong\n", 0]) }
  end

  it "names every problem of every file" do
    folder(conf: "core: {syslog_level: loud}\nsip: {listen_port: 70000, listen_ipv4: 192.0.2.1, enable_ipv6: no}",
           proxies: "default_proxy: {timer_B: 1, timer_C: 500}",
           script: "def ok\nend\n# Fixnum in a comment\nx = 1.is_a?(Fixnum)\nEM.add_timer(1) { File.exists?(x) }\n")
    problems, out, status = check
    expect(problems).to match([
      "oversip.conf: core[syslog_level] has invalid value 'loud' (does not satisfy 'choices' validation requirement)",
      "oversip.conf: sip[listen_port] has invalid value '70000' (does not satisfy 'port' validation requirement)",
      "oversip.conf: configuration error: cannot bind in UDP IP '192.0.2.1', address not available",
      /\Aproxies.conf: default_proxy\[timer_B\] has invalid value '1'/,
      /\Aproxies.conf: default_proxy\[timer_C\] has invalid value '500'/,
      /\Aserver.rb:4: Fixnum is gone/, /\Aserver.rb:5: EventMachine is not part/, /\Aserver.rb:5: File.exists\?/
    ])
    expect([out, status]).to eq(["#{@dir}: 8 to be changed\n", 1])
  end

  it "names a certificate without its key, and a key that TLS cannot use; the server does not start with them" do
    [Certificates.for_name.dup.tap { |copy| copy.key = Certificates.self_signed.key }, Certificates.rsa(bits: 1024)].each do |issued|
      tls = Certificates.section(issued, ca_dir: nil)
      folder(conf: "sip: {sip_tls: yes, enable_ipv6: no}\ntls: {public_cert: #{tls[:public_cert]}, private_cert: #{tls[:private_cert]}}")
      problems, = check
      expect(problems).to match([/\Aoversip.conf: tls\[private_cert\] is (not the key of|a key that TLS cannot use: RSA, 1024 bits)/])
      expect(failure).to match(/CRIT: <launcher> tls\[private_cert\] is /i)
    end
  end

  it "lets a script use EventMachine that brings it along" do
    folder(script: "require \"eventmachine\"\nThread.new { EM.run { EventMachine::Timer.new(1) { nil } } }\n")
    expect(check.last).to eq(0)
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

  it "names a profile that can send nothing, and warns of what is ignored" do
    folder(proxies: "default_proxy: {transport_preference: [tls], nonsense: 1}")
    problems, = check
    expect(problems).to eq(["WARN: <ProxiesConfig> unknown parameter default_proxy[nonsense] ignored",
                            "proxies.conf: default_proxy[transport_preference] has nothing that oversip.conf turns on: " \
                            "no request can be sent"])
  end
end
