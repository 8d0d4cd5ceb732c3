# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/scripted_dns"

# Targets that a profile does not try for a while.
RSpec.describe "The blacklist of a profile", :native do
  let(:seen) { mailbox }
  let(:callee) { udp_peer("127.0.0.2") }
  let(:key) { "udp:#{callee.address}" }
  let(:blacklist) { OverSIP.proxies[:default_proxy][:blacklist] }

  def start(profile = {}, **options)
    start_oversip(proxies: { default_proxy: profile, other: {} }, **options)
    OverSIP::Testing.freeze
  end

  def message(method = :OPTIONS)
    OverSIP::SIP::UacRequest.new({ sip_method: method, ruri: "sip:bob@b.example" })
  end

  # Routes an OPTIONS to the callee; the block sets the Uac up.
  def reach(profile: :default_proxy, to: [callee.ip, callee.port])
    uac = record(OverSIP::SIP::Uac.new(profile), into: seen, only: %i[target success_response failure_response error])
    yield uac if block_given?
    uac.route(message, *to)
    uac
  end

  # The events of a request that is sent, and answered 200, or is not sent.
  def events_of_request(**options)
    reach(**options)
    eventually do
      callee.receive?(0)&.then { |request| callee.answer(request, 200) }
      @events = [*@events, *seen.all]
      @events.any? && @events.last.first != :target
    end
    @events.slice!(0..)
  end

  # Puts the callee on the list by a request that does not get out.
  def blacklist_callee(*arguments)
    reach do |uac|
      uac.on_target do
        uac.add_target_to_blacklist(*arguments)
        uac.abort_routing
      end
    end
    expect([seen.pop, seen.pop]).to eq([[:target, key], [:error, 403, "Destination Aborted", :destination_aborted]])
  end

  def reached
    [[:target, key], [:success_response, 200]]
  end

  describe "gets a target by itself" do
    it "that kept silent, for blacklist_time" do
      start({ timer_F: 2, blacklist_time: 30 })
      reach
      callee.receive
      OverSIP::Testing.advance(2)
      expect([seen.pop, seen.pop.last]).to eq([[:target, key], :client_timeout])
      expect(blacklist[key]).to eq([408, "Client Timeout", nil, :client_timeout])
      messages_at(callee)
      OverSIP::Testing.advance(29.9)
      expect(blacklist.keys).to eq([key])
      OverSIP::Testing.advance(0.1)
      expect(blacklist.keys).to be_empty
      expect(events_of_request).to eq(reached)
    end

    it "whose connection was refused" do
      start
      port = dead_port
      reach(to: ["127.0.0.1", port, :tcp])
      expect([seen.pop, seen.pop.last]).to eq([[:target, "tcp:127.0.0.1:#{port}"], :connection_error])
      expect(blacklist["tcp:127.0.0.1:#{port}"]).to eq([500, "Connection Error", nil, :connection_error])
      expect(events_of_request(to: ["127.0.0.1", port, :tcp]))
        .to eq([[:target, "tcp:127.0.0.1:#{port}"], [:error, 500, "Connection Error", :connection_error]])
      expect(blacklist.keys).to eq(["tcp:127.0.0.1:#{port}"])
    end

    it "whose port is closed" do
      start
      port = dead_port
      reach(to: ["127.0.0.1", port])
      expect([seen.pop, seen.pop.last]).to eq([[:target, "udp:127.0.0.1:#{port}"], :connection_error])
      expect(blacklist.keys).to eq(["udp:127.0.0.1:#{port}"])
    end

    it "that answered 503 with Retry-After, for the longer of that time and blacklist_time" do
      start
      reach
      callee.answer(callee.receive, 503, "Service Unavailable", headers: { "Retry-After" => "120 (maintenance)" })
      expect([seen.pop, seen.pop]).to eq([[:target, key], [:failure_response, 503]])
      expect(blacklist[key]).to eq([503, "Service Unavailable", nil, :service_unavailable])
      OverSIP::Testing.advance(119)
      expect(blacklist.keys).to eq([key])
      OverSIP::Testing.advance(1)
      expect(blacklist.keys).to be_empty
      expect(events_of_request).to eq(reached)
    end

    it "not for a 503 alone" do
      start
      reach
      callee.answer(callee.receive, 503, "Service Unavailable")
      expect([seen.pop, seen.pop]).to eq([[:target, key], [:failure_response, 503]])
      expect(blacklist).not_to be_any
    end

    it "not for a failure that it answered" do
      start
      reach
      callee.answer(callee.receive, 408, "Request Timeout")
      expect([seen.pop, seen.pop]).to eq([[:target, key], [:failure_response, 408]])
      expect(blacklist).not_to be_any
    end

    it "not for a target that the script aborted" do
      start
      reach(&:abort_routing)
      expect(seen.pop).to eq([:error, 403, "Destination Aborted", :destination_aborted])
      expect(blacklist).not_to be_any
    end

    it "not when use_blacklist is off" do
      start({ use_blacklist: false })
      port = dead_port
      reach(to: ["127.0.0.1", port])
      expect([seen.pop, seen.pop.last]).to eq([[:target, "udp:127.0.0.1:#{port}"], :connection_error])
      expect(blacklist).not_to be_any
    end
  end

  describe "gets the target of the moment by add_target_to_blacklist" do
    { [] => [10, 403, "Destination Blacklisted"], [nil] => [10, 403, "Destination Blacklisted"],
      [60] => [60, 403, "Destination Blacklisted"], [60, 480] => [60, 480, "Destination Blacklisted"],
      [60, 480, "Never Here"] => [60, 480, "Never Here"], ["60"] => [60, 403, "Destination Blacklisted"],
      [2] => [2, 403, "Destination Blacklisted"], [600] => [600, 403, "Destination Blacklisted"],
      [7.9] => [7, 403, "Destination Blacklisted"] }.each do |arguments, (time, status, reason)|
      it "as #{status} #{reason} for #{time} s with the arguments #{arguments.inspect}" do
        start
        blacklist_callee(*arguments)
        expect(blacklist[key]).to eq([status, reason, nil, :destination_blacklisted])
        OverSIP::Testing.advance(time - 0.1)
        expect(events_of_request).to eq([[:error, status, reason, :destination_blacklisted]])
        OverSIP::Testing.advance(0.1)
        expect(events_of_request).to eq(reached)
      end
    end

    timeout = ->(value) { [OverSIP::RuntimeError, "timeout must be between 2 and 600 seconds, not #{value}"] }
    status = ->(value) { [OverSIP::RuntimeError, "status_code must be between 300 and 699, not #{value}"] }
    { [0] => timeout[0], [1] => timeout[1], [1.9] => timeout[1.9], [601] => timeout[601], [-5] => timeout[-5],
      ["nonsense"] => timeout['"nonsense"'], [Float::INFINITY] => timeout["Infinity"], [10**30] => timeout[10**30],
      [:soon] => [TypeError, "timeout must be a number of seconds, not :soon"],
      [60, 200] => status[200], [60, 700] => status[700], [60, "403"] => [TypeError, /Integer/],
      [60, 70_000] => status[70_000] }.each do |arguments, (error, message)|
      it "not with the arguments #{arguments.inspect}: that raises" do
        start
        reach do |uac|
          uac.on_target { seen << capture_error { uac.add_target_to_blacklist(*arguments) } }
        end
        expect([seen.pop, seen.pop]).to match([[:target, key], [error, message]])
        expect(blacklist).not_to be_any
      end
    end

    def capture_error
      yield
    rescue StandardError => e
      [e.class, e.message]
    end

    it "in one line, whatever the reason phrase holds" do
      start
      blacklist_callee(60, 480, "Gone\r\nX-Evil: yes")
      caller = udp_peer
      on_request { |request| OverSIP::SIP::Proxy.new.route(request, callee.ip, callee.port) }
      call_from(caller, :MESSAGE)
      final = caller.receive_final
      expect(final.first_line).to match(/\ASIP.2.0 480 Gone +X-Evil: yes\z/)
      expect(final.header("X-Evil")).to be_nil
    end

    it "which returns true, and false where there is no target" do
      start
      uac = reach { |client| client.on_target { seen << client.add_target_to_blacklist } }
      expect([seen.pop, seen.pop]).to eq([[:target, key], true])
      expect(uac.request).not_to be_nil
      expect(OverSIP::SIP::Uac.new.add_target_to_blacklist).to be(false)
    end

    it "after which the present request goes on" do
      start
      reach { |uac| uac.on_target { uac.add_target_to_blacklist } }
      callee.answer(callee.receive, 200)
      expect([seen.pop, seen.pop]).to eq(reached)
    end

    it "also when use_blacklist is off" do
      start({ use_blacklist: false })
      blacklist_callee(60)
      expect(events_of_request).to eq([[:error, 403, "Destination Blacklisted", :destination_blacklisted]])
    end

    it "again, with the new answer and the new time: the end of the old time does not remove it" do
      start
      uac = reach
      callee.answer(callee.receive, 200)
      expect([seen.pop, seen.pop]).to eq(reached)
      uac.add_target_to_blacklist(5, 480, "First")
      OverSIP::Testing.advance(4)
      uac.add_target_to_blacklist(20, 486, "Second")
      OverSIP::Testing.advance(19)
      expect(events_of_request).to eq([[:error, 486, "Second", :destination_blacklisted]])
      OverSIP::Testing.advance(1)
      expect(events_of_request).to eq(reached)
    end
  end

  it "is not shared between profiles" do
    start
    blacklist_callee(60)
    expect(events_of_request(profile: :other)).to eq(reached)
  end

  it "keeps one transport from another" do
    start
    blacklist_callee(60)
    reach(to: [callee.ip, callee.port, :tcp])
    expect(seen.pop).to eq([:target, "tcp:#{callee.address}"])
  end

  it "is passed over silently where another target is left" do
    live = udp_peer("127.0.0.3", port: callee.port)
    dns = scripted_dns({ "bob.example" => [callee.ip, live.ip] })
    start({}, configuration: { core: { nameservers: [dns.address] } })
    blacklist_callee(60)
    reach(to: ["bob.example", callee.port])
    live.answer(live.receive, 200)
    expect([seen.pop, seen.pop]).to eq([[:target, "udp:#{live.address}"], [:success_response, 200]])
    expect(messages_at(callee)).to be_empty
  end

  it "answers for a destination with listed targets only, with the stored result of the last one" do
    second = udp_peer("127.0.0.3", port: callee.port)
    dns = scripted_dns({ "bob.example" => [callee.ip, second.ip] })
    start({}, configuration: { core: { nameservers: [dns.address] } })
    blacklist_callee(60, 480, "First")
    reach(to: [second.ip, second.port]) do |uac|
      uac.on_target { uac.add_target_to_blacklist(60, 486, "Second") && uac.abort_routing }
    end
    2.times { seen.pop }
    expect(events_of_request(to: ["bob.example", callee.port])).to eq([[:error, 486, "Second", :destination_blacklisted]])
    expect([callee, second].flat_map { |peer| messages_at(peer) }).to be_empty
  end

  it "is seen and cleared by scripts as a Hash" do
    start
    blacklist_callee(60, 480, "One")
    entry = [480, "One", nil, :destination_blacklisted]
    expect(blacklist).to be_any
    expect([blacklist.size, blacklist.keys, blacklist[key], blacklist["udp:1.2.3.4:5060"]]).to eq([1, [key], entry, nil])
    shown = []
    blacklist.each { |name, value| shown << [name, value] }
    expect(shown).to eq([[key, entry]])
    expect(blacklist.inspect).to eq({ key => entry }.inspect)
    expect([blacklist.delete("udp:1.2.3.4:5060"), blacklist.delete(key)]).to eq([nil, entry])
    expect(events_of_request).to eq(reached)
    blacklist_callee(60)
    blacklist.clear
    expect([blacklist.size, blacklist.any?]).to eq([0, false])
    expect(events_of_request).to eq(reached)
  end
end
