# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/scripted_dns"

# A name with targets of every sort: the request goes down the list until one works, and remembers which did not.
RSpec.describe "A name with many targets", :native do
  let(:seen) { mailbox }
  let(:caller) { udp_peer }
  let(:silent) { udp_peer("127.0.0.3") }
  let(:busy) { udp_peer("127.0.0.4") }
  let(:leaving) { udp_peer("127.0.0.5") }
  let(:good) { udp_peer("127.0.0.6") }
  let(:refusing_tcp) { "tcp:127.0.0.2:#{dead_port}" }
  let(:closed_udp) { "udp:127.0.0.2:#{dead_port}" }
  let(:blacklist) { OverSIP.proxies[:default_proxy][:blacklist] }

  # TCP before UDP; by UDP in the order of priorities.
  def zone
    udp = [closed_udp, *[silent, busy, leaving, good].map { |peer| key(peer) }]
    servers = ->(list) { list.map.with_index { |target, at| { srv: [at, 0, target[/\d+\z/].to_i, "h#{target[/\d+(?=:\d+\z)/]}.example"] } } }
    { "bob.example" => [{ naptr: [1, 1, "s", "SIP+D2T", "tcp.example"] }, { naptr: [2, 1, "s", "SIP+D2U", "udp.example"] }],
      "tcp.example" => servers.call([refusing_tcp]), "udp.example" => servers.call(udp),
      **(2..6).to_h { |last| ["h#{last}.example", ["127.0.0.#{last}"]] } }
  end

  def key(peer)
    "udp:#{peer.address}"
  end

  def start(profile = {})
    dns = scripted_dns(zone, ttl: 3600)
    start_oversip(configuration: { core: { nameservers: [dns.address] } },
                  proxies: { default_proxy: { timer_B: 2, timer_F: 2, **profile } }) do |request|
      next if request.sip_method == :ACK

      record(OverSIP::SIP::Proxy.new, into: seen, only: %i[target failure_response error]).route(request, "bob.example")
    end
    OverSIP::Testing.freeze
  end

  def call
    sent = call_from(caller)
    yield if block_given?
    good.answer(good.receive, 200)
    expect(final_for(caller).status).to eq(200)
    sent
  end

  def let_silent_time_out
    silent.receive
    OverSIP::Testing.advance(2)
  end

  def refuse(peer, **headers)
    peer.answer(peer.receive, 503, "Service Unavailable", headers: headers.transform_keys { |name| name.to_s.tr("_", "-") })
    expect(peer.receive_until { |message| message.method_name == "ACK" }.header("CSeq")).to end_with("ACK")
  end

  def first_call
    call do
      let_silent_time_out
      refuse(busy)
      refuse(leaving, Retry_After: "120")
    end
  end

  def tried
    seen.all.map(&:last)
  end

  it "is tried in order at dead, refusing, silent and unwilling ones until one accepts the call" do
    start
    first_call
    expect(tried).to eq([refusing_tcp, closed_udp, *[silent, busy, leaving, good].map { |peer| key(peer) }])
    expect(blacklist.to_h).to eq(
      refusing_tcp => [500, "Connection Error", nil, :connection_error],
      closed_udp => [500, "Connection Error", nil, :connection_error],
      key(silent) => [408, "Client Timeout", nil, :client_timeout],
      key(leaving) => [503, "Service Unavailable", nil, :service_unavailable]
    )
  end

  it "is tried the next time only at targets without an entry: a plain 503 makes none" do
    start
    first_call
    seen.all
    messages_at(silent)
    call { refuse(busy) }
    expect(tried).to eq([key(busy), key(good)])
    expect([silent, leaving].flat_map { |peer| messages_at(peer) }).to be_empty
  end

  it "is tried again everywhere when the entries have expired, each at its time" do
    start({ blacklist_time: 10 })
    first_call
    seen.all
    messages_at(silent)
    OverSIP::Testing.advance(10)
    call do
      let_silent_time_out
      refuse(busy)
    end
    expect(tried).to eq([refusing_tcp, closed_udp, key(silent), key(busy), key(good)])
    OverSIP::Testing.advance(120)
    messages_at(silent)
    call do
      let_silent_time_out
      refuse(busy)
      refuse(leaving)
    end
    expect(tried).to eq([refusing_tcp, closed_udp, *[silent, busy, leaving, good].map { |peer| key(peer) }])
  end

  it "is tried everywhere each time when use_blacklist is off" do
    start({ use_blacklist: false })
    2.times { first_call && messages_at(silent) }
    expect(tried.size).to eq(12)
    expect(blacklist).not_to be_any
  end

  it "is given up at the first 503 when dns_failover_on_503 is off: 500 for the blocks and upstream" do
    start({ dns_failover_on_503: false })
    call_from(caller)
    let_silent_time_out
    busy.answer(busy.receive, 503, "Service Unavailable", headers: { "Retry-After" => "60" })
    expect(final_for(caller).first_line).to eq("SIP/2.0 500 Server Internal Error")
    expect(seen.all.last(2)).to eq([[:target, key(busy)], [:failure_response, 500]])
    expect(blacklist[key(busy)]).to eq([503, "Service Unavailable", nil, :service_unavailable])
  end

  it "is given up when a block aborts at a later target" do
    start
    second = closed_udp
    on_request do |request|
      proxy = record(OverSIP::SIP::Proxy.new, into: seen, only: %i[target error])
      proxy.on_target { |target| proxy.abort_routing if target.to_s == second }
      proxy.route(request, "bob.example")
    end
    call_from(caller, :MESSAGE)
    expect(caller.receive_final.first_line).to eq("SIP/2.0 403 Destination Aborted")
    expect(seen.all).to eq([[:target, refusing_tcp], [:target, second], [:error, 403, "Destination Aborted", :destination_aborted]])
    expect(blacklist.keys).to eq([refusing_tcp])
  end

  it "whose only target asks for time is 503 for the blocks and 500 upstream, then and while that time lasts" do
    dns = scripted_dns({ "one.example" => [leaving.ip] })
    start_oversip(configuration: { core: { nameservers: [dns.address] } }) do |request|
      record(OverSIP::SIP::Proxy.new, into: seen, only: %i[failure_response error]).route(request, "one.example", leaving.port)
    end
    OverSIP::Testing.freeze
    call_from(caller, :MESSAGE)
    leaving.answer(leaving.receive, 503, "Service Unavailable", headers: { "Retry-After" => "30" })
    expect(caller.receive_final.first_line).to eq("SIP/2.0 500 Server Internal Error")
    # The first one finds out whether the time is over early, the others hear what it found.
    3.times { call_from(caller, :MESSAGE) }
    probe = leaving.receive
    engine_caught_up
    dispatcher_caught_up
    expect(messages_at(leaving)).to be_empty
    leaving.answer(probe, 503, "Service Unavailable", headers: { "Retry-After" => "30" })
    3.times { expect(caller.receive_final.first_line).to eq("SIP/2.0 500 Server Internal Error") }
    expect(seen.all).to contain_exactly([:failure_response, 503], [:failure_response, 503],
                                        *[[:error, 503, "Service Unavailable", :service_unavailable]] * 2)
    OverSIP::Testing.advance(30)
    call_from(caller, :MESSAGE)
    leaving.answer(leaving.receive, 200)
    expect(caller.receive_final.status).to eq(200)
  end

  it "is gone down by a Uac too, and its last 503 stays one" do
    dns = scripted_dns({ "two.example" => [busy.ip, "127.0.0.9"] })
    last = udp_peer("127.0.0.9", port: busy.port)
    start_oversip(configuration: { core: { nameservers: [dns.address] } })
    uac = record(OverSIP::SIP::Uac.new, into: seen)
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@two.example:#{busy.port}" }))
    [busy, last].each { |peer| peer.answer(peer.receive, 503, "Service Unavailable") }
    expect(Array.new(3) { seen.pop }).to eq([[:target, key(busy)], [:target, key(last)], [:failure_response, 503]])
  end
end
