# frozen_string_literal: true

require_relative "../support/unbound"
require_relative "../support/zone_targets"

# Destinations that are names: NAPTR, SRV and addresses, asked of a real name server.
RSpec.describe "RFC 3263", :native do
  h = ZoneTargets::HOST

  # Port numbers show the record of a target; all ports are closed.
  zone = <<~ZONE.lines(chomp: true).reject(&:empty?)
    full.example. 60 IN NAPTR 50 50 "s" "SIPS+D2T" "" _sips._tcp.full.example.
    full.example. 60 IN NAPTR 90 50 "s" "SIP+D2T" "" _sip._tcp.full.example.
    full.example. 60 IN NAPTR 100 50 "s" "SIP+D2U" "" _sip._udp.full.example.
    _sips._tcp.full.example. 60 IN SRV 0 0 1 h1.full.example.
    _sip._tcp.full.example. 60 IN SRV 0 0 2 h2.full.example.
    _sip._udp.full.example. 60 IN SRV 0 0 3 h3.full.example.
    h1.full.example. 60 IN A #{h[1]}
    h2.full.example. 60 IN A #{h[2]}
    h3.full.example. 60 IN A #{h[3]}
    full.example. 60 IN A #{h[9]}

    order.example. 60 IN NAPTR 20 10 "s" "SIP+D2T" "" late.order.example.
    order.example. 60 IN NAPTR 10 20 "s" "SIP+D2T" "" second.order.example.
    order.example. 60 IN NAPTR 10 10 "s" "SIP+D2U" "" first.order.example.
    first.order.example. 60 IN SRV 0 0 1 h1.full.example.
    second.order.example. 60 IN SRV 0 0 2 h1.full.example.
    late.order.example. 60 IN SRV 0 0 3 h1.full.example.

    odd.example. 60 IN NAPTR 1 1 "u" "E2U+sip" "!^.*$!sip:x@y.example!" .
    odd.example. 60 IN NAPTR 2 1 "a" "SIP+D2U" "" h1.full.example.
    odd.example. 60 IN NAPTR 3 1 "s" "SIP+D2S" "" _sip._sctp.odd.example.
    odd.example. 60 IN NAPTR 4 1 "S" "sip+d2u" "" real.odd.example.
    real.odd.example. 60 IN SRV 0 0 4 h1.full.example.

    srv.example. 60 IN A #{h[9]}
    _sip._tcp.srv.example. 60 IN SRV 0 0 2 h2.full.example.
    _sip._udp.srv.example. 60 IN SRV 0 0 3 h3.full.example.

    dead.example. 60 IN NAPTR 1 1 "s" "SIP+D2U" "" gone.dead.example.
    dead.example. 60 IN NAPTR 2 1 "s" "SIP+D2T" "" nohost.dead.example.
    nohost.dead.example. 60 IN SRV 0 0 1 nowhere.dead.example.
    _sip._tcp.dead.example. 60 IN SRV 0 0 2 h2.full.example.

    lost.example. 60 IN NAPTR 1 1 "s" "SIP+D2U" "" gone.lost.example.
    lost.example. 60 IN A #{h[9]}

    plain.example. 60 IN A #{h[9]}
    alias.example. 60 IN CNAME plain.example.

    _sip._udp.order.srv.example. 60 IN SRV 65535 0 4 h1.full.example.
    _sip._udp.order.srv.example. 60 IN SRV 0 9 1 h1.full.example.
    _sip._udp.order.srv.example. 60 IN SRV 1000 0 3 h1.full.example.
    _sip._udp.order.srv.example. 60 IN SRV 99 65535 2 h1.full.example.

    _sip._udp.zero.srv.example. 60 IN SRV 5 0 1 h1.full.example.
    _sip._udp.zero.srv.example. 60 IN SRV 5 0 2 h1.full.example.
    _sip._udp.zero.srv.example. 60 IN SRV 5 0 3 h1.full.example.

    _sip._udp.mixed.srv.example. 60 IN SRV 5 0 1 h1.full.example.
    _sip._udp.mixed.srv.example. 60 IN SRV 5 7 2 h2.full.example.

    _sip._udp.partly.srv.example. 60 IN SRV 1 0 1 nowhere.example.
    _sip._udp.partly.srv.example. 60 IN SRV 2 0 2 h2.full.example.

    _sip._udp.dual.srv.example. 60 IN SRV 1 0 1 both.example.
    _sip._udp.dual.srv.example. 60 IN SRV 2 0 2 both.example.
    both.example. 60 IN A #{h[1]}
    both.example. 60 IN AAAA ::1

    unresolved.example. 60 IN A #{h[9]}
    _sip._udp.unresolved.example. 60 IN SRV 1 0 1 nowhere.example.

    noudp.example. 60 IN A #{h[9]}
    _sip._udp.noudp.example. 60 IN SRV 0 0 0 .

    closed.example. 60 IN A #{h[9]}
    _sip._udp.closed.example. 60 IN SRV 0 0 0 .
    _sip._tcp.closed.example. 60 IN SRV 0 0 0 .
    _sips._tcp.closed.example. 60 IN SRV 0 0 0 .
  ZONE

  before(:context) { @unbound = Unbound.new(zone) }
  after(:context) { @unbound&.close }

  before do
    start_oversip(configuration: { core: { nameservers: [@unbound.address] } })
    let_profiles_have_tls
  end

  no_tls = { has_sip_tls: false }
  udp_first = { transport_preference: %i[udp tcp tls] }

  # What is shown, Request-URI, changes to the profile, targets
  [
    ["NAPTR, SRV and addresses lead to every service that the domain offers", "sip:full.example", {},
     ["tls:#{h[1]}:1", "tcp:#{h[2]}:2", "udp:#{h[3]}:3"]],
    ["services are left out whose transport the server does not have", "sip:full.example", no_tls,
     ["tcp:#{h[2]}:2", "udp:#{h[3]}:3"]],
    ["services are left out whose transport the profile does not list", "sip:full.example", { transport_preference: [:udp] },
     ["udp:#{h[3]}:3"]],
    ["transport_preference does not change the order of NAPTR", "sip:full.example", udp_first,
     ["tls:#{h[1]}:1", "tcp:#{h[2]}:2", "udp:#{h[3]}:3"]],
    ["force_transport_preference does", "sip:full.example", { **udp_first, force_transport_preference: true },
     ["udp:#{h[3]}:3", "tcp:#{h[2]}:2", "tls:#{h[1]}:1"]],
    ["NAPTR goes by order, then by preference, both ascending", "sip:order.example", {},
     ["udp:#{h[1]}:1", "tcp:#{h[1]}:2", "tcp:#{h[1]}:3"]],
    ["NAPTR records of other applications, flags and services are passed over", "sip:odd.example", {}, ["udp:#{h[1]}:4"]],
    ["sips goes by SIPS+D2T alone", "sips:full.example", {}, ["tls:#{h[1]}:1"]],
    ["sips without any record goes to port 5061 by TLS", "sips:plain.example", {}, ["tls:#{h[9]}:5061"]],
    ["with use_naptr off SRV is asked by transport_preference", "sip:full.example", { use_naptr: false, **udp_first },
     ["udp:#{h[3]}:3", "tcp:#{h[2]}:2", "tls:#{h[1]}:1"]],
    ["with use_srv off the domain itself is the host", "sip:full.example", { use_srv: false }, ["udp:#{h[9]}:5060"]],
    ["without NAPTR, SRV is asked by transport_preference", "sip:srv.example", {}, ["tcp:#{h[2]}:2", "udp:#{h[3]}:3"]],
    ["NAPTR whose services are all dead leads to SRV", "sip:dead.example", {}, ["tcp:#{h[2]}:2"]],
    ["and without SRV to the domain's own address", "sip:lost.example", {}, ["udp:#{h[9]}:5060"]],
    ["without NAPTR and SRV the domain itself is the host, by UDP", "sip:plain.example", {}, ["udp:#{h[9]}:5060"]],
    ["or by TCP where the profile has no UDP", "sip:plain.example", { transport_preference: %i[tls tcp] }, ["tcp:#{h[9]}:5060"]],
    ["or by TLS where it has nothing else", "sip:plain.example", { transport_preference: [:tls] }, ["tls:#{h[9]}:5061"]],
    ["an alias is followed", "sip:alias.example", {}, ["udp:#{h[9]}:5060"]],
    ["an explicit port asks for addresses alone", "sip:full.example:7", {}, ["udp:#{h[9]}:7"]],
    ["an explicit port without UDP goes by TCP", "sip:full.example:7", { transport_preference: %i[tls tcp] }, ["tcp:#{h[9]}:7"]],
    ["an explicit port with sips goes by TLS", "sips:full.example:7", {}, ["tls:#{h[9]}:7"]],
    ["explicit port and transport ask for addresses alone", "sip:full.example:7;transport=tcp", {}, ["tcp:#{h[9]}:7"]],
    ["transport=udp asks for _sip._udp", "sip:full.example;transport=udp", {}, ["udp:#{h[3]}:3"]],
    ["transport=tcp asks for _sip._tcp", "sip:full.example;transport=tcp", {}, ["tcp:#{h[2]}:2"]],
    ["transport=tls asks for _sips._tcp", "sip:full.example;transport=tls", {}, ["tls:#{h[1]}:1"]],
    ["transport=tcp with sips asks for _sips._tcp", "sips:full.example;transport=tcp", {}, ["tls:#{h[1]}:1"]],
    ["transport=udp without SRV goes to port 5060", "sip:plain.example;transport=udp", {}, ["udp:#{h[9]}:5060"]],
    ["transport=tls without SRV goes to port 5061", "sip:plain.example;transport=tls", {}, ["tls:#{h[9]}:5061"]],
    ["transport=udp with use_srv off goes to the domain", "sip:full.example;transport=udp", { use_srv: false }, ["udp:#{h[9]}:5060"]],
    ["SRV goes by priority, any 16-bit value", "sip:order.srv.example;transport=udp", {},
     (1..4).map { |port| "udp:#{h[1]}:#{port}" }],
    ["an SRV host without address is passed over", "sip:partly.srv.example;transport=udp", {}, ["udp:#{h[2]}:2"]],
    ["SRV whose hosts have no address is no way back to the domain", "sip:unresolved.example;transport=udp", {}, [:no_dns_resolution]],
    ["an SRV record with the target \".\" rules its transport out", "sip:noudp.example;transport=udp", {}, [:no_dns_resolution]],
    ["and leaves the others", "sip:noudp.example", {}, ["tcp:#{h[9]}:5060"]],
    ["a domain that is closed by all transports has no target", "sip:closed.example", {}, [:no_dns_resolution]],
    ["a domain that does not exist has no target", "sip:nowhere.example", {}, [:no_dns_resolution]],
    ["a domain without any usable transport is refused", "sip:full.example", { transport_preference: [] }, [:unsupported_transport]]
  ].each do |shown, uri, profile, targets|
    it "#{shown}: #{uri}#{" with #{profile}" unless profile.empty?}" do
      expect(targets_of(uri, profile)).to eq(targets)
    end
  end

  it "SRV records of one priority without any weight give a flat list in any order" do
    expect(targets_of("sip:zero.srv.example;transport=udp")).to match_array((1..3).map { |port| "udp:#{h[1]}:#{port}" })
  end

  it "an SRV record without weight beside one with weight gives a flat list of both" do
    expect(targets_of("sip:mixed.srv.example;transport=udp")).to contain_exactly("udp:#{h[1]}:1", "udp:#{h[2]}:2")
  end

  describe "with both families of addresses" do
    before do
      skip "no ::1 here" unless Socket.ip_address_list.any?(&:ipv6_loopback?)
      OverSIP.stop(timeout: 0)
      start_oversip(configuration: { core: { nameservers: [@unbound.address] },
                                     sip: { enable_ipv6: true, listen_ipv6: "::1" } })
    end

    { %i[ipv4 ipv6] => ["udp:#{h[1]}:1", "udp:[::1]:1", "udp:#{h[1]}:2", "udp:[::1]:2"],
      %i[ipv6 ipv4] => ["udp:[::1]:1", "udp:#{h[1]}:1", "udp:[::1]:2", "udp:#{h[1]}:2"],
      %i[ipv4] => ["udp:#{h[1]}:1", "udp:#{h[1]}:2"], %i[ipv6] => ["udp:[::1]:1", "udp:[::1]:2"] }.each do |preference, targets|
      it "each server is tried at its addresses in the order of ip_type_preference: #{preference.join(", ")}" do
        expect(targets_of("sip:dual.srv.example;transport=udp", { ip_type_preference: preference })).to eq(targets)
      end
    end
  end
end
