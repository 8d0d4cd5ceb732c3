# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/scripted_dns"

# What a profile remembers of DNS, and for how long.
RSpec.describe "The DNS cache of a profile", :native do
  let(:seen) { mailbox }
  let(:callee) { udp_peer("127.0.0.3") }
  let(:cache) { OverSIP.proxies[:default_proxy][:dns_cache] }

  # OverSIP, its clock standing, asking this name server.
  def start(dns, profiles = { default_proxy: {} })
    start_oversip(configuration: { core: { nameservers: [dns.address] } }, proxies: profiles)
    OverSIP::Testing.freeze
  end

  # Sends an OPTIONS to a name and waits for the result.
  #
  # @return [Array] the event
  def reach(host = "bob.example", profile: :default_proxy)
    reach_uri("sip:bob@#{host}:#{callee.port}", profile: profile)
  end

  def reach_uri(uri, profile: :default_proxy)
    uac = record(OverSIP::SIP::Uac.new(profile), into: seen, only: %i[success_response error])
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: uri }))
    outcome = eventually do
      callee.receive?(0)&.then { |request| callee.answer(request, 200) }
      seen.all.first
    end
    outcome.first(2)
  end

  describe "with a name that has an address" do
    let(:dns) { scripted_dns({ "bob.example" => ["127.0.0.3"] }, ttl: 60) }

    it "keeps the second request from asking" do
      start(dns)
      2.times { expect(reach).to eq([:success_response, 200]) }
      expect(questions(dns, "bob.example")).to eq(["bob.example A"])
    end

    it "lets a hit run on_target inside route" do
      start(dns)
      reach
      order = mailbox
      OverSIP.schedule do
        uac = OverSIP::SIP::Uac.new
        uac.on_target { order << :target }
        uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@bob.example:#{callee.port}" }))
        order << :returned
      end
      expect([order.pop, order.pop]).to eq(%i[target returned])
    end

    it "does not tell upper from lower case" do
      start(dns)
      reach
      expect(reach("BOB.Example")).to eq([:success_response, 200])
      expect(dns.asked.size).to eq(1)
    end

    it "asks again when the time to live of the record is over" do
      start(dns)
      reach
      OverSIP::Testing.advance(59)
      reach
      expect(dns.asked.size).to eq(1)
      OverSIP::Testing.advance(1)
      reach
      expect(dns.asked.size).to eq(2)
    end

    it "keeps it for dns_cache_time when the time to live does not count" do
      start(dns, { default_proxy: { dns_cache_respect_ttl: false, dns_cache_time: 300 } })
      reach
      OverSIP::Testing.advance(299)
      reach
      expect(dns.asked.size).to eq(1)
      OverSIP::Testing.advance(1)
      reach
      expect(dns.asked.size).to eq(2)
    end

    it "keeps it for no longer than dns_cache_time" do
      long = scripted_dns({ "bob.example" => ["127.0.0.3"] }, ttl: 86_400)
      start(long, { default_proxy: { dns_cache_time: 300 } })
      reach
      OverSIP::Testing.advance(300)
      reach
      expect(long.asked.size).to eq(2)
    end

    it "is not used when the profile says so" do
      start(dns, { default_proxy: { use_dns_cache: false } })
      2.times { reach }
      expect(dns.asked.size).to eq(2)
      expect(cache.size).to eq(0)
    end

    it "is not shared between profiles" do
      start(dns, { default_proxy: {}, other: {} })
      reach
      reach(profile: :other)
      expect(dns.asked.size).to eq(2)
    end

    it "tells destinations with different ports apart" do
      start(dns)
      reach
      uac = record(OverSIP::SIP::Uac.new, into: seen, only: [:error])
      uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@bob.example:#{dead_port}" }))
      expect(seen.pop).to include(:connection_error)
      expect(dns.asked.size).to eq(2)
    end

    it "is seen and cleared by scripts as a Hash" do
      start(dns)
      reach
      key = "sip|bob.example|#{callee.port}|"
      value = ["udp:127.0.0.3:#{callee.port}"]
      expect(cache).to be_any
      expect([cache.size, cache.keys, cache[key], cache["other"]]).to eq([1, [key], value, nil])
      expect(cache.each.to_a).to eq([[key, value]])
      expect(cache.delete(key)).to eq(value)
      expect(cache).not_to be_any
      reach
      expect(dns.asked.size).to eq(2)
      cache.clear
      reach
      expect(dns.asked.size).to eq(3)
    end
  end

  describe "with a name that DNS denies" do
    let(:dns) { scripted_dns({ "empty.example" => [] }, negative_ttl: 30) }

    it "remembers the denial for as long as the zone says" do
      start(dns)
      2.times { expect(reach).to eq([:error, 404]) }
      expect(dns.asked.size).to eq(1)
      OverSIP::Testing.advance(30)
      expect(reach).to eq([:error, 404])
      expect(dns.asked.size).to eq(2)
    end

    it "remembers a name without an address too" do
      start(dns)
      2.times { expect(reach("empty.example")).to eq([:error, 404]) }
      expect(dns.asked.size).to eq(1)
    end

    it "shows it as the code of the error" do
      start(dns)
      reach
      expect(cache.each.map(&:last)).to eq([:no_dns_resolution])
    end

    it "remembers it for no longer than dns_cache_time" do
      long = scripted_dns({}, negative_ttl: 86_400)
      start(long, { default_proxy: { dns_cache_time: 300 } })
      reach
      OverSIP::Testing.advance(300)
      reach
      expect(long.asked.size).to eq(2)
    end
  end

  it "does not remember that the name server failed" do
    dns = scripted_dns({}, failing: ["bob.example"])
    start(dns)
    2.times { expect(reach).to eq([:error, 404]) }
    expect(dns.asked.size).to eq(2)
    expect(cache).not_to be_any
  end

  it "lets routes that ask the same at the same time share one question" do
    dns = scripted_dns({ "bob.example" => ["127.0.0.3"] }, silent: true)
    start(dns)
    20.times do
      uac = record(OverSIP::SIP::Uac.new, into: seen, only: [:success_response])
      uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@bob.example:#{callee.port}" }))
    end
    eventually { dns.asked.any? }
    engine_caught_up
    dns.speak
    20.times { callee.answer(callee.receive, 200) }
    20.times { expect(seen.pop).to eq([:success_response, 200]) }
    expect(dns.asked).to eq(["bob.example A"])
  end

  it "asks for one family alone where only one may be used, for both where both may" do
    skip "no ::1 here" unless Socket.ip_address_list.any?(&:ipv6_loopback?)

    dns = scripted_dns({ "bob.example" => ["127.0.0.3"] })
    start_oversip(configuration: { core: { nameservers: [dns.address] }, sip: { enable_ipv6: true, listen_ipv6: "::1" } },
                  proxies: { default_proxy: {}, ipv4: { ip_type_preference: ["ipv4"] } })
    reach
    expect(dns.asked).to contain_exactly("bob.example A", "bob.example AAAA")
    reach(profile: :ipv4)
    expect(dns.asked.last(1)).to eq(["bob.example A"])
  end

  describe "with a name that has several servers" do
    let(:dns) do
      scripted_dns({ "_sip._udp.bob.example" => [{ srv: [0, 30, 1001, "h.example"] }, { srv: [0, 60, 1002, "h.example"] },
                                                 { srv: [0, 10, 1003, "h.example"] }, { srv: [1, 0, 1004, "h.example"] }],
                     "h.example" => ["127.0.0.3"] })
    end

    # The target that a request is shown first; it is not sent.
    def first_target
      uac = OverSIP::SIP::Uac.new
      uac.on_target do |target|
        seen << target.port
        uac.abort_routing
      end
      uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob.example;transport=udp" }))
      seen.pop
    end

    it "draws the order of servers by weight at each use" do
      start(dns)
      OverSIP::Testing.seed(2026)
      counts = Array.new(1000) { first_target }.tally
      shares = { 1001 => 0.3, 1002 => 0.6, 1003 => 0.1 }
      expect(counts.keys).to match_array(shares.keys)
      shares.each { |port, share| expect(counts[port]).to be_within(3 * Math.sqrt(1000 * share * (1 - share))).of(1000 * share) }
      expect(dns.asked).to eq(["_sip._udp.bob.example SRV", "h.example A"])
    end

    it "is not changed by targets that failed" do
      start(dns)
      key = "sip|bob.example||udp"
      first_target
      stored = cache[key]
      expect(stored).to eq((1001..1004).map { |port| "udp:127.0.0.3:#{port}" })
      uac = record(OverSIP::SIP::Uac.new, into: seen, only: %i[target error])
      uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob.example;transport=udp" }))
      tried = Array.new(4) { seen.pop.last }
      expect(tried).to match_array(stored)
      expect(tried.last).to eq(stored.last)
      expect(cache[key]).to eq(stored)
    end

    it "forgets a seed at a new start of OverSIP" do
      orders = Array.new(2) do
        start(dns)
        OverSIP::Testing.seed(5)
        order = Array.new(10) { first_target }
        OverSIP.stop(timeout: 0)
        order
      end
      expect(orders.uniq.size).to eq(1)
    end
  end

  it "remembers a whole chain of records for the shortest of their times" do
    dns = scripted_dns({ "bob.example" => [{ naptr: [1, 1, "s", "SIP+D2U", "_sip._udp.bob.example"] }],
                         "_sip._udp.bob.example" => [{ srv: [0, 0, callee.port, "h.example"] }],
                         "h.example" => ["127.0.0.3"] }, ttl: { "h.example" => 40 })
    start(dns)
    uri = "sip:bob@bob.example"
    reach_uri(uri)
    OverSIP::Testing.advance(39)
    reach_uri(uri)
    expect(dns.asked.size).to eq(3)
    OverSIP::Testing.advance(1)
    reach_uri(uri)
    expect(dns.asked.size).to eq(6)
  end

  describe "with records whose time to live is zero" do
    it "gives them to one request only" do
      dns = scripted_dns({ "bob.example" => ["127.0.0.3"] }, ttl: 0)
      start(dns)
      2.times { expect(reach).to eq([:success_response, 200]) }
      expect(questions(dns, "bob.example")).to eq(["bob.example A"] * 2)
      expect(cache).not_to be_any
    end

    it "gives them to all requests that wait for the same look-up" do
      dns = scripted_dns({ "bob.example" => ["127.0.0.3"] }, ttl: 0, silent: true)
      start(dns)
      3.times do
        uac = record(OverSIP::SIP::Uac.new, into: seen, only: [:success_response])
        uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@bob.example:#{callee.port}" }))
      end
      eventually { questions(dns, "bob.example").any? }
      dns.speak
      3.times { callee.answer(callee.receive, 200) }
      expect(Array.new(3) { seen.pop.first(2) }).to eq([[:success_response, 200]] * 3)
      expect(questions(dns, "bob.example").size).to eq(1)
    end

    it "counts the shortest time of a chain" do
      dns = scripted_dns({ "bob.example" => [{ cname: "h.example" }], "h.example" => ["127.0.0.3"] }, ttl: { "bob.example" => 0 })
      start(dns)
      2.times { expect(reach).to eq([:success_response, 200]) }
      expect(questions(dns, "bob.example").size).to eq(2)
    end

    it "remembers them for dns_cache_time when the time to live does not count" do
      dns = scripted_dns({ "bob.example" => ["127.0.0.3"] }, ttl: 0)
      start(dns, { default_proxy: { dns_cache_respect_ttl: false } })
      2.times { expect(reach).to eq([:success_response, 200]) }
      expect(questions(dns, "bob.example").size).to eq(1)
    end
  end

  it "remembers for a name without any record that each step was denied" do
    dns = scripted_dns({}, negative_ttl: 30)
    start(dns)
    2.times { expect(reach_uri("sip:bob@bob.example")).to eq([:error, 404]) }
    expect(dns.asked).to contain_exactly("bob.example NAPTR", "_sip._tcp.bob.example SRV", "_sip._udp.bob.example SRV",
                                         "bob.example A")
    OverSIP::Testing.advance(30)
    reach_uri("sip:bob@bob.example")
    expect(dns.asked.size).to eq(8)
  end

  it "does not remember a resolution during which one question failed" do
    dns = scripted_dns({ "bob.example" => ["127.0.0.3"] }, failing: ["_sip._udp.bob.example"])
    start(dns, { default_proxy: { use_naptr: false, transport_preference: ["udp"] } })
    2.times do
      uac = record(OverSIP::SIP::Uac.new, into: seen, only: [:target])
      uac.on_target { uac.abort_routing }
      uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob.example" }))
      expect(seen.pop).to eq([:target, "udp:127.0.0.3:5060"])
    end
    expect(cache).not_to be_any
    expect(dns.asked.size).to eq(4)
  end
end
