# frozen_string_literal: true

# The inner value names the side a request came from, the outer one (on top) the side it leaves by.
RSpec.describe "The Record-Route and Path of a Proxy", :native do
  let(:clients) { { udp4: udp_peer, udp6: udp_peer("::1"), tcp4: nil } }
  let(:callees) { { udp4: udp_peer, udp6: udp_peer("::1"), tcp4: tcp_server, tcp6: TcpServerPeer.new("::1").tap { |peer| opened << peer } } }

  side = lambda do |name|
    transport = name.to_s[0, 3]
    host = name.to_s.end_with?("6") ? "HERE6" : "HERE4"
    ["#{host};transport=#{transport};lr;ovid=OVID", transport == "udp" ? "UDP_TOKEN" : "STREAM_TOKEN"]
  end

  def start(profile = {})
    start_oversip(configuration: { sip: { enable_ipv6: true, listen_ipv4: "127.0.0.1", listen_ipv6: "::1" } },
                  proxies: { default_proxy: profile }) do |request|
      request.loose_route
      OverSIP::SIP::Proxy.new.route(request, *@destination)
    end
    OverSIP::Testing.freeze
  end

  # Record-Route values carry the code of their dialog, Path values do not.
  def with_code(value)
    value.sub(">", ";ovcode=CODE>")
  end

  # Sends a request in by one side and takes it out at another.
  def pass(method, from, to, **options)
    callee = callees.fetch(to)
    @destination = [to.to_s.end_with?("6") ? "::1" : "127.0.0.1", callee.port, to.to_s[0, 3].to_sym]
    @caller = client(from)
    @caller.send_text(@caller.build(method, "sip:bob@b.example", **options), oversip_port)
    @callee = callee.is_a?(TcpServerPeer) ? callee.accept : callee
    @callee.receive
  end

  def client(name)
    return clients[name] if clients[name]

    TcpPeer.connect(oversip_port, name == :tcp6 ? "::1" : "127.0.0.1").tap { |peer| opened << peer }
  end

  def shapes(request, name)
    request.headers(name).map do |value|
      value.sub(/(?<=sip:)_[\w-]+(?=@)/, "UDP_TOKEN").sub(/(?<=sip:)\h{10}(?=@)/, "STREAM_TOKEN").sub(/(?<=ovid=)\h{8}/, "OVID")
           .sub(/(?<=ovcode=)\h{24}/, "CODE")
           .sub("127.0.0.1:#{oversip_port}", "HERE4").sub("[::1]:#{oversip_port}", "HERE6")
    end
  end

  sides = %i[udp4 udp6 tcp4 tcp6]
  sides.product(sides).each do |from, to|
    inner_uri, token = side.call(from)
    outer_uri, = side.call(to)
    outer = from == to ? [] : ["<sip:#{outer_uri}>"]

    it "name #{outer.empty? ? "the one side" : "both sides"} of an INVITE from #{from} to #{to}" do
      start
      request = pass(:INVITE, from, to)
      expect(shapes(request, "Record-Route")).to eq([*outer, "<sip:#{token}@#{inner_uri}>"].map { |value| with_code(value) })
      expect(shapes(request, "Path")).to be_empty
    end

    it "name #{outer.empty? ? "the one side" : "both sides"} of a REGISTER from #{from} to #{to}, in Path and without a token" do
      start
      request = pass(:REGISTER, from, to, headers: { "Supported" => "path" })
      expect(shapes(request, "Path")).to eq([*outer, "<sip:#{inner_uri}>"])
      expect(shapes(request, "Record-Route")).to be_empty
    end
  end

  describe "of a request that goes over the flow of its callee" do
    # A callee registers its flow; the token of the Path or Record-Route value that names it leads to it.
    def flow_of(callee)
      callee.send_text(callee.build(:INVITE, "sip:x@b.example"), oversip_port)
      clients[:udp6].receive.headers("Record-Route").last
    end

    def over_flow(method, callee_side, from: :udp4, **headers)
      @destination = ["::1", clients[:udp6].port, :udp]
      start
      on_request do |request|
        request.loose_route
        proxy = OverSIP::SIP::Proxy.new
        request.incoming_outbound_requested? ? proxy.route(request) : proxy.route(request, *@destination)
      end
      callee = callee_side == :udp4 ? udp_peer : TcpPeer.connect(oversip_port).tap { |peer| opened << peer }
      route = flow_of(callee)
      caller = client(from)
      caller.send_text(caller.build(method, "sip:bob@b.example", headers: { "Route" => route, "Supported" => "path" }.merge(headers)), oversip_port)
      [callee.receive_until(&:request?), route[/(?<=sip:)[^@]+/]]
    end

    # A request whose client wants its own flow kept as well.
    wants_flow = lambda do |method|
      method == :REGISTER ? '<sip:alice@a.example>;reg-id=1;+sip.instance="<urn:uuid:0>"' : "<sip:alice@a.example;ob>"
    end

    %i[udp4 tcp4].product(%i[udp4 tcp4], %i[INVITE REGISTER]).each do |from, to, method|
      header, ending, plain_ending = method == :REGISTER ? ["Path", ";ob", ""] : ["Record-Route", ";ovcode=CODE", ";ovcode=CODE"]
      inner_uri, token = side.call(from)
      outer_uri, = side.call(to)

      it "carry the token of that flow on top for #{method} from #{from} to #{to}" do
        request, flow = over_flow(method, to, from: from)
        expect(request.headers(header).first).to start_with("<sip:#{flow}@")
        kind = to == :udp4 ? "UDP_TOKEN" : "STREAM_TOKEN"
        expect(shapes(request, header)).to eq(["<sip:#{kind}@#{outer_uri}#{ending}>", "<sip:#{inner_uri}#{plain_ending}>"])
      end

      it "carry both tokens for #{method} from #{from} to #{to} when its client wants its own flow kept" do
        request, = over_flow(method, to, from: from, "Contact" => wants_flow.call(method))
        kind = to == :udp4 ? "UDP_TOKEN" : "STREAM_TOKEN"
        expect(shapes(request, header)).to eq(["<sip:#{kind}@#{outer_uri}#{ending}>", "<sip:#{token}@#{inner_uri}#{ending}>"])
      end
    end
  end

  it "bring the dialog back and forth between UDP over IPv4 and TCP over IPv6" do
    start
    on_request do |request|
      if request.in_dialog?
        request.loose_route
        next OverSIP::SIP::Proxy.new.route(request)
      end
      OverSIP::SIP::Proxy.new.route(request, *@destination)
    end
    invite = pass(:INVITE, :udp4, :tcp6)
    own = "<sip:bob@[::1]:#{callees[:tcp6].port};transport=tcp>"
    @callee.answer(invite, 200, "OK", headers: { "Contact" => own })
    answer = @caller.receive_until { |message| message.status == 200 }
    @caller.send_text(@caller.in_dialog(:BYE, answer, cseq: 2), oversip_port)
    bye = @callee.receive
    expect([bye.method_name, bye.headers("Route"), bye.headers("Record-Route")]).to eq(["BYE", [], []])
    @callee.answer(bye, 200)
    expect(@caller.receive_final.method_name).to eq("BYE")
  end

  it "stand in an in-dialog request only with record_route_all" do
    start({ record_route_all: true })
    request = pass(:INVITE, :udp4, :tcp4, to_tag: "in")
    expect(shapes(request, "Record-Route").size).to eq(2)
  end

  describe "after failover" do
    # The first callee is silent, and the script goes on to the second one.
    def fork(first_profile: :default_proxy, second_profile: :default_proxy)
      start_oversip(proxies: { default_proxy: {}, silent: { do_record_routing: false } }) do |request|
        first = OverSIP::SIP::Proxy.new(first_profile)
        first.on_error do
          first.drop_response
          OverSIP::SIP::Proxy.new(second_profile).route(request, "127.0.0.1", callees[:tcp4].port, :tcp)
        end
        first.route(request, "127.0.0.1", callees[:udp4].port)
      end
      OverSIP::Testing.freeze
      call_from(clients[:udp4])
      callees[:udp4].receive
      OverSIP::Testing.advance(32)
      callees[:tcp4].accept.receive
    end

    it "are those of the way it leaves by, none of the first attempt's is left" do
      request = fork
      expect(shapes(request, "Record-Route"))
        .to eq(["<sip:HERE4;transport=tcp;lr;ovid=OVID>", "<sip:UDP_TOKEN@HERE4;transport=udp;lr;ovid=OVID>"].map { |value| with_code(value) })
      expect(request.headers("Via").size).to eq(2)
    end

    it "are gone when the second Proxy does not record-route" do
      expect(fork(second_profile: :silent).headers("Record-Route")).to be_empty
    end

    it "are there when only the second Proxy record-routes" do
      expect(fork(first_profile: :silent).headers("Record-Route").size).to eq(2)
    end
  end

  it "are there, with the hop count, when the first target was on the blacklist" do
    start_oversip do |request|
      first = OverSIP::SIP::Proxy.new
      first.on_target do
        first.add_target_to_blacklist(60)
        first.abort_routing
      end
      first.on_error do
        first.drop_response
        second = OverSIP::SIP::Proxy.new
        second.on_error do
          second.drop_response
          OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", callees[:tcp4].port, :tcp)
        end
        second.route(request, "127.0.0.1", callees[:udp4].port)
      end
      first.route(request, "127.0.0.1", callees[:udp4].port)
    end
    call_from(clients[:udp4])
    request = callees[:tcp4].accept.receive
    expect([request.headers("Record-Route").size, request.header("Max-Forwards")]).to eq([2, "69"])
    expect(messages_at(callees[:udp4])).to be_empty
  end
end
