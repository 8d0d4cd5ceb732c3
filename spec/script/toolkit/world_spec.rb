# frozen_string_literal: true

require "support/toolkit_world"

RSpec.describe OverSIP::Testing::World, :native do
  include ToolkitWorld

  it "goes to the second gateway when the first does not answer" do
    world_with "gw1.example", "gw2.example"
    gateway.never_answers
    world.target("gw2.example").answers 180, 200
    call = alice.invite("sip:bob@example.com")
    expect(call).not_to be_final
    world.advance 32
    expect([call.status, call.answered_by, call.answered_at]).to eq([200, "gw2.example", 32.0])
    expect(call.hang_up.answered_by).to eq("gw2.example")
    expect(world.errors).to be_empty
  end

  it "records messages and blocks in the order in which they happened" do
    world_with "gw1.example"
    gateway.answers 200
    alice.invite "sip:bob@example.com"
    events = world.record.events.grep(OverSIP::CallRecord::Message) { |message| message.status_code || message.sip_method }
    places = world.record.events.map { |event| event.class.name[/\w+\z/] } - %w[Resolution Attempt]
    expect([events.first(3), places.first(3)]).to eq([[:INVITE, 100, :INVITE], %w[Message Block Message]])
    expect(world.blocks.first).to have_attributes(event: :on_request, subject: "INVITE sip:bob@example.com", call_id: "call-alice-1",
                                                  at: 0.0, exception: nil, duration: a_value > 0)
  end

  it "records that the script has ended a request without a response" do
    world_with("gw1.example") { nil }
    alice.invite "sip:bob@example.com"
    call = world.record.summaries.first
    expect([call.outcome, call.record.events.last]).to match([:none, an_instance_of(OverSIP::CallRecord::Unanswered)])
    # It is sent again, and meets the script again.
    world.advance 1
    expect(world.record.summaries.map(&:outcome)).to eq([:none])
  end

  it "is the current one as long as it is open, in blocks too" do
    seen = []
    world_with("gw1.example") { |request| seen.push(described_class.current) && request.reply(200) }
    alice.options
    expect([described_class.current, seen]).to eq([world, [world]])
    world.close
    expect(described_class.current).to be_nil
  end

  it "tells the script where the element listens, as long as it is open" do
    server = OverSIP::SIP::IPv4UdpServer
    seen = nil
    open_world(configuration: { websocket: { sip_ws: true } }) do |request|
      seen = [server.ip, server.port, server.via_core, server.record_route, OverSIP::SIP::IPv6TcpServer.ip, OverSIP::WebSocket::IPv4WsServer.port]
      request.reply 200
    end
    alice.options
    expect(seen).to match(["192.0.2.100", 5060, "SIP/2.0/UDP 192.0.2.100:5060", /\A<sip:192\.0\.2\.100:5060;transport=udp;lr/, "2001:db8::100", 10_080])
    world.close
    expect([server.ip, server.port, server.via_core]).to eq([nil, nil, nil])
  end

  it "says nothing of what is no target" do
    expect([world.name_of("nonsense"), world.name_of("udp:192.0.2.100:5060")]).to eq([nil, "oversip"])
  end

  it "gives nobody an address that is named" do
    world.target("192.0.2.1")
    world.client(:a, address: "198.51.100.1:5060")
    expect([gateway.address, alice.address]).to eq(["192.0.2.2:5060", "198.51.100.2:5060"])
  end

  it "has one target for one name, whatever its letter case, and refuses another one there" do
    expect(world.target("GW1.EXAMPLE", uri: "sip:gw")).to equal(gateway)
    expect(world.target("gw1.example", uri: "sip:gw")).to equal(gateway)
    expect { world.target("gw1.example", uri: "sip:other") }
      .to raise_error(ArgumentError, /\Athe target GW1.EXAMPLE is there already, with #{Regexp.escape({ uri: "sip:gw" }.inspect)}/)
  end

  it "puts a target at the port that SRV records name for its transport, else at that of the transport" do
    world.zone do
      srv "_sip._udp.example.com", "gw1.example:5070"
      srv "_sips._tcp.example.com", "gw1.example"
    end
    targets = [world.target("gw1.example"), world.target("gw1.example", transport: :tls), world.target("gw1.example", transport: :tcp)]
    expect(targets.map { |target| target.address[/\d+\z/] }).to eq(%w[5070 5061 5060])
  end

  it "takes an address of IPv6 with and without brackets" do
    target = world.target("[2001:db8::9]")
    expect([target.address, world.target("2001:db8::9")]).to match(["[2001:db8::9]:5060", equal(target)])
  end

  it "is the only one of several threads that open one" do
    entered = Queue.new
    go_on = Queue.new
    first = Thread.new do
      world = described_class.open { |request| request.reply 200 }
      entered << world
      go_on.pop
      world.close
      world
    end
    expect(entered.pop).to equal(described_class.current)
    expect { described_class.open }.to raise_error(OverSIP::RuntimeError, /a process has one world at a time/i)
    go_on << 1
    expect(first.value).to be_closed
    expect(described_class.current).to be_nil
  end

  it "refuses a second world, and an engine" do
    world
    expect { described_class.open }.to raise_error(OverSIP::RuntimeError, /a world is open already/)
    expect { OverSIP.start(configuration: { sip: { listen_port: 0 } }) }.to raise_error(OverSIP::RuntimeError, /a world is open/)
    world.close
    OverSIP.start(configuration: { sip: { listen_port: 0 } })
    expect { described_class.open }.to raise_error(OverSIP::RuntimeError, /OverSIP runs/)
    expect(OverSIP).to be_running
  end

  it "has the same messages each time that the seed is the same" do
    first, second, other = [1, 1, 2].map do |seed|
      world_with "gw1.example", seed: seed
      gateway.answers 180, 200
      alice.invite("sip:bob@example.com").hang_up
      @world.messages.map(&:bytes).tap { @world.close }
    end
    expect(second).to eq(first)
    expect(other).not_to eq(first)
  end

  it "can be read when it is closed" do
    world_with "gw1.example"
    gateway.answers(486).after(2)
    alice.invite("sip:bob@example.com")
    world.advance 5
    world.close
    expect([world.now, world.messages.size, world.blacklist, world.errors]).to eq([5.0, 9, [], []])
    expect { world.advance 1 }.to raise_error(OverSIP::RuntimeError)
  end

  it "lets Uac#call go on to its outcome" do
    world_with "gw1.example"
    gateway.answers(404).after(3)
    request = OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:example.com" })
    expect([OverSIP::SIP::Uac.new.call(request).status_code, world.now]).to eq([404, 3.0])
  end

  it "loses datagrams, and calls get through nevertheless" do
    world_with "gw1.example"
    gateway.answers(180, 200).after(1)
    world.loss 0.3
    ends = Array.new(10) do
      call = alice.invite("sip:bob@example.com")
      world.advance 60
      bye = call.hang_up
      world.advance 60
      [call.status, bye.status]
    end
    expect(ends).to all(eq([200, 200]))
    expect(world.messages.map(&:fate)).to include(:lost)
  end

  it "loses the same datagrams for the same seed" do
    fates = [7, 7, 8].map do |seed|
      world_with "gw1.example"
      gateway.answers 200
      world.loss 0.3, seed: seed
      world.advance 40 if 5.times.map { alice.options("sip:bob@example.com") }
      world.messages.map(&:fate).tap { world.close }.tap { @world = nil }
    end
    expect(fates[0]).to eq(fates[1])
    expect(fates[0]).not_to eq(fates[2])
  end

  it "takes a share for the loss" do
    expect { world.loss 10 }.to raise_error(ArgumentError, "loss is a share from 0 to 1, in thousandths, not 10")
    expect { world.loss 0.0001 }.to raise_error(ArgumentError, /not 0.0001/)
  end

  it "changes of the network what is given" do
    world_with "gw1.example"
    gateway
    world.loss delay: 0.05
    world.loss 0
    exchange = alice.options("sip:bob@example.com")
    world.advance 1
    expect(exchange.answered_at).to be_within(0.001).of(0.2)
  end

  it "refuses to advance in a block of the script, and drains after it" do
    world_with "gw1.example"
    texts = []
    gateway.answers do
      world.drain
      world.advance(1)
    rescue OverSIP::RuntimeError => e
      texts << e.message
      200
    end
    expect(alice.options("sip:bob@example.com").status).to eq(200)
    expect(texts).to eq(["advance in a block: the world goes on just now"])
  end

  it "knows the blacklist" do
    world_with "gw1.example", "gw2.example"
    gateway.answers 503, retry_after: 30
    world.target("gw2.example").answers 200
    expect(alice.invite("sip:bob@example.com").answered_by).to eq("gw2.example")
    expect(world.blacklist).to eq(["udp:192.0.2.1:5060"])
  end

  it "keeps the log of script and element" do
    world_with("gw1.example") do |request|
      OverSIP::SipEvents.log_warn "no way for #{request.sip_method}"
      OverSIP::SipEvents.log_debug "not written"
      request.reply 404
    end
    world.advance 2
    alice.options
    expect(world.log.map(&:to_a)).to eq([[2.0, :warn, "SipEvents", "no way for OPTIONS", false]])
  end

  it "gives back what it has taken over" do
    former = [OverSIP::Logger.target, OverSIP::Logger.level, OverSIP.configuration, OverSIP.status]
    open_world(configuration: { core: { syslog_level: "debug" } })
    expect([OverSIP::Logger.level, OverSIP.status]).to eq(%i[debug running])
    world.close
    expect([OverSIP::Logger.target, OverSIP::Logger.level, OverSIP.configuration, OverSIP.status]).to eq(former)
  end

  it "makes room for another world though its clean-up raises" do
    world = open_world
    allow(OverSIP::SystemCallbacks).to receive(:on_reload_callbacks).and_raise(IOError, "clean-up")
    expect { world.close }.to raise_error(IOError, "clean-up")
    expect(OverSIP::Testing::World.current).to be_nil
  end
end
