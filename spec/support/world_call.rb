# frozen_string_literal: true

# One call through a simulated world: a caller that hangs up after a time, and a callee that answers 200 after a time. Both
# use UDP and repeat nothing.
class WorldCall
  ELEMENT = "10.0.0.1:5060"
  CALLER = "10.0.1.1:5060"
  CALLEE = "10.0.2.1:5060"

  attr_reader :state

  # @param world [OverSIP::Engine::World]
  def initialize(world, answer_after: 2.0, talk: 60.0)
    @world = world
    @answer_after = answer_after
    @talk = talk
    @timers = []
    @caller = world.add_peer("caller", :udp, CALLER)
    @callee = world.add_peer("callee", :udp, CALLEE)
  end

  # Sends the INVITE.
  def begin(uri = "sip:bob@b.example")
    @state = :calling
    @world.send_bytes(@caller, <<~SIP.gsub("\n", "\r\n"), ELEMENT)
      INVITE #{uri} SIP/2.0
      Via: SIP/2.0/UDP #{CALLER};branch=z9hG4bK1
      Max-Forwards: 70
      From: <sip:alice@a.example>;tag=a
      To: <sip:bob@b.example>
      Call-ID: world-call
      CSeq: 1 INVITE
      Contact: <sip:alice@#{CALLER}>
      Content-Length: 0

    SIP
    self
  end

  # Steps the world until nothing more happens.
  def run
    while (step = @world.step(nil))
      happened(step) unless step == :happened
    end
    self
  end

  # What a peer, or a timer of this class, is told.
  def happened((kind, peer, _, remote, _, bytes))
    return @timers.fetch(peer).call if kind == :timer

    peer == @caller ? caller_got(bytes) : callee_got(bytes, remote)
  end

  private

  def after(seconds, &block)
    @timers << block
    @world.start_timer(seconds, @timers.size - 1)
  end

  def caller_got(bytes)
    return unless bytes.start_with?("SIP/2.0 200")
    return @state = :hung_up if bytes.include?("\r\nCSeq: 2 BYE")

    routes = headers(bytes, "Record-Route").reverse.map { |value| "Route: #{value}\r\n" }.join
    to = headers(bytes, "To").first
    @state = :up
    in_dialog("ACK", 1, to, routes)
    after(@talk) { in_dialog("BYE", 2, to, routes) }
  end

  def in_dialog(method, number, to, routes)
    @world.send_bytes(@caller, "#{method} sip:bob@#{CALLEE} SIP/2.0\r\nVia: SIP/2.0/UDP #{CALLER};branch=z9hG4bK#{method}\r\n" \
                               "Max-Forwards: 70\r\n#{routes}From: <sip:alice@a.example>;tag=a\r\nTo: #{to}\r\n" \
                               "Call-ID: world-call\r\nCSeq: #{number} #{method}\r\nContent-Length: 0\r\n\r\n", ELEMENT)
  end

  def callee_got(bytes, remote)
    method = bytes[/\A\S+/]
    return if method == "ACK" || (@seen ||= []).include?(method)

    @seen << method
    after(method == "INVITE" ? @answer_after : 0.0) { @world.send_bytes(@callee, answer(bytes), remote) }
  end

  def answer(bytes)
    copied = bytes.lines("\r\n", chomp: true).grep(/\A(?:Via|Record-Route|From|Call-ID|CSeq):/).join("\r\n")
    to = headers(bytes, "To").first
    to = "#{to};tag=b" unless to.include?(";tag=")
    "SIP/2.0 200 OK\r\n#{copied}\r\nTo: #{to}\r\nContact: <sip:bob@#{CALLEE}>\r\nContent-Length: 0\r\n\r\n"
  end

  def headers(bytes, name)
    bytes.scan(/^#{name}: ([^\r]*)/).flatten
  end
end
