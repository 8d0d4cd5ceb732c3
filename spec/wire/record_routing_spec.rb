# frozen_string_literal: true

require_relative "../support/callbacks"

# The headers with which a Proxy stays on the route of a dialog or registration.
RSpec.describe "A Proxy", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let(:tcp_bob) { tcp_server }

  # Everything goes to bob, over UDP or TCP.
  def start(profile = {}, over: :udp, sip: {})
    port = over == :udp ? bob.port : tcp_bob.port
    start_oversip(configuration: { sip: sip }, proxies: { default_proxy: profile }) do |request|
      request.loose_route
      OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", port, over)
    end
  end

  # The request as bob gets it.
  def relayed(method, from: alice, over: :udp, **options)
    from.send_text(from.build(method, "sip:bob@b.example", **options), oversip_port)
    @connection ||= tcp_bob.accept if over == :tcp
    (over == :tcp ? @connection : bob).receive_until { |message| message.method_name == method.to_s }
  end

  def wants_path
    { "Supported" => "path" }
  end

  def contact_with_flow
    "<sip:alice@#{alice.address}>;reg-id=1;+sip.instance=\"<urn:uuid:0>\""
  end

  # The values of a header with their random parts by name.
  def shapes(request, name)
    request.headers(name).map do |value|
      value.sub(/(?<=sip:)_[\w-]+(?=@)/, "UDP_TOKEN").sub(/(?<=sip:)\h{10}(?=@)/, "STREAM_TOKEN")
           .sub(/(?<=ovid=)\h{8}/, "OVID").sub(/(?<=ovcode=)\h{24}/, "CODE")
           .sub("127.0.0.1:#{oversip_port}", "HERE").sub("[::1]:#{oversip_port}", "HERE6")
    end
  end

  udp = "<sip:HERE;transport=udp;lr;ovid=OVID;ovcode=CODE>"
  udp_token = "<sip:UDP_TOKEN@HERE;transport=udp;lr;ovid=OVID;ovcode=CODE>"
  tcp = "<sip:HERE;transport=tcp;lr;ovid=OVID;ovcode=CODE>"
  tcp_token = "<sip:STREAM_TOKEN@HERE;transport=tcp;lr;ovid=OVID;ovcode=CODE>"
  # A Path comes back in requests that no dialog has yet: it carries no code of one.
  udp_path = "<sip:HERE;transport=udp;lr;ovid=OVID>"
  tcp_path = "<sip:HERE;transport=tcp;lr;ovid=OVID>"

  %i[INVITE SUBSCRIBE REFER NOTIFY].each do |method|
    it "record-routes an initial #{method} that stays on UDP, with the token of the caller's flow" do
      start
      expect(shapes(relayed(method), "Record-Route")).to eq([udp_token])
    end
  end

  %i[MESSAGE OPTIONS PUBLISH INFO UPDATE PRACK BYE].each do |method|
    it "does not record-route an initial #{method}" do
      start
      request = relayed(method)
      expect(shapes(request, "Record-Route") + shapes(request, "Path")).to be_empty
    end
  end

  it "names both sides when a call goes from UDP to TCP, the one nearer to the callee first" do
    start(over: :tcp)
    expect(shapes(relayed(:INVITE, over: :tcp), "Record-Route")).to eq([tcp, udp_token])
  end

  it "names both sides when a call goes from TCP to UDP" do
    start
    expect(shapes(relayed(:INVITE, from: tcp_peer), "Record-Route")).to eq([udp, tcp_token])
  end

  it "names one side when a call stays on TCP" do
    start(over: :tcp)
    expect(shapes(relayed(:INVITE, from: tcp_peer, over: :tcp), "Record-Route")).to eq([tcp_token])
  end

  it "names both sides when a call goes from IPv4 to IPv6" do
    skip "no ::1 here" unless Socket.ip_address_list.any?(&:ipv6_loopback?)

    callee = udp_peer("::1")
    start_oversip(configuration: { sip: { enable_ipv6: true, listen_ipv6: "::1" } }) do |request|
      OverSIP::SIP::Proxy.new.route(request, "::1", callee.port)
    end
    call_from(alice)
    expect(shapes(callee.receive, "Record-Route")).to eq(["<sip:HERE6;transport=udp;lr;ovid=OVID;ovcode=CODE>", udp_token])
  end

  it "puts its values above those of the proxies before it" do
    start
    before = ["<sip:p2.example;lr>, <sip:p1.example;lr>", "<sip:p0.example;lr>"]
    request = relayed(:INVITE, headers: { "Record-Route" => before })
    expect(shapes(request, "Record-Route").join(", ")).to eq([udp_token, *before].join(", "))
  end

  it "adds a Path to a REGISTER, without a token" do
    start
    request = relayed(:REGISTER, headers: wants_path)
    expect([shapes(request, "Path"), shapes(request, "Record-Route")]).to eq([[udp_path], []])
  end

  # RFC 3327 5.2: a client that does not support Path knows nothing of those between it and its registrar.
  it "adds no Path to a REGISTER of a client that does not support it, one that wants its flow kept included" do
    start({ record_route_all: true })
    [{}, { "Supported" => "outbound, x-path" }, { "Supported" => "" }, { "Contact" => contact_with_flow }].each do |headers|
      request = relayed(:REGISTER, headers: headers)
      expect([shapes(request, "Path"), shapes(request, "Record-Route")]).to eq([[], []])
    end
  end

  it "leaves the Path of the proxies before it as it is where it adds none" do
    start
    before = ["<sip:p2.example;lr>, <sip:p1.example;lr>"]
    expect(shapes(relayed(:REGISTER, headers: { "Path" => before }), "Path")).to eq(before)
  end

  it "finds the option in every form of the header" do
    start
    [{ "k" => "path" }, { "Supported" => "gruu,  PATH ,outbound" }, { "Supported" => %w[gruu path] }].each do |headers|
      expect(shapes(relayed(:REGISTER, headers: headers), "Path")).to eq([udp_path])
    end
  end

  describe "with path_always" do
    it "adds a Path to each REGISTER" do
      start({ path_always: true })
      expect(shapes(relayed(:REGISTER), "Path")).to eq([udp_path])
      expect(shapes(relayed(:REGISTER, headers: wants_path), "Path")).to eq([udp_path])
      expect(shapes(relayed(:REGISTER, headers: { "Contact" => contact_with_flow }), "Path"))
        .to eq([udp_path, "<sip:UDP_TOKEN@HERE;transport=udp;lr;ovid=OVID;ob>"])
    end

    it "adds nothing to other requests" do
      start({ path_always: true })
      expect(shapes(relayed(:INVITE), "Path") + shapes(relayed(:OPTIONS), "Path")).to be_empty
    end
  end

  it "adds a double Path to a REGISTER that goes from UDP to TCP" do
    start(over: :tcp)
    expect(shapes(relayed(:REGISTER, over: :tcp, headers: wants_path), "Path")).to eq([tcp_path, udp_path])
  end

  it "adds a Path with token and ob to a REGISTER of a client that wants its flow kept" do
    start
    expect(shapes(relayed(:REGISTER, headers: wants_path.merge("Contact" => contact_with_flow)), "Path"))
      .to eq([udp_path, "<sip:UDP_TOKEN@HERE;transport=udp;lr;ovid=OVID;ob>"])
  end

  it "record-routes twice for a caller that wants its flow kept" do
    start
    contact = "<sip:alice@#{alice.address};ob>"
    expect(shapes(relayed(:INVITE, headers: { "Contact" => contact }), "Record-Route")).to eq([udp, udp_token])
  end

  describe "inside a dialog" do
    it "record-routes no INVITE, SUBSCRIBE or BYE" do
      start
      %i[INVITE SUBSCRIBE BYE].each { |method| expect(relayed(method, to_tag: "t").headers("Record-Route")).to be_empty }
    end

    it "record-routes a NOTIFY" do
      start
      expect(shapes(relayed(:NOTIFY, to_tag: "t"), "Record-Route")).to eq([udp_token])
    end
  end

  describe "with record_route_all" do
    it "record-routes every request, inside a dialog too, but REGISTER, which gets its Path" do
      start({ record_route_all: true })
      %i[INVITE MESSAGE OPTIONS BYE].each do |method|
        expect(shapes(relayed(method), "Record-Route")).to eq([udp_token])
        expect(shapes(relayed(method, to_tag: "t"), "Record-Route")).to eq([udp_token])
      end
      request = relayed(:REGISTER, headers: wants_path)
      expect([shapes(request, "Path"), shapes(request, "Record-Route")]).to eq([[udp_path], []])
    end
  end

  describe "without do_record_routing" do
    it "adds nothing" do
      start({ do_record_routing: false, record_route_all: true, path_always: true })
      %i[INVITE SUBSCRIBE REGISTER NOTIFY].each do |method|
        request = relayed(method, headers: wants_path)
        expect(shapes(request, "Record-Route") + shapes(request, "Path")).to be_empty
      end
    end

    it "leaves nothing of an earlier Proxy's behind when it takes the request over" do
      dead = dead_port
      start_oversip(proxies: { default_proxy: {}, silent: { do_record_routing: false } }) do |request|
        first = OverSIP::SIP::Proxy.new
        first.on_error do
          first.drop_response
          OverSIP::SIP::Proxy.new(:silent).route(request, "127.0.0.1", bob.port)
        end
        first.route(request, "127.0.0.1", dead)
      end
      call_from(alice)
      expect(bob.receive.headers("Record-Route")).to be_empty
    end
  end

  it "adds its headers though the first Proxy's target was aborted" do
    start_oversip do |request|
      first = OverSIP::SIP::Proxy.new
      first.on_target { first.abort_routing }
      first.on_error do
        first.drop_response
        OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", bob.port)
      end
      first.route(request, "127.0.0.1", 9)
    end
    call_from(alice)
    request = bob.receive
    expect([shapes(request, "Record-Route"), request.header("Max-Forwards")]).to eq([[udp_token], "69"])
  end

  it "adds its headers once though two Proxies have sent the request" do
    first_bob = udp_peer
    start_oversip do |request|
      first = OverSIP::SIP::Proxy.new
      first.on_failure_response do
        first.drop_response
        OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", bob.port)
      end
      first.route(request, "127.0.0.1", first_bob.port)
    end
    call_from(alice)
    first_bob.answer(first_bob.receive, 486)
    request = bob.receive
    expect([shapes(request, "Record-Route"), request.headers("Via").size, request.header("Max-Forwards")])
      .to eq([[udp_token], 2, "69"])
  end
end
