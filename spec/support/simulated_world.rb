# frozen_string_literal: true

# For specs of {OverSIP::Engine::World}: opens one, steps it, and writes requests.
module SimulatedWorld
  LISTENERS = [[:udp, "10.0.0.1", 5060]].freeze

  # @param tls [Hash] the section of a server that uses TLS
  # @param engine [Hash{Symbol => Object}] options of the engine itself
  def open_world(seed: 1, core: {}, tls: nil, proxies: {}, listeners: LISTENERS, **engine)
    given = tls ? { core:, tls:, sip: { sip_tls: true } } : { core: }
    OverSIP.configuration = OverSIP::Config.build(given:, scope: :loopback)
    OverSIP.proxies = OverSIP::ProxiesConfig.build(given: proxies, configuration: OverSIP.configuration)
    options = OverSIP::EngineOptions.build(OverSIP.configuration, OverSIP.proxies)
    OverSIP::Engine.send(:open_world, options.merge(listeners:, **engine), seed)
  end

  def in_world(**options)
    world = open_world(**options)
    yield world
  ensure
    world&.close
    OverSIP.configuration = OverSIP.proxies = nil
  end

  # Steps until nothing more happens.
  # @return [Array<Array>] what the user of the world was told
  def run(world, limit = nil)
    told = []
    while (step = world.step(limit))
      told << step unless step == :happened
    end
    told
  end

  # A request of a peer.
  def request(method: "INVITE", to: "bob@b.example", via: "UDP 10.0.1.1:5060", branch: "z9hG4bK1")
    "#{method} sip:#{to} SIP/2.0\r\nVia: SIP/2.0/#{via};branch=#{branch}\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=a\r\n" \
      "To: <sip:#{to}>\r\nCall-ID: c-#{branch}\r\nCSeq: 1 #{method}\r\nContact: <sip:a@10.0.1.1>\r\nContent-Length: 0\r\n\r\n"
  end

  # The answer of a peer to a request that it got.
  def answer(bytes, status)
    copied = bytes.lines("\r\n", chomp: true).grep(/\A(?:Via|Record-Route|From|To|Call-ID|CSeq):/).join("\r\n")
    "SIP/2.0 #{status} X\r\n#{copied}\r\nContent-Length: 0\r\n\r\n".sub(/^(To: [^\r]*)/, '\1;tag=b')
  end
end
