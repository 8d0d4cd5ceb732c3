# frozen_string_literal: true

require "set"
require_relative "../support/callbacks"
require_relative "../support/scripted_dns"
require_relative "../support/tls_peer"

# A thousand calls to a name half of whose targets are broken, each in its own way. The clock stands but for what the drill
# moves it: a twentieth of a second between calls, Timer B when a call waits for the silent target, and connect_timeout when it
# waits for the one that drops all packets.
RSpec.describe "A thousand calls to a name with broken targets", :native do
  calls = 1000
  timer_b = 2
  connect_timeout = 1
  blacklist_time = 10
  retry_after = 25
  weights = { "127.0.0.11" => 10, "127.0.0.12" => 20, "127.0.0.13" => 30, "127.0.0.14" => 40, "127.0.0.15" => 50 }

  let(:caller) { udp_peer }
  let(:bad_tls) { tls_server(Certificates.self_signed, "127.0.0.2") }
  let(:refusing) { "tcp:127.0.0.3:#{dead_port}" }
  let(:dropping) { "tcp:127.0.0.8:#{dropping_port("127.0.0.8")}" }
  let(:closed) { "udp:127.0.0.4:#{dead_port}" }
  let(:silent) { udp_peer("127.0.0.5") }
  let(:busy) { udp_peer("127.0.0.6") }
  let(:leaving) { udp_peer("127.0.0.7") }
  let(:good) { weights.keys.map { |ip| udp_peer(ip) } }

  # Readable when a call has come to the target that drops all packets.
  let(:stalled) { IO.pipe.tap { |ends| opened.concat(ends) } }
  let(:served) { Set.new }
  let(:taken) { Hash.new(0) }

  def key(peer)
    "udp:#{peer.address}"
  end

  # TLS before TCP before UDP; all by UDP in one group of priority.
  def zone(weights)
    service = lambda do |targets|
      targets.map { |target, weight| { srv: [0, weight, target[/\d+\z/].to_i, "h#{target[/\d+(?=:\d+\z)/]}.example"] } }
    end
    by_udp = { closed => 20, **[silent, busy, leaving].to_h { |peer| [key(peer), 20] }, **good.to_h { |peer| [key(peer), weights[peer.ip]] } }
    { "bob.example" => %w[SIPS+D2T SIP+D2T SIP+D2U].map.with_index { |name, at| { naptr: [at, 0, "s", name, "#{at}.example"] } },
      "0.example" => service.call({ "tls:127.0.0.2:#{bad_tls.port}" => 0 }), "1.example" => service.call({ refusing => 0, dropping => 0 }),
      "2.example" => service.call(by_udp), **(2..15).to_h { |last| ["h#{last}.example", ["127.0.0.#{last}"]] } }
  end

  # Every attempt as [target, time].
  def start(zone, profile)
    dns = scripted_dns(zone, ttl: 86_400)
    tls = tls_configuration
    start_oversip(configuration: { core: { nameservers: [dns.address] }, **tls },
                  proxies: { default_proxy: { dns_cache_time: 86_400, verify_server: true, **profile } }) do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_target do |target|
        @attempts << [target.to_s, @time]
        stalled.last << "." if target.to_s == dropping
      end
      proxy.route(request, "bob.example")
    end
    @attempts = []
    @time = 0
    OverSIP::Testing.freeze
    OverSIP::Testing.seed(2026)
  end

  def pass(seconds)
    @time += seconds
    OverSIP::Testing.advance(seconds)
  end

  # @return [SipText] the final response
  def call(timer_b, connect_timeout)
    call_from(caller)
    loop do
      sockets = [caller, silent, busy, leaving, *good].to_h { |peer| [peer.socket, peer] }
      readable, = IO.select([*sockets.keys, stalled.first], nil, nil, SipPeer::LIMIT)
      raise "a call is lost after #{@attempts.last(3)}" unless readable

      outlast_connect(connect_timeout) if readable.delete(stalled.first)
      peers = sockets.values_at(*readable)
      message = caller.receive?(0) if peers.include?(caller)
      return message if message && message.status >= 200

      (peers - [caller]).each { |peer| serve(peer, timer_b) }
    end
  end

  def outlast_connect(connect_timeout)
    stalled.first.readpartial(1)
    # It is dialled when the block has ended.
    dispatcher_caught_up
    pass(connect_timeout)
  end

  # The silent one gets repetitions while Timer B runs, and those that failed get ACKs.
  def serve(peer, timer_b)
    request = peer.receive?(0)
    return unless request&.method_name == "INVITE" && served.add?(request.branch)

    case peer
    when silent then pass(timer_b)
    when busy then peer.answer(request, 503, "Service Unavailable")
    when leaving then peer.answer(request, 503, "Service Unavailable", headers: { "Retry-After" => "25" })
    else
      taken[peer.ip] += 1
      peer.answer(request, 200)
    end
  end

  # What the blacklist says of each target while it is there.
  def note_refusals
    @refusals ||= {}
    @refusals.merge!(OverSIP.proxies[:default_proxy][:blacklist].to_h.transform_values(&:last))
  end

  it "loses none, shares them by weight among the good ones, and leaves a broken one alone until its entry expires" do
    shaking_hands = Thread.new { loop { bad_tls.accept_refused(20) } }
    start(zone(weights), { timer_B: timer_b, blacklist_time: blacklist_time, connect_timeout: connect_timeout })
    answers = Array.new(calls) do
      pass(0.05)
      call(timer_b, connect_timeout).status.tap { note_refusals }
    end
    expect(answers.tally).to eq(200 => calls)
    expect(@refusals).to eq("tls:127.0.0.2:#{bad_tls.port}" => :tls_validation_failed, refusing => :connection_error,
                            dropping => :connection_error, closed => :connection_error, key(silent) => :client_timeout,
                            key(leaving) => :service_unavailable)

    total = weights.values.sum.to_f
    weights.each do |ip, weight|
      share = weight / total
      expect(taken[ip]).to be_within(3 * Math.sqrt(calls * share * (1 - share))).of(calls * share)
    end

    pauses = { "tls:127.0.0.2:#{bad_tls.port}" => blacklist_time, refusing => blacklist_time,
               dropping => connect_timeout + blacklist_time,
               closed => blacklist_time, key(silent) => timer_b + blacklist_time, key(leaving) => retry_after }
    times = @attempts.group_by(&:first).transform_values { |attempts| attempts.map(&:last) }
    pauses.each do |target, pause|
      expect(times[target].size).to be > 1
      expect(times[target].each_cons(2).map { |before, after| after - before }.min).to be >= pause - 0.001
    end
    expect(times[key(busy)].size).to be > 50
  ensure
    shaking_hands&.kill&.join
  end
end
