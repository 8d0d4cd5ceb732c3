# frozen_string_literal: true

require "support/toolkit_world"

# What the peers of a world can be told to do.
RSpec.describe OverSIP::Testing::Persona, :native do
  include ToolkitWorld

  before { world_with "gw1.example" }

  def invite(**options)
    alice.invite("sip:bob@example.com", **options)
  end

  it "answers 200 without a word" do
    gateway
    expect([invite.status, alice.options("sip:bob@example.com").status]).to eq([200, 200])
  end

  it "answers with several statuses, with headers on the last, to an INVITE; with the final one else" do
    gateway.answers 180, 486, retry_after: 30, "X-Why" => "busy"
    call = invite
    expect(call.responses.map(&:status_code)).to eq([100, 180, 486])
    expect([call.final.header("Retry-After"), call.final.header("X-Why"), call.provisional.last.header("Retry-After")]).to eq(["30", "busy", nil])
    expect(alice.options("sip:bob@example.com").responses.map(&:status_code)).to eq([486])
  end

  it "answers later" do
    gateway.answers(180, 486).after(3)
    call = invite
    expect([call.final?, call.provisional.map(&:status_code)]).to eq([false, [100, 180]])
    world.advance 3
    expect([call.status, call.answered_at, call.answered?, call.reason]).to eq([486, 3.0, false, "Busy Here"])
  end

  it "answers a number of requests otherwise" do
    gateway.answers 200
    gateway.answers(404).once
    expect(Array.new(3) { invite.status }).to eq([404, 200, 200])
  end

  it "answers by a block: a status, several with headers, a text, nothing" do
    results = [486, [180, 603, { warning: "399 gw \"no\"" }], nil]
    gateway.answers { |request| request.header("subject") == "raw" ? raw_answer(request) : results.shift }
    calls = Array.new(2) { invite }
    expect([calls.map(&:status), calls.last.final.header("Warning")]).to eq([[486, 603], "399 gw \"no\""])
    expect(invite.final?).to be(false)
    expect(alice.options("sip:bob@example.com", subject: "raw").reason).to eq("Strange")
  end

  def raw_answer(request)
    copied = %w[via from to call-id].flat_map { |name| request.headers(name).map { |value| "#{name}: #{value}" } }
    "SIP/2.0 299 Strange\r\n#{copied.join("\r\n")}\r\nCSeq: #{request.header("cseq")}\r\n\r\n"
  end

  it "refuses what is no status, and nothing at all" do
    expect { gateway.answers 99 }.to raise_error(ArgumentError, "a status is an Integer from 100 to 699, not 99")
    expect { gateway.answers }.to raise_error(ArgumentError, "give a status, or say never_answers")
    expect { gateway.answers(200) { 200 } }.to raise_error(ArgumentError, "give statuses or a block, not both")
  end

  it "cancels a call once a provisional response is there" do
    gateway.answers 180
    call = invite
    expect([call.cancel.status, call.status, call.peer.cancelled?]).to eq([200, 487, true])
    expect(gateway.received.map(&:sip_method)).to eq(%i[INVITE CANCEL ACK])
  end

  it "waits with a CANCEL for the first provisional response, unless it is told not to" do
    world.close
    world_with("gw1.example") { |_| Fiber.yield }
    call = invite
    expect(call.cancel).to be_nil
    world.advance 0.2
    expect([call.cancellation.status, call.provisional.map(&:status_code)]).to eq([200, [100]])
    expect(invite.cancel(at_once: true).status).to eq(200)
  end

  it "carries requests of both sides in the dialog" do
    gateway.answers 180, 200
    call = invite
    callee = call.peer
    expect([callee.party, callee.peer, callee.acknowledged?, callee.status]).to eq([gateway, call, true, 200])
    requests = [call.request(:INFO), callee.request(:INFO), callee.reinvite, call.reinvite, callee.message("Hello"), callee.hang_up]
    expect(requests.map(&:status)).to eq([200] * 6)
    expect(alice.received.map(&:sip_method)).to eq(%i[INFO INVITE ACK MESSAGE BYE])
    expect(world.errors).to be_empty
  end

  it "has no dialog before somebody has answered" do
    gateway.never_answers
    expect { invite.hang_up }.to raise_error(OverSIP::RuntimeError, "alice has no dialog yet: nobody has answered with a To tag")
  end

  it "answers a call by hand" do
    gateway.never_answers
    call = invite
    gateway.calls.last.answer 180
    world.advance 7
    gateway.calls.last.answer 200, subject: "here"
    expect([call.answered_at, call.final.header("Subject"), call.responses.map(&:status_code)]).to eq([7.0, "here", [100, 180, 200]])
  end

  it "sends the ACK when the spec says so" do
    gateway.answers 200
    call = invite(auto_ack: false)
    world.advance 2
    expect([gateway.calls.last.acknowledged?, call.responses.size]).to eq([false, 2])
    sent = world.messages.count { |message| message.status_code == 200 && message.sender == "gw1.example" }
    call.ack
    world.advance 10
    expect(gateway.calls.last).to be_acknowledged
    expect(sent).to eq(3)
    expect(world.messages.count { |message| message.status_code == 200 && message.sender == "gw1.example" }).to eq(sent)
  end

  it "follows the Contact of a re-INVITE" do
    gateway.answers 200
    call = invite
    gateway.answers_in_dialog { 200 }
    call.reinvite(contact: "<sip:alice@198.51.100.77:5060>")
    expect(call.peer.dialog.remote_target).to eq("sip:alice@198.51.100.77:5060")
  end

  it "gives up after 32 s when nobody answers" do
    world.close
    open_world { |_| nil }
    exchange = alice.options
    world.advance 32
    expect([exchange.timed_out?, exchange.status]).to eq([true, nil])
    expect(world.messages.count { |message| message.sip_method == :OPTIONS }).to eq(11)
  end

  it "sends headers in the place of the usual ones, without some, and several" do
    gateway.answers 200
    alice.options("sip:bob@example.com", headers: { "from" => "<sip:x@y>;tag=z", "X-Two" => %w[a b] }, contact: nil, body: "v=0")
    request = gateway.received.last
    expect([request.headers("from"), request.headers("x-two"), request.header("contact"), request.header("content-type"), request.body])
      .to eq([["<sip:x@y>;tag=z"], %w[a b], nil, "application/sdp", "v=0"])
  end

  it "sends what is malformed" do
    alice.send_raw "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=a\r\n" \
                   "To: <sip:b@c>\r\nCall-ID: raw\r\nCSeq: one OPTIONS\r\n\r\n"
    expect(alice.responses.map(&:status_code)).to eq([400])
  end

  it "sends and answers bytes of any encoding" do
    gateway.answers { |request| raw_answer(request).sub("Strange", "Str\xffnge".b) }
    exchange = alice.message("sip:bob@example.com", "\xff\x00".b, headers: { "Subject" => "\u00e4" })
    expect([gateway.received.last.body.b, gateway.received.last.header("subject").b, exchange.status]).to eq(["\xff\x00".b, "\u00e4".b, 299])
  end

  it "registers, subscribes, refers and sends texts" do
    gateway.answers 200
    exchanges = [alice.register, alice.subscribe("sip:bob@example.com"), alice.refer("sip:bob@example.com", to: "sip:carol@example.com"),
                 alice.message("sip:bob@example.com", "Hi"), alice.info("sip:bob@example.com"), alice.request(:PING, "sip:bob@example.com")]
    expect(exchanges.map(&:status)).to eq([200] * 6)
    expect(gateway.received.map(&:sip_method)).to eq(%i[REGISTER SUBSCRIBE REFER MESSAGE INFO PING])
    expect(gateway.received.first).to have_attributes(ruri: "sip:example.com")
    expect(gateway.received.first.header("to")).to eq("<sip:alice@example.com>")
  end

  it "registers with a flow, which reaches it behind its NAT" do
    gateway.answers 200
    phone = world.client(:phone, behind_nat: true)
    phone.register(outbound: true)
    request = gateway.received.last
    expect(request.header("supported")).to eq("path, outbound")
    expect(request.header("contact")).to match(/\A<sip:phone@10\.0\.0\.1:5060>;reg-id=1;\+sip\.instance="<urn:uuid:/)
    expect(request.headers("path").join).to include(";ob")
  end

  it "is behind a NAT" do
    gateway.answers 200
    phone = world.client(:phone, behind_nat: true)
    call = phone.invite("sip:bob@example.com")
    expect([phone, call.status, call.peer.hang_up.status]).to match([be_behind_nat, 200, 200])
    expect(call.request.header("contact")).to eq("<sip:phone@10.0.0.1:5060>")
  end

  it "uses TCP, and its connection can break" do
    gateway.answers 200
    phone = world.client(:phone, transport: :tcp)
    expect { phone.disconnect }.to raise_error(OverSIP::RuntimeError, "phone has no connection with the element")
    call = phone.invite("sip:bob@example.com")
    expect([call.status, call.peer.request(:INFO).status]).to eq([200, 200])
    phone.disconnect
    expect(phone.invite("sip:bob@example.com").status).to eq(200)
  end

  it "has a connection that stands still for a while, and closes it" do
    gateway.answers 200
    phone = world.client(:phone, transport: :tcp)
    expect { phone.stalls }.to raise_error(OverSIP::RuntimeError, "phone has no connection with the element")
    phone.options("sip:bob@example.com")
    phone.stalls
    options = phone.options("sip:bob@example.com")
    world.advance 5
    expect(options.status).to be_nil
    phone.recovers
    world.advance 1
    expect(options.status).to eq(200)
    phone.disconnect(reset: false)
    expect { phone.disconnect }.to raise_error(OverSIP::RuntimeError, "phone has no connection with the element")
    expect(phone.options("sip:bob@example.com").status).to eq(200)
  end

  it "refuses and stalls connections" do
    world.close
    world_with("gw1.example", service: "_sip._tcp.example.com") { |request| OverSIP::SIP::Proxy.new.route(request, "gw1.example", 5060, :tcp) }
    gateway.refuses_connections
    expect(invite.status).to eq(500)
    gateway.stalls
    OverSIP.proxies[:default_proxy][:blacklist].clear
    call = invite
    world.advance 2
    expect([call.status, call.answered_at]).to eq([500, 2.0])
    OverSIP.proxies[:default_proxy][:blacklist].clear
    gateway.recovers
    expect(invite.status).to eq(200)
  end

  it "has one name for one persona" do
    expect(world.client(:alice)).to equal(alice)
    expect(world.target("gw1.example")).to equal(gateway)
    expect { world.client(:alice, transport: :tcp) }.to raise_error(ArgumentError, /the client alice is there already/)
    expect([gateway.address, alice.address, world.name_of("udp:192.0.2.1:5060")]).to eq(["192.0.2.1:5060", "198.51.100.1:5060", "gw1.example"])
  end

  it "listens where SRV records say" do
    world.zone { srv "_sip._tcp.example.org", "gw9.example:5090" }
    expect(world.target("gw9.example")).to have_attributes(transport: :tcp, address: "192.0.2.1:5090")
  end

  it "says which transports the element has" do
    expect { world.client(:browser, transport: :ws).options }
      .to raise_error(ArgumentError, "the element does not listen by ws: its configuration has udp, tcp")
  end

  describe "zone" do
    let(:host) { "gw7.example" }

    it "reads values of the spec in its block" do
      address = "192.0.2.77"
      world.zone do
        srv "_sip._udp.example.org", host
        a host, address
      end
      expect(world.target(host).address).to eq("192.0.2.77:5060")
    end

    it "has the instance variables of the spec in its block" do
      @host = host
      world.zone do
        a @host, "192.0.2.79"
        @added = @host
      end
      expect([world.target(host).address, @added, instance_variable_defined?(:@zone_names)]).to eq(["192.0.2.79:5060", host, false])
    end

    it "takes a block with an argument" do
      world.zone { |zone| zone.a host, "192.0.2.78" }
      expect(world.target(host).address).to eq("192.0.2.78:5060")
    end

    it "is asked again when the lifetime of its records is over, and takes its time" do
      world.close
      open_world { |request| OverSIP::SIP::Proxy.new.route(request) }
      world.target("gw1.example")
      statuses = [0, 59, 1].map do |seconds|
        world.advance seconds
        alice.options("sip:bob@gw1.example").status.tap { world.zone { forget "gw1.example" } }
      end
      expect(statuses).to eq([200, 200, 404])
      world.zone do
        a "gw1.example", "192.0.2.1"
        delay 2
      end
      world.advance 3600
      slow = alice.options("sip:bob@gw1.example")
      expect(slow.status).to be_nil
      world.advance 60
      # NAPTR, SRV, and then the address (RFC 3263 4).
      expect([slow.status, slow.answered_at]).to eq([200, 3660.0 + (3 * 2)])
    end

    # The zone has addresses for all of them but one.
    it "has names that do not exist, fail or are silent" do
      world.close
      open_world { |request| OverSIP::SIP::Proxy.new.route(request) }
      %w[there.example broken.example mute.example].each { |name| world.target(name).answers 200 }
      world.zone do
        fails "broken.example"
        silent "mute.example"
      end
      calls = %w[there nowhere broken mute].map { |name| alice.invite("sip:bob@#{name}.example") }
      expect(calls.map(&:status)).to eq([200, 404, 404, nil])
      world.advance 20
      expect([calls.last.status, calls.last.answered_at]).to eq([404, 10.0])
    end
  end
end
