# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/scripted_dns"

# Name servers that misbehave, and unusual forms of answers.
RSpec.describe "Name servers", :native do
  let(:seen) { mailbox }
  let(:callee) { udp_peer("127.0.0.3") }

  def start(*addresses, profile: {})
    start_oversip(configuration: { core: { nameservers: addresses } }, proxies: { default_proxy: profile })
  end

  # Sends an OPTIONS that the callee answers, if it gets there.
  #
  # @return [Array] the event that ends it
  def reach(host = "bob.example:#{callee.port}")
    uac = record(OverSIP::SIP::Uac.new, into: seen, only: %i[success_response error])
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@#{host}" }))
    eventually do
      callee.receive?(0)&.then { |request| callee.answer(request, 200) }
      seen.all.first
    end
  end

  let(:reached) { [:success_response, 200] }
  let(:not_found) { [:error, 404, "No DNS Resolution", :no_dns_resolution] }
  let(:records) { { "bob.example" => ["127.0.0.3"] } }

  # A second is what a silent one costs; the port that is closed must not cost that for each question.
  it "whose port is closed are passed over at once" do
    good = scripted_dns({ "bob.example" => [{ naptr: [1, 1, "s", "SIP+D2U", "_sip._udp.bob.example"] }],
                          "_sip._udp.bob.example" => [{ srv: [0, 0, callee.port, "h.example"] }],
                          "h.example" => ["127.0.0.3"] })
    start(*Array.new(20) { "127.0.0.1:#{dead_port}" }, good.address)
    expect(reach("bob.example")).to eq(reached)
    expect(good.asked).to eq(["bob.example NAPTR", "_sip._udp.bob.example SRV", "h.example A"])
  end

  it "whose port is closed and that are the only ones end the request at once" do
    start("127.0.0.1:#{dead_port}")
    expect(reach).to eq(not_found)
  end

  it "that answer SERVFAIL are passed over" do
    failing = scripted_dns({}, failing: ["bob.example"])
    good = scripted_dns(records)
    start(failing.address, good.address)
    expect(reach).to eq(reached)
    expect([failing, good].map(&:asked)).to all(eq(["bob.example A"]))
  end

  it "that all answer SERVFAIL end the request" do
    failing = Array.new(2) { scripted_dns({}, failing: ["bob.example"]) }
    start(*failing.map(&:address))
    expect(reach).to eq(not_found)
    expect(failing.map(&:asked)).to all(eq(["bob.example A"]))
  end

  it "that are silent are not waited for, and later asked last" do
    silent = scripted_dns({}, silent: true)
    good = scripted_dns({ **records, "carol.example" => ["127.0.0.3"] })
    start(silent.address, good.address)
    expect(reach).to eq(reached)
    expect(reach("carol.example:#{callee.port}")).to eq(reached)
    expect(silent.asked).to eq(["bob.example A"])
    expect(good.asked).to eq(["bob.example A", "carol.example A"])
  end

  it "that are all silent end the request after 10 seconds" do
    silent = Array.new(2) { scripted_dns({}, silent: true) }
    start(*silent.map(&:address))
    OverSIP::Testing.freeze
    uac = record(OverSIP::SIP::Uac.new, into: seen, only: %i[error])
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@bob.example:5060" }))
    eventually { silent.first.asked.any? }
    expect(silent.last.asked).to be_empty
    # The next one is asked beside it.
    OverSIP::Testing.advance(1)
    eventually { silent.last.asked.any? }
    OverSIP::Testing.advance(8.999)
    dispatcher_caught_up
    expect(seen).to be_empty
    OverSIP::Testing.advance(0.001)
    dispatcher_caught_up
    expect(seen.all).to eq([not_found])
  end

  it "whose first answer is lost are asked again" do
    dns = scripted_dns(records, losing: 1)
    start(dns.address)
    expect(reach).to eq(reached)
    expect(dns.asked).to eq(["bob.example A"])
  end

  it "with the second server's denial are believed as well as with the first's" do
    denying = scripted_dns({})
    start("127.0.0.1:#{dead_port}", denying.address)
    2.times { expect(reach).to eq(not_found) }
    expect(denying.asked).to eq(["bob.example A"])
  end

  it "whose answer is truncated are asked by TCP" do
    dns = scripted_dns(records, truncating: true)
    start(dns.address)
    expect(reach).to eq(reached)
    expect(dns.asked_by_tcp).to eq(["bob.example A"])
  end

  it "that truncate services and servers are asked by TCP for them too" do
    dns = scripted_dns({ "bob.example" => [{ naptr: [1, 1, "s", "SIP+D2U", "_sip._udp.bob.example"] }],
                         "_sip._udp.bob.example" => [{ srv: [0, 0, callee.port, "h.example"] }],
                         "h.example" => ["127.0.0.3"] }, truncating: true)
    start(dns.address)
    expect(reach("bob.example")).to eq(reached)
    expect(dns.asked_by_tcp).to eq(["bob.example NAPTR", "_sip._udp.bob.example SRV", "h.example A"])
  end

  it "that name a chain of aliases are asked for each" do
    dns = scripted_dns({ "bob.example" => [{ cname: "b.example" }], "b.example" => [{ cname: "c.example" }],
                         "c.example" => ["127.0.0.3"] })
    start(dns.address)
    expect(reach).to eq(reached)
    expect(dns.asked).to eq(["bob.example A", "b.example A", "c.example A"])
  end

  it "that name an alias of a service are asked for it" do
    dns = scripted_dns({ "_sip._udp.bob.example" => [{ cname: "service.example" }],
                         "service.example" => [{ srv: [0, 0, callee.port, "h.example"] }], "h.example" => ["127.0.0.3"] })
    start(dns.address, profile: { use_naptr: false, transport_preference: ["udp"] })
    expect(reach("bob.example")).to eq(reached)
    expect(dns.asked).to eq(["_sip._udp.bob.example SRV", "service.example SRV", "h.example A"])
  end

  it "that name aliases in a circle end the request" do
    dns = scripted_dns({ "bob.example" => [{ cname: "b.example" }], "b.example" => [{ cname: "bob.example" }] })
    start(dns.address)
    expect(reach).to eq(not_found)
  end

  it "may have an IPv6 address with a port" do
    skip "no ::1 here" unless Socket.ip_address_list.any?(&:ipv6_loopback?)

    dns = scripted_dns(records, ip: "::1")
    start(dns.address)
    expect(reach).to eq(reached)
  end

  it "are asked for all services at once, and for all servers at once" do
    dns = scripted_dns({ "bob.example" => [{ naptr: [1, 1, "s", "SIP+D2T", "tcp.example"] },
                                           { naptr: [2, 1, "s", "SIP+D2U", "udp.example"] }],
                         "udp.example" => [{ srv: [0, 0, callee.port, "h1.example"] }, { srv: [1, 0, 1, "h2.example"] }],
                         "h1.example" => ["127.0.0.3"], "h2.example" => ["127.0.0.4"] }, silent: true)
    start(dns.address)
    uac = record(OverSIP::SIP::Uac.new, into: seen, only: [:success_response])
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@bob.example" }))
    eventually { dns.asked == ["bob.example NAPTR"] }
    dns.speak(only_held: true)
    eventually { dns.asked.last(2).sort == ["tcp.example SRV", "udp.example SRV"] }
    dns.speak(only_held: true)
    eventually { dns.asked.last(2).sort == ["h1.example A", "h2.example A"] }
    dns.speak
    callee.answer(callee.receive, 200)
    expect(seen.pop).to eq(reached)
  end
end
