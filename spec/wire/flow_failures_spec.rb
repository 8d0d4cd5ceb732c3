# frozen_string_literal: true

require_relative "../support/callbacks"

# RFC 5626 5.3: a token that names no live flow. Initial requests get 430, those in a dialog go by their Request-URI.
RSpec.describe "A flow that has ended", :native do
  let(:seen) { mailbox }
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }

  def start(&setup)
    start_oversip do |request|
      request.loose_route if request.headers["Route"]
      next if request.sip_method == :ACK && !request.incoming_outbound_requested? && !request.in_dialog?

      proxy = record(OverSIP::SIP::Proxy.new, into: seen)
      setup&.call(proxy, request)
      next proxy.route(request) if request.incoming_outbound_requested? || request.in_dialog?

      proxy.route(request, "127.0.0.1", bob.port)
    end
    OverSIP::Testing.freeze
  end

  # The Route by which bob reaches a TCP client that is gone.
  def dead_route
    caller = tcp_peer
    sent = caller.send_text(caller.build(:INVITE, "sip:bob@b.example"))
    request = bob.receive
    bob.answer(request, 486)
    acknowledge(caller, sent, caller.receive_final)
    bob.receive_until { |message| message.method_name == "ACK" }
    caller.close
    eventually { OverSIP.stats[:connections].zero? }
    dispatcher_caught_up
    seen.all
    request.headers("Record-Route").last
  end

  def send_along(route, method = :MESSAGE, ruri: "sip:alice@a.example", **options)
    bob.send_text(bob.build(method, ruri, headers: { "Route" => route }, **options), oversip_port)
  end

  failed = [:error, 430, "Flow Failed", :flow_failed]

  %i[INVITE MESSAGE REGISTER].each do |method|
    it "is 430 Flow Failed for an initial #{method}, without on_target" do
      start
      send_along(dead_route, method)
      expect(bob.receive_final.first_line).to eq("SIP/2.0 430 Flow Failed")
      expect(seen.all).to eq([failed])
      expect(OverSIP.proxies[:default_proxy][:blacklist]).not_to be_any
    end
  end

  { "text that is no token" => "nonsense", "an empty UDP token" => "_", "a UDP token cut short" => "_AAAA",
    "an old unsigned UDP token" => "_MTI3LjAuMC4xXzQ0OTky", "ten digits of no connection" => "0123456789",
    "something very long" => "_#{"A" * 3000}" }.each do |what, token|
    it "is 430 Flow Failed for #{what}" do
      start
      route = dead_route.sub(/(?<=sip:)[^@]+/, token)
      send_along(route)
      expect(bob.receive_final.status).to eq(430)
      expect(seen.all).to eq([failed])
    end
  end

  it "leaves no reply when on_error drops it" do
    start { |proxy, _| proxy.on_error { proxy.drop_response } }
    send_along(dead_route)
    expect(seen.pop).to eq(failed)
    engine_caught_up
    expect(messages_at(bob)).to be_empty
  end

  it "lets the script go on elsewhere" do
    carol = udp_peer
    start { |proxy, request| proxy.on_error { proxy.drop_response && proxy.route(request, "127.0.0.1", carol.port) } }
    send_along(dead_route)
    carol.answer(carol.receive, 200)
    expect(bob.receive_final.status).to eq(200)
  end

  it "runs on_error for an ACK outside of a dialog, which is not answered" do
    start
    send_along(dead_route, :ACK)
    expect(seen.pop).to eq(failed)
    dispatcher_caught_up
    engine_caught_up
    expect([seen.all, messages_at(bob)]).to eq([[], []])
  end

  it "does not matter where the script names a destination" do
    carol = udp_peer
    start
    route = dead_route
    on_request do |request|
      request.loose_route
      OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", carol.port)
    end
    send_along(route)
    expect(carol.receive.method_name).to eq("MESSAGE")
  end

  describe "in a dialog" do
    let!(:carol) { udp_peer }

    { "a connection that is gone" => ->(route) { route }, "a forged UDP token" => ->(route) { route.sub(/(?<=sip:)[^@]+/, "_AAAA") } }
      .each do |what, change|
      %i[BYE INVITE ACK].each do |method|
        it "does not matter to #{method}, with #{what}: the Request-URI says where to go" do
          start
          send_along(change.call(dead_route), method, ruri: "sip:carol@#{carol.address}", to_tag: "t")
          expect(carol.receive.first_line).to eq("#{method} sip:carol@#{carol.address} SIP/2.0")
          expect(seen.all.map(&:first)).not_to include(:error)
        end
      end
    end
  end

  it "leads to the other side when it is the sender's own: its BYE is not sent back to it" do
    start
    sent = alice.send_text(alice.build(:INVITE, "sip:bob@b.example"), oversip_port)
    invite = bob.receive
    bob.answer(invite, 200)
    answer = alice.receive_until { |message| message.status == 200 }
    expect(SipText.new(sent).header("Call-ID")).to eq(answer.header("Call-ID"))
    alice.send_text(alice.in_dialog(:BYE, answer, cseq: 2), oversip_port)
    bye = bob.receive_until { |message| message.method_name == "BYE" }
    bob.answer(bye, 200)
    expect(alice.receive_until { |message| message.method_name == "BYE" }.status).to eq(200)
  end
end
