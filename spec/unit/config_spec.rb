# frozen_string_literal: true

require "tmpdir"
require "openssl"
require "oversip/config_printer"

RSpec.describe OverSIP::Config do
  def build(given = {}, yaml: nil, **options)
    file = yaml && OverSIP::Config::Source.read(yaml_file(yaml))
    result = nil
    @log = capture_log(level: :warn) { result = described_class.build(file: file, given: given, **options) }
    result
  end

  def yaml_file(text)
    File.join(@dir, "oversip.conf").tap { |path| File.write(path, text) }
  end

  def warnings
    @log.map(&:body)
  end

  around { |example| Dir.mktmpdir { |dir| (@dir = dir) && example.run } }

  it "has the sections and the parameters in the documented order" do
    configuration = build
    expect(configuration.keys).to eq(%i[core sip websocket tls trace metrics hep])
    expect(configuration[:core].keys.first(3)).to eq(%i[nameservers syslog_facility syslog_level])
    expect(configuration[:sip].keys.first(9))
      .to eq(%i[sip_udp sip_tcp sip_tls enable_ipv4 listen_ipv4 advertised_ipv4 enable_ipv6 listen_ipv6 advertised_ipv6])
    expect(configuration[:websocket].keys.last(3)).to eq(%i[max_ws_message_size max_ws_frame_size ws_keepalive_interval])
    expect(configuration[:tls].keys).to eq(%i[public_cert private_cert ca_dir])
  end

  it "shows no secret in an error" do
    { sip: :flow_token_key, metrics: :token, hep: :password }.each do |section, name|
      value = name == :password ? 4711 : "hunter2"
      expect { build({ section => { name => value } }) }
        .to raise_error(OverSIP::ConfigurationError, /\A#{section}\[#{name}\] has invalid value '\(not shown\)'(?!.*#{value})/)
    end
  end

  it "listens on loopback by UDP and TCP, port 5060, by default" do
    sip = build[:sip]
    expect(sip.values_at(:sip_udp, :sip_tcp, :sip_tls, :listen_ipv4, :listen_port, :listen_port_tls))
      .to eq([true, true, false, "127.0.0.1", 5060, nil])
  end

  it "prefers arguments of a script to the file, and the file to the defaults" do
    configuration = build({ "sip" => { "listen_port" => 6000 } }, yaml: "sip:\n  listen_port: 5070\n  sip_tcp: no\n")
    expect(configuration[:sip].values_at(:listen_port, :sip_tcp, :sip_udp)).to eq([6000, false, true])
  end

  it "keeps the default where a value is null, and for files without sections" do
    expect(build(yaml: "sip:\n  listen_port: ~\ncore: [1]\n")[:sip][:listen_port]).to eq(5060)
    expect(build(yaml: "")[:core][:syslog_level]).to eq("info")
    expect(build(yaml: "- a\n- b\n")[:core][:syslog_level]).to eq("info")
  end

  it "switches the trace off by no, by off and by enabled" do
    ["trace: no", "trace: {off: yes}", "trace: {'off': yes}", "trace: {enabled: no}"].each do |yaml|
      expect([yaml, build(yaml: yaml).dig(:trace, :enabled), warnings]).to eq([yaml, false, []])
    end
    expect(build({ trace: { off: true } }).dig(:trace, :enabled)).to be(false)
    expect(build({ trace: { off: false } }).dig(:trace, :enabled)).to be(true)
    expect { build(yaml: "trace: {off: perhaps}") }.to raise_error(OverSIP::ConfigurationError, /trace\[enabled\]/)
  end

  it "notes for which families a script has given no address" do
    families = ->(given, **options) { build(given, **options).dig(:sip, :loopback_by_default) }
    expect(families.call({})).to eq(%i[ipv4 ipv6])
    expect(families.call({ sip: { listen_ipv4: "127.0.0.1" } })).to eq([:ipv6])
    expect(families.call({ sip: { listen_ipv4: "127.0.0.1", listen_ipv6: "::1" } })).to eq([])
    expect(families.call({}, scope: :network)).to be_nil
    given_back = build({})
    given_back[:sip][:listen_ipv4] = "127.0.0.2"
    expect(families.call(given_back)).to eq([:ipv6])
  end

  it "takes its own result back without complaint" do
    first = build({ sip: { local_domains: "Example.NET" } })
    expect(build(first)).to eq(first)
    expect(warnings).to be_empty
  end

  it "keeps a trace in a server of the command, and elsewhere where it is asked for" do
    enabled = ->(given = {}, **options) { build(given, **options).dig(:trace, :enabled) }
    expect(enabled.call).to be(false)
    expect(enabled.call(command: true)).to be(true)
    expect(enabled.call(yaml: "trace: off", command: true)).to be(false)
    expect(enabled.call(yaml: "trace: {enabled: no}", command: true)).to be(false)
    expect(enabled.call(yaml: "trace: {calls: 10}", command: true)).to be(true)
    expect(enabled.call({ trace: true })).to be(true)
    expect(warnings).to be_empty
  end

  describe "refuses" do
    {
      "a quoted Boolean" => ["sip: {sip_udp: 'yes'}",
                             "sip[sip_udp] has invalid value 'yes' (does not satisfy 'boolean' validation requirement): " \
                             "the quotes make a text of yes: write yes without them"],
      "a number that is none" => ["sip: {listen_port: abc}",
                                  "sip[listen_port] has invalid value 'abc' (does not satisfy 'port' validation requirement): a whole number"],
      "port 65536" => ["sip: {listen_port: 65536}",
                       "sip[listen_port] has invalid value '65536' (does not satisfy 'port' validation requirement): " \
                       "65536 is above the bound: 1 to 65535"],
      "a part that is more than all" => ["trace: {sample: 1.5}",
                                         "trace[sample] has invalid value '1.5' (does not satisfy 'minor_equal_than' validation " \
                                         "requirement): 1.5 is above the bound: 0 to 1"],
      "a part that is no number" => ["trace: {sample: half}",
                                     "trace[sample] has invalid value 'half' (does not satisfy 'number' validation requirement): " \
                                     "a number, 0 to 1"],
      "port 0 in a file" => ["sip: {listen_port: 0}",
                             "sip[listen_port] has invalid value '0' (does not satisfy 'port' validation requirement): " \
                             "a file has to name the port: 1 to 65535"],
      "an address with leading zeros" => ["sip: {listen_ipv4: 127.0.0.01}",
                                          "sip[listen_ipv4] has invalid value '127.0.0.01' " \
                                          "(does not satisfy 'ipv4' validation requirement): an address such as 192.0.2.1: " \
                                          "four numbers up to 255 without leading zeros, no name"],
      "the unspecified address" => ["sip: {listen_ipv6: '::'}",
                                    "sip[listen_ipv6] has invalid value '::' (does not satisfy 'ipv6' validation requirement): " \
                                    "it means every address of this machine, but Via and Record-Route need one that peers can " \
                                    "send to: leave the parameter out for the address that faces the network, or write that " \
                                    "one; behind NAT advertised_ipv6 says the public one"],
      "an address with a zone" => ["sip: {listen_ipv6: 'fe80::1%eth0'}",
                                   "sip[listen_ipv6] has invalid value 'fe80::1%eth0' " \
                                   "(does not satisfy 'ipv6' validation requirement): an address of a link does not do: " \
                                   "write one that peers can send to"],
      "an unknown level" => ["core: {syslog_level: alert}",
                             "core[syslog_level] has invalid value 'alert' (does not satisfy 'choices' validation requirement): " \
                             "one of debug, info, notice, warn, error, crit"],
      "a list where none is allowed" => ["sip: {listen_port: [1, 2]}", "sip[listen_port] does not allow multiple values"],
      "too small an interval" => ["sip: {tcp_keepalive_interval: 179}",
                                  "sip[tcp_keepalive_interval] has invalid value '179' " \
                                  "(does not satisfy 'greater_equal_than' validation requirement): " \
                                  "179 is below the bound: at least 180 seconds"],
      "a domain of two lines" => ["sip: {local_domains: \"a.example\\nb c\"}",
                                  "sip[local_domains] has invalid value 'a.example\nb c' " \
                                  "(does not satisfy 'domain' validation requirement): " \
                                  "a domain such as example.net: no scheme, no port, no dot at its end"],
      "a message size below 125" => ["websocket: {max_ws_message_size: 124}",
                                     "websocket[max_ws_message_size] has invalid value '124' " \
                                     "(does not satisfy 'greater_equal_than' validation requirement): " \
                                     "124 is below the bound: 125 to 1048575 bytes"],
      "a short flow token key" => ["sip: {flow_token_key: short}",
                                   "sip[flow_token_key] has invalid value '(not shown)' " \
                                   "(does not satisfy 'min_bytes' validation requirement): " \
                                   "5 bytes are below the bound: at least 16"],
      "a product that would break a header" => ["core: {product: \"a\\r\\nb\"}",
                                                "core[product] has invalid value 'a\r\nb' " \
                                                "(does not satisfy 'header_text' validation requirement): " \
                                                "one line of text without blanks at its ends"],
      "a missing certificate" => ["tls: {public_cert: /nonexistent}",
                                  "tls[public_cert] has invalid value '/nonexistent' " \
                                  "(does not satisfy 'readable_file' validation requirement): there is nothing of that name"]
    }.each do |name, (yaml, message)|
      it name do
        expect { build(yaml: yaml) }.to raise_error(OverSIP::ConfigurationError, message)
      end
    end

    it "a file that is no certificate or key, and says why beside it" do
      path = File.join(@dir, "x.pem")
      File.write(path, "nothing")
      ["public_cert", "certificate", "tls_pem_chain", "private_cert", "private key", "tls_pem_private"].each_slice(3) do |name, kind, rule|
        log = capture_log do
          expect { described_class.build(given: { tls: { name => path } }) }
            .to raise_error("tls[#{name}] has invalid value '#{path}' (does not satisfy '#{rule}' validation requirement)")
        end
        expect([log.size, log[0].severity, log[0].log_id]).to eq([1, :error, "Config"])
        expect(log[0].body).to start_with("#{path} has no usable #{kind}")
      end
    end

    {
      "sip: {sip_udp: 'Off'}" => "the quotes make a text of Off: write no without them",
      "sip: {sip_udp: 1}" => "write yes or no",
      "sip: {listen_port: '5060'}" => "the quotes make a text of 5060: write 5060 without them",
      "sip: {listen_port: -1}" => "-1 is below the bound: 1 to 65535",
      "sip: {tcp_keepalive_interval: 60}" => "60 is below the bound: at least 180 seconds",
      "sip: {tcp_keepalive_interval: 5m}" => "a whole number of seconds, at least 180, without anything behind it",
      "sip: {tcp_keepalive_interval: 200.5}" => "a whole number of seconds, at least 180",
      "core: {max_queued_requests: 0}" => "0 is below the bound: at least 1",
      "core: {syslog_level: inof}" => "one of debug, info, notice, warn, error, crit: did you mean 'info'?",
      "core: {nameservers: 0.0.0.0}" => "write 127.0.0.1 for a server on this machine",
      "core: {product: 7}" => "a text: write it in quotes",
      "sip: {listen_ipv4: 0.0.0.0}" => "it means every address of this machine, but Via and Record-Route need one that peers can send to: " \
                                       "leave the parameter out for the address that faces the network, or write that one; behind NAT " \
                                       "advertised_ipv4 says the public one",
      "sip: {listen_ipv4: '192.0.2.1:5060'}" => "an address without a port, which stands in listen_port",
      "sip: {listen_ipv4: '2001:db8::1'}" => "an IPv6 address belongs to listen_ipv6",
      "sip: {listen_ipv6: '[2001:db8::1]'}" => "write it without brackets",
      "sip: {listen_ipv6: '[2001:db8::1]:5060'}" => "an address without brackets and port, which stands in listen_port",
      "sip: {listen_ipv6: 192.0.2.1}" => "an IPv4 address belongs to listen_ipv4",
      "websocket: {max_ws_frame_size: 1048576}" => "1048576 is above the bound: 125 to 1048575 bytes",
      "sip: {flow_token_key: 12345678901234567890}" => "a text of 16 bytes or more, in quotes when it looks like a number",
      "hep: {collectors: homer}" => "udp:HOST:PORT or tcp:HOST:PORT; an IPv6 address stands in brackets",
      "hep: {collectors: ['udp:192.0.2.1:9060', 'tls:192.0.2.1:9060']}" => "udp:HOST:PORT or tcp:HOST:PORT; an IPv6 address stands in brackets",
      "hep: {capture_id: 4294967296}" => "4294967296 is above the bound: 0 to 4294967295",
      "hep: {password: 7}" => "a text of 1 bytes or more, in quotes when it looks like a number",
      "tls: {public_cert: /none/of/these}" => "there is no folder /none/of",
      "tls: {public_cert: /tmp}" => "it is a folder",
      "tls: {ca_dir: /etc/passwd}" => "it is no folder"
    }.each do |yaml, explanation|
      it("#{yaml} and says why") { expect { build(yaml: yaml) }.to raise_error(/validation requirement\): #{Regexp.escape(explanation)}\z/) }
    end

    {
      { sip_udp: "yes" } => "a String is given: write true without quotes", { sip_udp: "off" } => "a String is given: write false without quotes",
      { sip_udp: nil.to_a } => "sip[sip_udp] does not allow multiple values", { sip_udp: 1 } => "true or false",
      { listen_port: "5060" } => "a String is given: write 5060 without quotes", { listen_port: 70_000 } => "70000 is above the bound: 1 to 65535",
      { listen_ipv4: "0.0.0.0" } => "peers can send to: write that one; behind NAT advertised_ipv4 says the public one"
    }.each do |values, explanation|
      it("#{values} of OverSIP.start and says why") { expect { build({ sip: values }) }.to raise_error(/#{Regexp.escape(explanation)}\z/) }
    end

    it "a file that this user may not read" do
      path = File.join(@dir, "key.pem")
      File.write(path, "")
      allow(File).to receive(:readable?).and_call_original
      allow(File).to receive(:readable?).with(path).and_return(false)
      expect { build({ tls: { private_cert: path } }) }.to raise_error(/: the user #{Etc.getpwuid.name} may not read it\z/)
    end

    it "every wrong value in turn when it is asked for all" do
      found = []
      capture_log do
        described_class.build(given: { core: { syslog_level: "x" }, sip: { listen_port: "y" } }) { |error| found << error.message }
      end
      expect(found).to match([/\Acore\[syslog_level\]/, /\Asip\[listen_port\]/])
    end

    it "the first wrong value in table order" do
      expect { build(yaml: "sip: {listen_port: x}\ncore: {syslog_level: x}") }
        .to raise_error(OverSIP::ConfigurationError, /\Acore\[syslog_level\]/)
    end

    it "an argument that is no Hash of Hashes" do
      expect { build({ sip: 5060 }) }.to raise_error(OverSIP::ConfigurationError, /configuration: sip must be a Hash, not 5060\z/)
      expect { build({ listen_port: 5060 }) }
        .to raise_error("configuration: listen_port must be a Hash, not 5060: it is a parameter of the section 'sip'")
      expect { build([]) }.to raise_error(OverSIP::ConfigurationError, /configuration: must be a Hash/)
    end
  end

  describe "accepts" do
    it "YAML 1.1 numbers and Booleans" do
      configuration = build(yaml: "sip: {listen_port: 5_070, sip_tcp: off}\nwebsocket: {listen_port: 010}")
      expect(configuration[:sip].values_at(:listen_port, :sip_tcp)).to eq([5070, false])
    end

    it "an unquoted IPv6 address that begins with colons" do
      expect(build(yaml: "sip:\n  listen_ipv6: ::1\n")[:sip][:listen_ipv6]).to eq("::1")
    end

    it "port 0 from Ruby code" do
      expect(build({ sip: { listen_port: 0 } })[:sip][:listen_port]).to eq(0)
    end

    it "collectors by UDP and TCP, at names and addresses" do
      collectors = ["udp:192.0.2.1:9060", "tcp:homer.example.com:9060", "udp:[2001:db8::1]:9060"]
      expect(build({ hep: { collectors: collectors } })[:hep]).to eq(collectors: collectors, capture_id: 2001, password: nil)
      expect(build({ hep: { collectors: "udp:homer:1" } })[:hep][:collectors]).to eq(["udp:homer:1"])
    end

    it "no collector twice, however it is written" do
      {
        ["udp:192.0.2.1:9060", "tcp:192.0.2.1:9060", "udp:192.0.2.1:9060"] =>
          "hep[collectors] has the same entry twice: entry 1, 'udp:192.0.2.1:9060', and entry 3, 'udp:192.0.2.1:9060'",
        ["udp:Homer.example.com:9060", "udp:homer.example.com:09060"] =>
          "hep[collectors] has the same entry twice: entry 1, 'udp:Homer.example.com:9060', and entry 2, 'udp:homer.example.com:09060'",
        ["tcp:[2001:db8::1]:9060", "tcp:[2001:DB8:0::1]:9060"] =>
          "hep[collectors] has the same entry twice: entry 1, 'tcp:[2001:db8::1]:9060', and entry 2, 'tcp:[2001:DB8:0::1]:9060'"
      }.each { |collectors, message| expect { build({ hep: { collectors: collectors } }) }.to raise_error(OverSIP::ConfigurationError, message) }
    end

    it "one value for a list, and nameservers with address family and port" do
      expect(build({ core: { nameservers: "192.0.2.53" } })[:core][:nameservers]).to eq(["192.0.2.53"])
      servers = ["2001:db8::53", "192.0.2.53:5353", "[2001:db8::53]:5353"]
      expect(build({ core: { nameservers: servers } })[:core][:nameservers]).to eq(servers)
      expect { build({ core: { nameservers: ["192.0.2.53:0"] } }) }.to raise_error(OverSIP::ConfigurationError)
    end

    it "certificates and EC keys, looked for in the folder's tls/" do
      Dir.mkdir(File.join(@dir, "tls"))
      key = OpenSSL::PKey::EC.generate("prime256v1")
      certificate = OpenSSL::X509::Certificate.new
      certificate.public_key = key
      certificate.not_before = certificate.not_after = Time.now
      certificate.sign(key, "SHA256")
      File.write(File.join(@dir, "tls", "c.pem"), certificate.to_pem.gsub("\n", "\r\n").chomp)
      File.write(File.join(@dir, "tls", "k.pem"), key.to_pem)
      tls = build(yaml: "tls: {public_cert: c.pem, private_cert: k.pem}", config_dir: @dir)[:tls]
      expect(tls[:public_cert]).to eq(File.join(@dir, "tls", "c.pem"))
      expect(tls[:full_cert]).to be_nil # the key is copied nowhere

      File.write(File.join(@dir, "tls", "k.pem"), key.to_pem(OpenSSL::Cipher.new("aes-128-cbc"), "secret"))
      expect { build(yaml: "tls: {private_cert: k.pem}", config_dir: @dir) }
        .to raise_error(OverSIP::ConfigurationError, /'tls_pem_private'/)
    end
  end

  describe "warns of" do
    it "unknown sections and parameters" do
      build({ sip: { listen_prot: 1 } }, yaml: "spi: {a: 1}\ncore: {b: 1}")
      expect(warnings).to contain_exactly("oversip.conf unknown section 'spi' ignored: did you mean 'sip'?",
                                          "oversip.conf unknown parameter core[b] ignored",
                                          "configuration: unknown parameter sip[listen_prot] ignored: did you mean 'listen_port'?")
    end

    it "misplaced parameters and sections, and values that are no mapping" do
      build(yaml: "listen_port: 5060\ncore: {sip_tls: yes}\nsip: [1]\ntls: 7\nwebsocket:\n")
      expect(warnings).to contain_exactly("oversip.conf section 'sip' ignored: it is no mapping of parameters",
                                          "oversip.conf section 'tls' ignored: it is no mapping of parameters",
                                          "oversip.conf unknown section 'listen_port' ignored: it is a parameter of the section 'sip'",
                                          "oversip.conf unknown parameter core[sip_tls] ignored: it belongs to the section 'sip'")
      build(yaml: "- a")
      expect(warnings).to eq(["oversip.conf ignored: it is no mapping of sections"])
    end

    it "both ways to switch the trace off, of which one counts" do
      build(yaml: "trace: {off: yes, enabled: yes}")
      expect(warnings).to eq(["oversip.conf unknown parameter trace[off] ignored"])
    end

    it "a section that finds no address to listen on" do
      allow(OverSIP::Config::Addresses).to receive(:default).and_return(nil)
      build({ sip: { enable_ipv6: false }, websocket: { sip_ws: true, listen_ipv6: "::1" } }, scope: :network)
      expect(warnings).to eq(["sip listens nowhere: no address of this machine faces a network; set sip[listen_ipv4]: 127.0.0.1 for " \
                              "clients on this machine"])
    end

    it "TLS without a certificate, which is switched off" do
      expect(build(yaml: "sip: {sip_tls: yes}")[:sip].values_at(:sip_tls, :listen_port_tls)).to eq([false, nil])
      expect(warnings.first).to match(/sip\[sip_tls\] is off/)
    end
  end

  describe "derives" do
    it "no port and no addresses without a transport" do
      sip = build({ sip: { sip_udp: false, sip_tcp: false } })[:sip]
      expect(sip.values_at(:listen_port, :enable_ipv4, :listen_ipv4, :enable_ipv6)).to all(be_nil)
    end

    it "nothing of a family that is off" do
      sip = build({ sip: { enable_ipv6: false, advertised_ipv6: "2001:db8::1", record_route_hostname_tls_ipv6: "a" } })[:sip]
      expect(sip.values_at(:enable_ipv6, :listen_ipv6, :advertised_ipv6, :record_route_hostname_tls_ipv6))
        .to eq([false, nil, nil, nil])
    end

    it "IPv6 off on a machine without IPv6" do
      allow(OverSIP::Config::Addresses).to receive(:default).and_call_original
      allow(OverSIP::Config::Addresses).to receive(:default).with(:ipv6, :loopback).and_return(nil)
      expect(build[:sip].values_at(:enable_ipv6, :listen_ipv6)).to eq([false, nil])
    end

    it "local domains in lower case" do
      expect(build({ sip: { local_domains: %w[Example.NET b] } })[:sip][:local_domains]).to eq(%w[example.net b])
    end

    it "takes domains whose labels begin with digits, and no numbers with dots that are no address" do
      domains = %w[019f9ae299f5 pbx.1a 12345 192.0.2.1]
      expect(build({ sip: { local_domains: domains } })[:sip][:local_domains]).to eq(domains)
      %w[1.2.3 300.1.1.1 1.2.3.4.5].each do |domain|
        expect { build({ sip: { local_domains: domain } }) }.to raise_error(OverSIP::ConfigurationError, /local_domains/), domain
      end
    end

    it "the address that faces the network for a server" do
      sip = build({}, scope: :network)[:sip]
      expect(sip[:listen_ipv4]).to be_nil.or match(/\A\d+\.\d+\.\d+\.\d+\z/)
      expect(sip[:enable_ipv4]).to be(!sip[:listen_ipv4].nil?)
    end
  end

  it "prints the configuration without the secret in it" do
    text = OverSIP::ConfigPrinter.new(color: false).text(build({ sip: { flow_token_key: "0123456789abcdef" }, hep: { password: "qwertz" } }))
    expect(text).to start_with("\n  core:\n    nameservers                     :  null\n")
    expect(text).to include("    sip_udp                         :  yes\n", "flow_token_key                  :  (set)\n")
    expect(text).to match(/password +:  \(set\)/)
    expect(text).not_to match(/0123456789abcdef|qwertz/)
  end
end
