# frozen_string_literal: true

RSpec.describe OverSIP::ProxiesConfig do
  let(:configuration) { OverSIP::Config.build(given: { sip: { listen_ipv6: "::1" } }) }

  def build(given = {}, yaml: nil)
    options = yaml ? { file: YAML.safe_load(yaml, permitted_classes: [Symbol]), path: "/x/proxies.conf" } : {}
    result = nil
    @log = capture_log(level: :warn) { result = described_class.build(given: given, configuration: configuration, **options) }
    result
  end

  def message(...)
    build(...)
    nil
  rescue OverSIP::ConfigurationError => e
    e.message
  end

  it "has one profile with the documented defaults without a file" do
    proxies = build
    expect(proxies.keys).to eq([:default_proxy])
    expect(proxies[:default_proxy]).to include(
      do_record_routing: true, record_route_all: false, path_always: false,
      use_dns: true, use_dns_cache: true, dns_cache_time: 300,
      use_blacklist: true, blacklist_time: 10, use_naptr: true, use_srv: true, force_transport_preference: false,
      dns_failover_on_503: true, timer_B: 32, timer_C: 120, timer_C_restart: false, timer_F: 32,
      callback_on_server_tls_handshake: true
    )
  end

  it "adds the name, what the server has, and an empty blacklist and DNS cache" do
    profile = build[:default_proxy]
    expect(profile).to include(name: "default_proxy", has_sip_ipv4: true, has_sip_ipv6: true, has_sip_udp: true,
                               has_sip_tcp: true, has_sip_tls: false)
    expect(profile[:blacklist]).to be_a(OverSIP::SIP::Blacklist)
    expect(profile[:dns_cache]).to be_a(OverSIP::SIP::DnsCache)
  end

  it "does not share a blacklist between profiles" do
    proxies = build({ a: {}, b: {} })
    expect(proxies[:a][:blacklist]).not_to equal(proxies[:b][:blacklist])
  end

  it "drops transports and families that the server has not, and repetitions" do
    expect(build({ a: { transport_preference: %w[udp tls udp tcp] } })[:a][:transport_preference]).to eq(%i[udp tcp])
    configuration[:sip][:listen_ipv6] = nil
    expect(build({ a: { ip_type_preference: :ipv6 } })[:a][:ip_type_preference]).to eq([])
  end

  it "forces what follows from other parameters" do
    profile = build({ a: { use_srv: false, do_record_routing: false, record_route_all: true, path_always: true } })[:a]
    expect(profile.values_at(:use_naptr, :record_route_all, :path_always)).to eq([false, false, false])
  end

  it "takes credentials, one or a list, from the file and from scripts" do
    list = build(yaml: "a:\n  credentials:\n    - {username: u, password: p}\n    - {username: u, password: '', realm: r}")[:a][:credentials]
    expect(list).to eq([{ "username" => "u", "password" => "p" }, { "username" => "u", "password" => "", "realm" => "r" }])
    expect(build({ a: { credentials: { username: "u", password: "p" } } })[:a][:credentials]).to eq([{ username: "u", password: "p" }])
  end

  [{ username: "u" }, { password: "p" }, { username: "u", password: 7 }, { username: "", password: "p" },
   { username: "u\r\n", password: "p" }, { username: "u", password: "p", domain: "x" }, "u:p"].each do |bad|
    it "refuses #{bad.inspect} as credentials and does not print a password" do
      said = message({ a: { credentials: bad } })
      expect(said).to match(/a\[credentials\] has invalid value .*'credentials' validation/)
      expect(said).not_to include("password") if bad.is_a?(Hash)
    end
  end

  it "bounds udp_mtu" do
    expect(build[:default_proxy][:udp_mtu]).to eq(1300)
    expect(build({ a: { udp_mtu: 0 } })[:a][:udp_mtu]).to eq(0)
    expect([message({ a: { udp_mtu: -1 } }), message({ a: { udp_mtu: 199 } }), message({ a: { udp_mtu: 65_536 } })]).to all match(/udp_mtu/)
  end

  it "accepts callback, yes and no for the check of TLS servers" do
    expect(build[:default_proxy][:verify_server]).to eq("callback")
    profiles = build(yaml: "a: {verify_server: yes}\nb: {verify_server: no}\nc: {verify_server: callback}")
    expect(profiles.values.map { |profile| profile[:verify_server] }).to eq([true, false, "callback"])
    expect(message({ a: { verify_server: "always" } })).to match(/a\[verify_server\] has invalid value 'always'/)
  end

  it "warns of verify_server without authorities: every server would be refused" do
    configuration[:sip][:sip_tls] = true
    build({ a: { verify_server: true } })
    expect(@log.map(&:body)).to eq(["a[verify_server] is on without tls[ca_dir]: no TLS server will be accepted"])
    configuration[:tls] = { ca_dir: "/etc/ssl/certs" }
    build({ a: { verify_server: true } })
    expect(@log).to be_empty
  end

  it "prefers arguments of a script to the file" do
    proxies = build({ "default_proxy" => { "timer_B" => 4 } }, yaml: "default_proxy: {timer_B: 8, timer_F: 9}\nother: {}")
    expect(proxies[:default_proxy].values_at(:timer_B, :timer_F)).to eq([4, 9])
    expect(proxies.keys).to eq(%i[default_proxy other])
  end

  it "does not add the default profile to a file that has none" do
    expect(build(yaml: "mine: {}").keys).to eq([:mine])
  end

  it "takes a profile without a body as all defaults" do
    expect(build(yaml: "mine:\n")[:mine][:timer_C]).to eq(120)
  end

  it "takes its own result back without complaint" do
    proxies = build
    expect(build(proxies)[:default_proxy].keys).to eq(proxies[:default_proxy].keys)
    expect(@log).to be_empty
  end

  it "warns of unknown parameters" do
    build({ a: { timer_b: 5 } })
    expect(@log.map(&:body)).to eq(["unknown parameter a[timer_b] ignored: did you mean 'timer_B'?"])
  end

  describe "an error names profile, parameter, value and rule:" do
    {
      { timer_B: 1 } => "p[timer_B] has invalid value '1' (does not satisfy 'greater_equal_than' validation requirement): 1 is below the bound: 2 to 64 seconds",
      { timer_B: 65 } => "p[timer_B] has invalid value '65' (does not satisfy 'minor_equal_than' validation requirement): 65 is above the bound: 2 to 64 seconds",
      { timer_C: 7 } => "p[timer_C] has invalid value '7' (does not satisfy 'greater_equal_than' validation requirement): 7 is below the bound: 8 to 180 seconds",
      { timer_F: "8" } => "p[timer_F] has invalid value '8' (does not satisfy 'fixnum' validation requirement): a String is given: write 8 without quotes",
      { dns_cache_time: 299 } =>
        "p[dns_cache_time] has invalid value '299' (does not satisfy 'greater_equal_than' validation requirement): 299 is below the bound: 300 to 1000000000 seconds",
      { dns_cache_time: 10**10 } =>
        "p[dns_cache_time] has invalid value '10000000000' (does not satisfy 'minor_equal_than' validation requirement): 10000000000 is above the bound: 300 to 1000000000 seconds",
      { blacklist_time: 601 } =>
        "p[blacklist_time] has invalid value '601' (does not satisfy 'minor_equal_than' validation requirement): 601 is above the bound: 2 to 600 seconds",
      { use_dns: "no" } => "p[use_dns] has invalid value 'no' (does not satisfy 'boolean' validation requirement): a String is given: write false without quotes",
      { transport_preference: %w[udp ws] } =>
        "p[transport_preference] has invalid value 'ws' (does not satisfy 'choices' validation requirement): one of tls, tcp, udp",
      { transport_preference: [] } => "p[transport_preference] does not allow empty values",
      { use_srv: [true] } => "p[use_srv] does not allow multiple values"
    }.each do |values, expected|
      it(values.inspect) { expect(message({ p: values })).to eq(expected) }
    end

    {
      "p: {timer_B: '8'}" => "the quotes make a text of 8: write 8 without them",
      "p: {use_dns: 'no'}" => "the quotes make a text of no: write no without them",
      "p: {verify_server: 'yes'}" => "the quotes make a text of yes: write yes without them",
      "p: {udp_mtu: 100}" => "100 is below the bound: 200 to 65535 bytes, or 0 for never",
      "p: {credentials: {username: u, password: 7}}" =>
        "a mapping of texts as docs/configuration.md has it, in quotes where they look like numbers"
    }.each do |yaml, explanation|
      it("#{yaml}, and why") { expect(message(yaml: yaml)).to end_with("validation requirement): #{explanation}") }
    end

    it "names a parameter of OverSIP.start that stands where profiles do" do
      expect(message({ timer_B: 5 })).to eq("proxies: timer_B must be a Hash, not 5: it is a parameter and stands in a profile")
      expect(message({ default_proxy: 5 })).to eq("proxies: default_proxy must be a Hash, not 5")
    end

    it "names the file" do
      expect(message(yaml: "p: {timer_B: 1}"))
        .to eq("error in Proxies Configuration file '/x/proxies.conf': p[timer_B] has invalid value '1' " \
               "(does not satisfy 'greater_equal_than' validation requirement): 1 is below the bound: 2 to 64 seconds")
      expect(message(yaml: "- a")).to end_with("invalid proxies configuration file, it is not a collection")
      expect(message(yaml: "1: {}")).to end_with("proxy name is not a string (1)")
      expect(message(yaml: "default_proxy: 5")).to end_with("'/x/proxies.conf': proxy 'default_proxy' must be a mapping of parameters, not 5")
      expect(message(yaml: "timer_B: 5")).to end_with("not 5: it is a parameter and stands in a profile")
    end
  end
end
