# frozen_string_literal: true

require "oversip/rspec"

# Ten calls in simulated worlds, whose ladders and other forms are files in spec/golden. `script/golden` writes them.
module GoldenCalls
  FOLDER = File.expand_path("../golden", __dir__)
  OFFER = ["v=0", "o=alice 1 1 IN IP4 198.51.100.1", "s=-", "c=IN IP4 198.51.100.1", "t=0 0", "m=audio 40000 RTP/AVP 0",
           "a=rtpmap:0 PCMU/8000", ""].join("\r\n")
  # Seconds that blocks are said to take, in turn: those of the machine are others in each run.
  DURATIONS = [0.0004, 0.0021, 0.035, 0.28, 1.4].freeze

  # By extension of the file.
  FORMS = {
    "txt" => ->(record) { OverSIP::CallRecord::TextLadder.new(record, width: 120) },
    "mmd" => ->(record) { OverSIP::CallRecord::MermaidLadder.new(record) },
    "svg" => ->(record) { OverSIP::CallRecord::SvgLadder.new(record) },
    "html" => ->(record) { OverSIP::CallRecord::HtmlLadder.new(record) },
    "json" => ->(record) { OverSIP::CallRecord::Json.new(record) }
  }.freeze

  CALLS = {
    "relay" => lambda do |world|
      world.target("gw1.example").answers 180, 200
      call = world.client(:alice).invite("sip:bob@gw1.example", body: OFFER, "Content-Type" => "application/sdp")
      world.advance 12.5
      call.hang_up
    end,
    "failover" => lambda do |world|
      world.zone { srv "_sip._udp.example.com", "gw1.example", "gw2.example" }
      world.target("gw1.example").never_answers
      world.target("gw2.example").answers 180, 200
      call = world.client(:alice).invite("sip:bob@example.com")
      world.advance 40
      call.hang_up
    end,
    "serial-fork" => lambda do |world|
      world.target("phone.example").answers(180, 486).after(3)
      world.target("voicemail.example").answers 200
      call = world.client(:alice).invite("sip:serial@example.com")
      world.advance 8
      call.hang_up
    end,
    "two-proxies" => lambda do |world|
      world.target("desk.example").answers 180
      world.target("mobile.example").answers(180, 200).after(2)
      call = world.client(:alice).invite("sip:both@example.com")
      world.advance 5
      call.hang_up
    end,
    "cancel" => lambda do |world|
      world.target("gw1.example").answers 180
      call = world.client(:alice).invite("sip:bob@gw1.example")
      world.advance 4
      call.cancel
    end,
    "spiral" => lambda do |world|
      world.target("gw1.example").answers 180, 200
      call = world.client(:alice).invite("sip:spiral@gw1.example")
      world.advance 3
      call.hang_up
    end,
    "websocket" => lambda do |world|
      world.target("gw1.example").answers 180, 200
      page = world.client(:page, transport: :ws)
      page.connect(origin: "https://phone.example")
      call = page.invite("sip:bob@gw1.example", body: OFFER, "Content-Type" => "application/sdp")
      world.advance 6
      call.peer.hang_up
    end,
    "tls" => lambda do |world|
      world.zone { srv "_sips._tcp.example.com", "gw1.example:15061" }
      world.target("gw1.example", transport: :tls, port: 15_061).answers 180, 200
      call = world.client(:alice, transport: :tls).invite("sips:bob@example.com")
      world.advance 3
      call.hang_up
    end,
    "retransmissions" => lambda do |world|
      world.target("gw1.example").answers 180, 200
      world.loss 0.35, delay: 0.02
      call = world.client(:alice).invite("sip:bob@gw1.example")
      world.advance 20
      call.hang_up
      world.advance 20
    end,
    "register-by-flow" => lambda do |world|
      registrar = world.target("registrar.example")
      phone = world.client(:phone, transport: :tcp)
      phone.register(outbound: true)
      world.advance 10
      call = registrar.invite("sip:phone@10.0.0.1", route: registrar.received.first.headers("Path"))
      world.advance 5
      call.hang_up
    end
  }.freeze

  CONFIGURATION = { sip: { sip_tls: true }, websocket: { sip_ws: true } }.freeze

  module_function

  # @param name [String]
  # @return [OverSIP::CallRecord]
  def record(name)
    world = OverSIP::Testing::World.open(script: File.join(FOLDER, "server.rb"), configuration: CONFIGURATION, seed: 14)
    CALLS.fetch(name).call(world)
    like_everywhere(world.record)
  ensure
    world&.close
  end

  # @return [String] the file
  def path(name, extension)
    File.join(FOLDER, "#{name}.#{extension}")
  end

  # What another machine, or another version of the library, would show otherwise is replaced: how long blocks take, and where
  # the methods stand that the script does not define.
  def like_everywhere(record)
    durations = DURATIONS.cycle
    record.map_events do |event|
      case event
      when OverSIP::CallRecord::Block
        place = File.basename(event.file) == "server.rb" ? { file: "server.rb", line: event.line } : {}
        OverSIP::CallRecord::Block.new(at: event.at, event: event.event, subject: event.subject, duration: durations.next,
                                       call_id: event.call_id, **place)
      when OverSIP::CallRecord::Message then event.with_bytes(event.bytes, event.redacted)
      else event
      end
    end
  end
end
