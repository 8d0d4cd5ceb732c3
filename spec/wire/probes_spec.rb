# frozen_string_literal: true

require_relative "../support/callbacks"
require_relative "../support/scripted_dns"

# A destination all of whose targets are on the blacklist by automatic entries: one request at a time finds out.
RSpec.describe "A destination whose targets are all on the blacklist", :native do
  let(:seen) { mailbox }
  let(:alice) { udp_peer }
  let(:home) { udp_peer("127.0.0.2") }
  let(:second) { udp_peer("127.0.0.3", port: home.port) }
  let(:key) { "udp:#{home.address}" }
  let(:blacklist) { OverSIP.proxies[:default_proxy][:blacklist] }
  let(:stored) { [:error, 408, "Client Timeout", :client_timeout] }

  def start(profile = {})
    start_relay_to(home, profile: { timer_B: 4, timer_F: 4, blacklist_time: 60, **profile }) do |proxy, request|
      yield proxy, request if block_given?
      record(proxy, into: seen, only: %i[target error canceled])
    end
  end

  # A name with both targets, home first.
  def start_two
    dns = scripted_dns({ "bob.example" => [home.ip, second.ip] })
    start_oversip(configuration: { core: { nameservers: [dns.address] } },
                  proxies: { default_proxy: { timer_F: 4, blacklist_time: 60 } }) do |request|
      record(OverSIP::SIP::Proxy.new, into: seen, only: %i[target error]).route(request, "bob.example", home.port)
    end
    OverSIP::Testing.freeze
  end

  # Lets a request time out at the targets that are given, in their order.
  def list(*peers)
    call_from(alice, :MESSAGE)
    peers.each do |peer|
      peer.receive
      OverSIP::Testing.advance(4)
    end
    eventually { seen.all.include?(stored) }
    peers.each { |peer| messages_at(peer) }
  end

  def waiting
    engine_caught_up
    dispatcher_caught_up
    engine_caught_up
    OverSIP.stats[:waiting_for_probe]
  end

  def send_some(count)
    Array.new(count) { call_from(alice, :MESSAGE) }.tap { @ids = _1.map { |text| SipText.new(text).header("Call-ID") } }
  end

  def ids_at(peer)
    messages_at(peer).map { |message| message.header("Call-ID") }
  end

  it "gets one request; the waiting ones follow after its answer" do
    start
    list(home)
    send_some(4)
    probe = home.receive
    expect(probe.header("Call-ID")).to eq(@ids.first)
    expect([waiting, messages_at(home)]).to eq([3, []])
    home.answer(probe, 200)
    others = Array.new(3) { home.receive }
    expect(others.map { |request| request.header("Call-ID") }).to match_array(@ids.drop(1))
    others.each { |request| home.answer(request, 200) }
    expect(Array.new(4) { alice.receive_final.status }).to eq([200] * 4)
    expect([waiting, blacklist.size, seen.all.count { |event, *| event == :error }]).to eq([0, 0, 0])
  end

  it "is open again with a 100" do
    start
    list(home)
    send_some(2)
    home.answer(home.receive, 100, "Trying")
    expect(home.receive.header("Call-ID")).to eq(@ids.last)
    expect(blacklist).to be_empty
  end

  it "gives waiting requests the stored answer after 500 ms, without a packet" do
    start
    list(home)
    send_some(3)
    home.receive
    expect(waiting).to eq(2)
    seen.all
    OverSIP::Testing.advance(0.499)
    expect([waiting, seen.all]).to eq([2, []])
    OverSIP::Testing.advance(0.001)
    expect(Array.new(2) { seen.pop }).to eq([stored] * 2)
    expect([waiting, ids_at(home).uniq - @ids.first(1)]).to eq([0, []])
  end

  it "gets another request when nothing has been heard of the first one for 4 s" do
    start(timer_F: 16)
    call_from(alice, :MESSAGE)
    home.receive
    OverSIP::Testing.advance(16)
    eventually { seen.all.include?(stored) }
    messages_at(home)
    send_some(1)
    home.receive
    OverSIP::Testing.advance(3.9)
    messages_at(home)
    second = call_from(alice, :OPTIONS)
    expect(waiting).to eq(1)
    OverSIP::Testing.advance(0.1)
    expect([waiting, messages_at(home)]).to eq([1, []])
    call_from(alice, :OPTIONS)
    answered = home.receive
    expect([answered.method_name, answered.header("Call-ID") == SipText.new(second).header("Call-ID")]).to eq(["OPTIONS", false])
    home.answer(answered, 200)
    expect(home.receive.header("Call-ID")).to eq(SipText.new(second).header("Call-ID"))
    expect(blacklist).to be_empty
  end

  it "gives waiting requests the stored answer at once when the probe fails" do
    start
    home.answer(call_from(alice, :MESSAGE) && home.receive, 503, "Service Unavailable", headers: { "Retry-After" => "600" })
    alice.receive_final
    seen.all
    send_some(3)
    probe = home.receive
    expect(waiting).to eq(2)
    home.answer(probe, 503, "Service Unavailable", headers: { "Retry-After" => "600" })
    expect(Array.new(3) { alice.receive_final.status }).to eq([500] * 3)
    expect(seen.all.drop(1)).to eq([[:error, 503, "Service Unavailable", :service_unavailable]] * 2)
    expect(messages_at(home)).to be_empty
  end

  it "gets the probe at the target that is listed longest, and the next one at the other when it fails" do
    start_two
    list(home, second)
    expect(blacklist.keys).to eq(["udp:#{home.address}", "udp:#{second.address}"])
    [[home, second], [second, home], [home, second]].each do |probed, spared|
      call_from(alice, :MESSAGE)
      probed.receive
      OverSIP::Testing.advance(4)
      expect(seen.pop).to eq([:target, "udp:#{probed.address}"])
      expect(seen.pop).to eq(stored)
      messages_at(probed)
      expect(messages_at(spared)).to be_empty
    end
  end

  describe "hears the target" do
    # Not a probe: two requests at the same time go there.
    def expect_open
      send_some(2)
      expect(Array.new(2) { home.receive_until(&:request?).header("Call-ID") }).to match_array(@ids)
    end

    it "by a request of its own: its entry ends" do
      start
      list(home)
      home.send_text(home.build(:OPTIONS, "sip:server@b.example"), oversip_port, "127.0.0.1")
      home.receive_until { |message| message.method_name == "OPTIONS" }
      seen.all
      home.drain(quiet: 0)
      expect(blacklist).to be_empty
      expect_open
    end

    { "CRLF" => "\r\n\r\n", "STUN" => "\x00\x01\x00\x00\x21\x12\xa4\x42twelve bytes" }.each do |name, keepalive|
      it "by a keep-alive (#{name}): its entry ends" do
        start
        list(home)
        home.socket.send(keepalive.b, 0, "127.0.0.1", oversip_port)
        home.socket.wait_readable(SipPeer::LIMIT)
        home.socket.recv_nonblock(2000)
        engine_caught_up
        expect(blacklist).to be_empty
        expect_open
      end
    end

    it "by a request that is no valid SIP: its entry ends" do
      start
      list(home)
      home.send_text(home.build(:OPTIONS, "sip:b.example", headers: { "Content-Length" => "9" }), oversip_port, "127.0.0.1")
      expect(home.receive.status).to eq(400)
      engine_caught_up
      expect(blacklist).to be_empty
    end

    it "by an answer that comes too late: its entry ends" do
      start
      call_from(alice, :MESSAGE)
      request = home.receive
      OverSIP::Testing.advance(4)
      eventually { seen.all.include?(stored) }
      messages_at(home)
      home.answer(request, 200)
      engine_caught_up
      expect(blacklist).to be_empty
      expect_open
    end

    it "from another port: its entry stays" do
      start
      list(home)
      stranger = udp_peer("127.0.0.2")
      stranger.send_text(stranger.build(:CANCEL, "sip:server@b.example"), oversip_port, "127.0.0.1")
      stranger.receive
      expect(blacklist.keys).to eq([key])
    end

    it "in every profile" do
      start_oversip(proxies: { default_proxy: { timer_F: 4, blacklist_time: 60 }, other: { timer_F: 4, blacklist_time: 60 } })
      OverSIP::Testing.freeze
      %i[default_proxy other].each do |profile|
        uac = record(OverSIP::SIP::Uac.new(profile), into: seen, only: %i[error])
        uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@b.example" }), home.ip, home.port)
      end
      OverSIP::Testing.advance(4)
      2.times { expect(seen.pop).to eq(stored) }
      expect(OverSIP.stats[:blacklist]).to eq(2)
      home.send_text(home.build(:CANCEL, "sip:server@b.example"), oversip_port, "127.0.0.1")
      home.receive_until { |message| message.method_name == "CANCEL" }
      expect(OverSIP.stats[:blacklist]).to eq(0)
    end
  end

  describe "by a 503 with Retry-After" do
    def list_busy(method = :INVITE)
      call_from(alice, method)
      @request = home.receive
      home.answer(@request, 503, "Service Unavailable", headers: { "Retry-After" => "600" })
      expect(final_for(alice).status).to eq(500) if method == :INVITE
      engine_caught_up
      expect(blacklist.keys).to eq([key])
    end

    it "stays there when the same 503 is repeated" do
      start
      list_busy
      home.answer(@request, 503, "Service Unavailable", headers: { "Retry-After" => "600" })
      home.answer(@request, 503, "Service Unavailable")
      engine_caught_up
      expect(blacklist.keys).to eq([key])
    end

    it "is probed, and open to all when the probe is answered" do
      start
      list_busy
      home.drain(quiet: 0)
      send_some(2)
      home.answer(home.receive, 200)
      expect(home.receive.header("Call-ID")).to eq(@ids.last)
      expect(blacklist).to be_empty
    end

    it "is open when it says 503 and no time" do
      start
      list_busy
      home.drain(quiet: 0)
      call_from(alice, :MESSAGE)
      home.answer(home.receive, 503, "Service Unavailable")
      engine_caught_up
      expect(blacklist).to be_empty
    end
  end

  describe "some by a script" do
    it "gets the probe at another one alone" do
      start_two
      list(home, second)
      uac = OverSIP::SIP::Uac.new
      uac.on_target { uac.add_target_to_blacklist(60) && uac.abort_routing }
      uac.on_error { seen << :listed }
      uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@b.example" }), home.ip, home.port)
      expect(seen.pop).to eq(:listed)
      seen.all
      2.times do
        call_from(alice, :MESSAGE)
        second.receive
        OverSIP::Testing.advance(4)
        expect([seen.pop, seen.pop]).to eq([[:target, "udp:#{second.address}"], stored])
        messages_at(second)
      end
      expect(messages_at(home)).to be_empty
      expect(blacklist[key]).to eq([403, "Destination Blacklisted", nil, :destination_blacklisted])
    end
  end

  describe "and a request that waits" do
    # One is out as the probe, and another one waits.
    def start_waiting(method = :INVITE, **profile, &)
      start(profile, &)
      list(home)
      send_some(1)
      home.receive
      @waiting = call_from(alice, method)
      expect(waiting).to eq(1)
      seen.all
    end

    def expect_no_more_at_home
      OverSIP::Testing.advance(1)
      expect(ids_at(home).uniq - @ids).to eq([])
    end

    it "ends with its CANCEL" do
      start_waiting
      cancel_from(alice, @waiting)
      expect(final_for(alice).status).to eq(487)
      expect([waiting, seen.all]).to eq([0, [[:canceled]]])
      expect_no_more_at_home
    end

    it "ends with abort_routing" do
      proxies = []
      start_waiting { |proxy, _| proxies << proxy }
      proxies.last.abort_routing
      expect(final_for(alice).first_line).to eq("SIP/2.0 403 Destination Aborted")
      expect([waiting, seen.all]).to eq([0, [[:error, 403, "Destination Aborted", :destination_aborted]]])
      expect_no_more_at_home
    end

    it "ends with another route of its Client" do
      proxies = []
      start_waiting { |proxy, request| proxies << [proxy, request] }
      carol = udp_peer
      proxy, request = proxies.last
      OverSIP.schedule { proxy.route(request, carol.ip, carol.port) }
      expect(carol.receive.method_name).to eq("INVITE")
      expect(waiting).to eq(0)
      expect_no_more_at_home
    end

    it "ends with its server transaction" do
      held = []
      start(blacklist_time: 120) do |_, request|
        request.create_transaction
        held << request
      end
      list(home)
      on_request { |request| request.create_transaction && (held << request) }
      call_from(alice, :MESSAGE)
      eventually { held.size == 2 }
      OverSIP::Testing.advance(31.7)
      route = ->(request) { record(OverSIP::SIP::Proxy.new, into: seen, only: %i[target error]).route(request, home.ip, home.port) }
      on_request { |request| route.call(request) }
      send_some(1)
      home.receive
      OverSIP.schedule { route.call(held.last) }
      expect(waiting).to eq(1)
      seen.all
      OverSIP::Testing.advance(0.3)
      expect(seen.pop).to eq(stored)
      expect(waiting).to eq(0)
      expect_no_more_at_home
    end

    describe "while the probe's own block holds it back" do
      let(:held) { Thread::Queue.new }

      # Routes a request whose block aborts it when it is told to.
      def hold_back(proxy)
        proxy.on_target do
          held << Fiber.current
          Fiber.yield
          proxy.abort_routing
        end
      end

      def abort_held
        fiber = held.pop
        OverSIP.schedule { fiber.resume }
      end

      it "becomes the probe when that one is aborted; the others wait on" do
        start { |proxy, request| hold_back(proxy) if request.header("X-Held") }
        list(home)
        call_from(alice, :MESSAGE, headers: { "X-Held" => "1" })
        send_some(3)
        eventually { waiting == 3 }
        abort_held
        probe = home.receive
        expect([probe.header("Call-ID"), waiting, messages_at(home)]).to eq([@ids.first, 2, []])
        home.answer(probe, 200)
        expect(Array.new(2) { home.receive.header("Call-ID") }).to eq(@ids.drop(1))
      end

      it "has its turn at once when those before it go to another target" do
        start_two
        list(home, second)
        routing = OverSIP::SipEvents.method(:on_request).to_proc
        on_request do |request|
          proxy = OverSIP::SIP::Proxy.new
          hold_back(proxy)
          proxy.route(request, "bob.example", home.port)
        end
        call_from(alice, :MESSAGE)
        eventually { held.size == 1 }
        on_request { |request| routing.call(request) }
        send_some(2)
        eventually { waiting == 2 }
        on_request { |request| OverSIP::SIP::Proxy.new.route(request, home.ip, home.port) }
        last = call_from(alice, :MESSAGE)
        eventually { waiting == 3 }
        blacklist.delete("udp:#{second.address}")
        abort_held
        expect(Array.new(2) { second.receive.header("Call-ID") }).to eq(@ids)
        expect(home.receive.header("Call-ID")).to eq(SipText.new(last).header("Call-ID"))
        expect(waiting).to eq(0)
      end
    end
  end

  describe "and a request of a dialog" do
    def in_call(method, **options)
      alice.send_text(alice.build(method, "sip:bob@b.example", to_tag: "bob", **options), oversip_port)
    end

    it "goes there all the same: the ACK and the BYE of a call that is up" do
      start
      invite = call_from(alice)
      home.answer(home.receive, 200)
      expect(final_for(alice).status).to eq(200)
      list(home)
      call_id = SipText.new(invite).header("Call-ID")
      in_call(:ACK, call_id: call_id)
      expect(home.receive.method_name).to eq("ACK")
      in_call(:BYE, call_id: call_id, cseq: 2)
      bye = home.receive
      expect(bye.method_name).to eq("BYE")
      expect(blacklist.keys).to eq([key])
      home.answer(bye, 200)
      expect(alice.receive_until { |message| message.method_name == "BYE" }.status).to eq(200)
      expect(blacklist).to be_empty
    end

    it "goes to listed targets last, one after the other" do
      start_two
      call_from(alice, :MESSAGE)
      home.receive
      OverSIP::Testing.advance(4)
      second.answer(second.receive, 200)
      alice.receive_final
      expect(blacklist.keys).to eq([key])
      seen.all
      messages_at(home)
      in_call(:INFO)
      second.receive
      OverSIP::Testing.advance(4)
      home.answer(home.receive, 200)
      expect(alice.receive_final.status).to eq(200)
      expect(seen.all).to eq([[:target, "udp:#{second.address}"], [:target, key]])
    end

    it "makes no entry when it fails" do
      start
      in_call(:INFO)
      home.receive
      OverSIP::Testing.advance(4)
      eventually { seen.all.include?(stored) }
      expect(blacklist).to be_empty
      messages_at(home)
      in_call(:INFO)
      home.answer(home.receive, 503, "Service Unavailable", headers: { "Retry-After" => "60" })
      expect(alice.receive_final.status).to eq(500)
      expect(blacklist).to be_empty
    end

    it "is known by its tag, whatever stands behind that" do
      start
      alice.send_text(alice.build(:INFO, "sip:bob@b.example", headers: { "To" => '<sip:bob@b.example>;tag=bob;p=">"' }), oversip_port)
      home.receive
      OverSIP::Testing.advance(4)
      eventually { seen.all.include?(stored) }
      expect(blacklist).to be_empty
    end

    it "is refused where a script has put the target there" do
      start { |proxy, request| proxy.on_target { proxy.add_target_to_blacklist(60) if request.sip_method == :MESSAGE } }
      call_from(alice, :MESSAGE)
      home.answer(home.receive, 200)
      alice.receive_final
      in_call(:BYE)
      expect(alice.receive_final.first_line).to eq("SIP/2.0 403 Destination Blacklisted")
      expect(messages_at(home)).to be_empty
    end
  end

  it "gets the CANCEL of an INVITE that went there, whatever is on the list" do
    start { |proxy, request| proxy.on_target { proxy.add_target_to_blacklist(60) if request.sip_method == :INVITE } }
    invite = call_from(alice)
    forwarded = home.receive
    home.answer(forwarded, 180, "Ringing")
    alice.receive_until { |message| message.status == 180 }
    expect(blacklist.keys).to eq([key])
    cancel_from(alice, invite)
    expect(home.receive.method_name).to eq("CANCEL")
  end
end
