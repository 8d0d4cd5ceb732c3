# frozen_string_literal: true

require_relative "../support/two_stages"

# Behaviours that spec/wire shows over real sockets, in a simulated world and over real sockets: what peers see is equal, message
# for message and at the same times.
RSpec.describe OverSIP::Testing::World, "beside real sockets", :native do
  include TwoStages

  def self.relay(&before)
    lambda do |request|
      next request.reply(403) if request.in_dialog? && !request.loose_route

      proxy = OverSIP::SIP::Proxy.new(:default_proxy)
      before&.call(proxy, request)
      request.initial? ? proxy.route(request, "example.com") : proxy.route(request)
    end
  end

  # An example for a behaviour. The block gives back what the behaviour is known by.
  def self.shows(description, result, script = relay, **options, &)
    it description do
      simulation, wire = on_both_stages(script, **options, &)
      expect(simulation.first).to eq(result)
      expect(simulation.last).not_to be_empty
      expect(wire.last.join("\n").delete("\r")).to eq(simulation.last.join("\n").delete("\r"))
      expect(wire.first).to eq(simulation.first)
    end
  end

  shows "a call that both sides end in its dialog", [200, "gw1.example", 200, 200] do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").answers 180, 200
    call = client(:alice).invite("sip:bob@example.com", body: "v=0 offer")
    [call.status, call.answered_by, call.peer.request(:INFO).status, call.hang_up.status]
  end

  shows "an INVITE that nobody answers, sent again until Timer B", [408, 32.0] do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").never_answers
    call = client(:alice).invite("sip:bob@example.com")
    advance 32
    [call.status, call.answered_at]
  end

  shows "the next target of SRV records when the first is silent", [200, "gw2.example", 32.0] do
    zone { srv "_sip._udp.example.com", "gw1.example", "gw2.example" }
    target("gw1.example").never_answers
    target("gw2.example").answers 180, 200
    call = client(:alice).invite("sip:bob@example.com")
    advance 32
    [call.status, call.answered_by, call.answered_at]
  end

  shows "the next target after a 503", [200, "gw2.example"] do
    zone { srv "_sip._udp.example.com", "gw1.example", "gw2.example" }
    target("gw1.example").answers 503, retry_after: 30
    target("gw2.example").answers 200
    call = client(:alice).invite("sip:bob@example.com")
    [call.status, call.answered_by]
  end

  shows "a target that was silent left out by later calls", [200, "gw2.example", 1] do
    zone { srv "_sip._udp.example.com", "gw1.example", "gw2.example" }
    first = target("gw1.example").tap(&:never_answers)
    target("gw2.example").answers 200
    client(:alice).invite("sip:bob@example.com")
    advance 32
    call = client(:carol).invite("sip:bob@example.com")
    [call.status, call.answered_by, first.received.size]
  end

  shows "a CANCEL", [487, 200, true] do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").answers 180
    call = client(:alice).invite("sip:bob@example.com")
    call.cancel
    [call.status, call.cancellation.status, target("gw1.example").calls.last.cancelled?]
  end

  shows "a CANCEL that waits for the first provisional response", [487, %i[INVITE CANCEL]] do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").answers(180).after(2)
    call = client(:alice).invite("sip:bob@example.com")
    advance 1
    call.cancel
    advance 2
    [call.status, target("gw1.example").received.map(&:sip_method).first(2)]
  end

  shows "the end of a call that rings longer than Timer C", [408, 120.0], profile: { timer_C: 120 } do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").answers 180
    call = client(:alice).invite("sip:bob@example.com")
    advance 130
    [call.status, call.answered_at]
  end

  shows "a 2xx sent again until its ACK comes", [200, 4] do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").answers 200
    call = client(:alice).invite("sip:bob@example.com", auto_ack: false)
    advance 4
    call.ack
    advance 30
    [call.status, client(:alice).responses.count { |response| response.status_code == 200 }]
  end

  shows "a refusal acknowledged hop by hop", [486, true] do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").answers 180, 486
    call = client(:alice).invite("sip:bob@example.com")
    advance 40
    [call.status, target("gw1.example").calls.last.acknowledged?]
  end

  shows "a request that comes again and is sent on once", [200, 3.0, 1] do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").answers(200).after(3)
    request = client(:alice).message("sip:bob@example.com", "How are you?")
    advance 4
    [request.status, request.answered_at, target("gw1.example").received.size]
  end

  shows "no 408 for a request other than INVITE that nobody answers", [nil, true] do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").never_answers
    request = client(:alice, transport: :tcp).options("sip:bob@example.com")
    advance 40
    [request.status, request.timed_out?]
  end

  slow = relay { |_, request| OverSIP.sleep 2 if request.initial? }

  shows "a call whose block waits before it routes, and the INVITE that comes again meanwhile", [200, 2.0, 1], slow do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").answers 200
    call = client(:alice).invite("sip:bob@example.com")
    advance 3
    [call.status, call.answered_at, target("gw1.example").received.count { |request| request.sip_method == :INVITE }]
  end

  shows "a CANCEL while a block waits", [487, 0], slow do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").answers 200
    call = client(:alice).invite("sip:bob@example.com")
    advance 1
    call.cancel
    advance 3
    [call.status, target("gw1.example").received.size]
  end

  looked_up = relay { |_, request| request.ruri = OverSIP.await { "sip:bob@gw2.example" } if request.initial? }

  shows "a call that goes where the work of its block says", [200, "sip:bob@gw2.example"], looked_up do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").answers 200
    call = client(:alice).invite("sip:bob@example.com")
    [call.status, target("gw1.example").received.first.ruri.to_s]
  end

  voicemail = lambda do |request|
    next OverSIP::SIP::Proxy.new.tap { request.loose_route }.route(request) if request.in_dialog?

    proxy = OverSIP::SIP::Proxy.new
    proxy.on_failure_response do |response|
      next unless [408, 486].include?(response.status_code)

      proxy.drop_response
      OverSIP::SIP::Proxy.new.route(request, "voicemail.example", 5060, :udp)
    end
    proxy.route(request, "example.com")
  end

  shows "serial forking", [200, "voicemail.example", 200], voicemail do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").answers 180, 486
    target("voicemail.example").answers 200
    call = client(:alice).invite("sip:bob@example.com")
    [call.status, call.answered_by, call.hang_up.status]
  end

  refusal = lambda do |request|
    next unless request.check_max_forwards(10)

    request.reply 480, "Gone Fishing", ["Retry-After: 60", "Content-Type: text/plain"], "until Monday"
  end

  shows "a reply of the script, with headers and body", [480, "Gone Fishing", "60", "until Monday"], refusal do
    call = client(:alice).invite("sip:bob@example.com")
    advance 40
    [call.status, call.reason, call.final.header("Retry-After"), call.final.body]
  end

  shows "483 when Max-Forwards is used up", [483], refusal do
    [client(:alice).options("sip:bob@example.com", max_forwards: 0).status]
  end

  raising = ->(_request) { raise ArgumentError, "no such user" }

  shows "500 for an exception of the script", [500], raising do
    expect_script_error(ArgumentError) if is_a?(OverSIP::Testing::World)
    [client(:alice).options("sip:bob@example.com").status]
  end

  changed = relay do |proxy, request|
    request.set_header("X-Trace", "7")
    proxy.on_success_response { |response| response.set_header("Server", "edge") }
  end

  shows "headers that the script changes in both directions", ["7", "edge"], changed do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").answers 200
    request = client(:alice).message("sip:bob@example.com")
    [target("gw1.example").received.last.header("X-Trace"), request.final.header("Server")]
  end

  shows "a call over TCP, with the callee's requests over the caller's connection", [200, 200, 200] do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example").answers 180, 200
    call = client(:alice, transport: :tcp).invite("sip:bob@example.com")
    [call.status, call.peer.request(:INFO).status, call.peer.hang_up.status]
  end

  shows "the next target when a connection is refused", [200, "gw2.example"] do
    zone { srv "_sip._tcp.example.com", "gw1.example", "gw2.example" }
    target("gw1.example").refuses_connections
    target("gw2.example").answers 200
    call = client(:alice).invite("sip:bob@example.com;transport=tcp")
    [call.status, call.answered_by]
  end

  shows "a large request sent by TCP", [200, :tcp] do
    zone { srv "_sip._udp.example.com", "gw1.example" }
    target("gw1.example", transport: :tcp, port: 5060)
    request = client(:alice).message("sip:bob@example.com", "x" * 1400)
    [request.status, target("gw1.example", transport: :tcp, port: 5060).received.last&.transport]
  end

  edge = { script: File.expand_path("../../lib/oversip/starter/server.rb", __dir__), configuration: { require_own_route: true },
           profile: { path_always: true } }

  shows "a message to a registered client behind NAT, over its flow", [200, 200, "bob"], nil, **edge do
    home = target("127.0.0.1", port: 5070)
    bob = client(:bob, behind_nat: true)
    register = bob.register
    message = home.message("sip:bob@10.0.0.1", headers: { "Route" => home.received.last.headers("Path") })
    [register.status, message.status, message.answered_by]
  end

  shows "403 in a dialog that did not come by here", [403], nil, **edge do
    target("127.0.0.1", port: 5070)
    [client(:alice).request(:BYE, "sip:bob@example.com", to: "<sip:bob@example.com>;tag=1").status]
  end

  shows "400 for a message with a defect", [400] do
    client(:alice).options("sip:bob@example.com", content_length: 9)
    client(:alice).responses.map(&:status_code)
  end

  it "sees a difference" do
    statuses = [480, 486]
    simulation, wire = on_both_stages(->(request) { request.reply(statuses.shift || 603) }) { client(:alice).options("sip:bob@example.com").status }
    expect([simulation.first, wire.first]).to eq([480, 486])
    expect(wire.last).not_to eq(simulation.last)
  end
end
