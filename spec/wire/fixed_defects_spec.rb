# frozen_string_literal: true

# Defects of OverSIP 2 that the network can see, see docs/mended.md.
RSpec.describe "Compared with OverSIP 2,", :native do
  let!(:client) { udp_peer }
  let!(:seen) { mailbox }

  def options(**parts)
    client.build(:OPTIONS, "sip:x.example", **parts)
  end

  def via(rest)
    { "Via" => "SIP/2.0/UDP #{rest}" }
  end

  # Sends a text and returns the final answer.
  def answer_to(text, from: client)
    from.send_text(text, oversip_port)
    from.receive_final
  end

  {
    "a repeated branch is answered 400" =>
      ["127.0.0.1:%d;branch=z9hG4bKx;branch=y;rport", "400 Via branch non RFC 3261 compliant"],
    "a missing branch is no reason to refuse a request (RFC 3261 17.2.3)" => ["10.9.9.9;rport", "200 OK"]
  }.each do |what, (text, status)|
    it "#{what}, and the next datagram is served" do
      start_oversip { |request| request.reply(200) }
      3.times do
        expect(answer_to(options(headers: via(format(text, client.port)))).first_line).to eq "SIP/2.0 #{status}"
        expect(answer_to(options).status).to eq 200
      end
    end
  end

  it "an exception of the script loses no datagram" do
    start_oversip { |request| request.sip_method == :OPTIONS ? raise("no") : request.reply(200) }
    capture_log do
      expect(answer_to(options).status).to eq 500
      expect(answer_to(client.build(:MESSAGE, "sip:x.example")).status).to eq 200
    end
  end

  it "a reply within a dialog has one To tag" do
    start_oversip { |request| request.create_transaction && request.reply(200) }
    expect(answer_to(options(to_tag: "tt")).header("To")).to eq "<sip:bob@b.example>;tag=tt"
  end

  it "a Content-Length with a leading zero does not move the next message of a stream" do
    start_oversip { |request| seen << [request.call_id, request.body] }
    stream = tcp_peer
    first = stream.build(:MESSAGE, "sip:x.example", call_id: "first", headers: { "Content-Length" => "010" }, body: "0123456789")
    stream.send_text(first + stream.build(:MESSAGE, "sip:x.example", call_id: "second"))
    expect([seen.pop, seen.pop]).to eq [%w[first 0123456789], ["second", nil]]
  end

  it "the reply has the CSeq number of the request" do
    start_oversip { |request| request.reply(200) }
    expect(answer_to(options(headers: { "CSeq" => "012 OPTIONS" })).header("CSeq").to_i).to eq 12
  end

  it "an escaped @ in a user part stays escaped" do
    start_oversip do |request|
      request.ruri.port = 5070
      seen << request.to_s.lines.first
    end
    client.send_text(client.build(:OPTIONS, "sip:a%40b@h.example"), oversip_port)
    expect(seen.pop).to eq "OPTIONS sip:a%40b@h.example:5070 SIP/2.0\r\n"
  end

  it "a request within a dialog whose only Route has its sender's own token is not sent back to it" do
    start_oversip do |request|
      token = request.connection_outbound_flow_token
      routed = OverSIP::SIP::Request.parse(request.to_s)
      seen << token << routed
      seen << [request.loose_route, request.incoming_outbound_requested?]
    end
    client.send_text(options, oversip_port)
    token = seen.pop
    2.times { seen.pop }
    route = "<sip:#{token}@127.0.0.1:#{oversip_port};lr;ovid=#{OverSIP::SIP::Tags.value_for_route_ovid}>"
    client.send_text(options(to_tag: "t", headers: { "Route" => route }), oversip_port)
    2.times { seen.pop }
    expect(seen.pop).to eq [true, nil]
  end

  it "two clients with one branch are two transactions" do
    start_oversip do |request|
      request.create_transaction
      seen << request.call_id
    end
    other = udp_peer
    client.send_text(options(branch: "z9hG4bKsame", call_id: "one"), oversip_port)
    other.send_text(other.build(:OPTIONS, "sip:x.example", branch: "z9hG4bKsame", call_id: "two"), oversip_port)
    expect([seen.pop, seen.pop]).to contain_exactly("one", "two")
  end

  it "an ACK with the branch of an accepted INVITE comes to the script" do
    start_oversip do |request|
      seen << request.sip_method
      request.create_transaction && request.reply(200) if request.sip_method == :INVITE
    end
    invite = client.build(:INVITE, "sip:x.example")
    accepted = answer_to(invite)
    client.send_text(client.companion(invite, :ACK, headers: { "To" => accepted.header("To") }), oversip_port)
    expect([seen.pop, seen.pop]).to eq %i[INVITE ACK]
  end

  it "the answer does not name an exception of the script" do
    start_oversip { raise ArgumentError, "secret" }
    answer = capture_log_of { answer_to(options) }
    expect([answer.first_line, answer.header("Content-Type"), answer.body]).to eq ["SIP/2.0 500 Internal Error", nil, ""]
  end

  def capture_log_of
    result = nil
    capture_log { result = yield }
    result
  end

  it "a body over the limit is refused before it comes, and the connection closed" do
    start_oversip(configuration: { sip: { max_body_size: 1000 } }) { |request| request.reply(200) }
    stream = tcp_peer
    stream.send_text(stream.build(:MESSAGE, "sip:x.example", headers: { "Content-Length" => "1001" }))
    expect(stream.receive.first_line).to eq "SIP/2.0 413 Request Entity Too Large"
    expect(stream.closed_by_peer?).to be true
  end

  it "an INVITE of a Uac is sent, and its responses can be written" do
    callee = udp_peer
    start_oversip
    uac = OverSIP::SIP::Uac.new
    uac.on_failure_response { |response| seen << response.to_s.lines.first }
    uac.route(OverSIP::SIP::UacRequest.new({ sip_method: :INVITE, ruri: "sip:x@127.0.0.1:#{callee.port}" }))
    callee.answer(callee.receive, 486, "Busy")
    expect(seen.pop).to eq "SIP/2.0 486 Busy\r\n"
  end

  it "advertised addresses and host names of Record-Route are ours" do
    start_oversip(configuration: { sip: { advertised_ipv4: "192.0.2.77", record_route_hostname_tls_ipv4: "edge.example" } }) do |request|
      seen << request.destination_myself?
    end
    client.send_text(client.build(:OPTIONS, "sip:192.0.2.77:#{oversip_port}"), oversip_port)
    client.send_text(client.build(:OPTIONS, "sip:192.0.2.78:#{oversip_port}"), oversip_port)
    expect([seen.pop, seen.pop]).to eq [true, false]
  end

  it "Max-Forwards is decremented, or added, without a call of check_max_forwards" do
    callee = udp_peer
    start_relay_to(callee)
    call_from(client, :MESSAGE, headers: { "Max-Forwards" => "20" })
    expect(callee.receive.header("Max-Forwards")).to eq "19"
    call_from(client, :MESSAGE, headers: { "Max-Forwards" => nil })
    expect(callee.receive.header("Max-Forwards")).to eq "70"
  end

  describe "a received of the client's own is not believed" do
    it "over UDP" do
      start_oversip { |request| seen << request.hdr_via.first }
      client.send_text(options(headers: via("127.0.0.1:#{client.port};branch=z9hG4bKk;received=1.1.1.1")), oversip_port)
      expect(seen.pop).to eq "SIP/2.0/UDP 127.0.0.1:#{client.port};branch=z9hG4bKk"
    end

    it "over TCP" do
      start_oversip { |request| seen << request.hdr_via.first }
      stream = tcp_peer
      stream.send_text(stream.build(:OPTIONS, "sip:x", headers: { "Via" => "SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKk;received=1.1.1.1" }))
      expect(seen.pop).to eq "SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKk"
    end
  end

  it "bytes behind the body of a datagram are discarded, and without Content-Length the body is the rest" do
    start_oversip { |request| seen << request.body }
    [["5", "12345surplus"], ["0", "surplus"], [nil, "to the end"]].each do |length, rest|
      head = client.build(:MESSAGE, "sip:x.example", headers: { "Content-Length" => length })
      client.send_text(head + rest, oversip_port)
    end
    expect(Array.new(3) { seen.pop }).to eq ["12345", nil, "to the end"]
  end

  it "a datagram that ends before its body does is answered 400" do
    start_oversip { |request| seen << request.body }
    answer = answer_to(client.build(:MESSAGE, "sip:x.example", headers: { "Content-Length" => "9" }, body: "12345"))
    expect(answer.first_line).to eq "SIP/2.0 400 Body size doesn't match Content-Length"
    expect(seen).to be_empty
  end

  it "a request of mixed encodings is written and relayed byte by byte" do
    callee = udp_peer
    start_relay_to(callee) do |_, request|
      request.set_header("X-A", "gr\u00fcn")
      request.append_header("X-A", "\xFF\xFE".b)
      request.body = "\x00\xFF\xC3".b
    end
    call_from(client, :MESSAGE, headers: { "Subject" => "\u00e9\x80" }, body: "\xC3\xA9")
    head, body = callee.receive.to_s.b.split("\r\n\r\n", 2)
    expect(head.lines(chomp: true)).to include("X-A: gr\u00fcn".b, "X-A: \xFF\xFE".b, "Subject: \u00e9\x80".b)
    expect(body).to eq "\x00\xFF\xC3".b
  end

  it "a reply of mixed encodings is written byte by byte" do
    start_oversip { |request| request.reply(200, "gr\u00fcn", ["X-A: \xFF".b, "X-B: \u00e9".encode("ISO-8859-1")], "\x00\xFF".b) }
    client.send_text(options(headers: { "Subject" => "\u00e9" }), oversip_port)
    head, body = client.receive.to_s.b.split("\r\n\r\n", 2)
    expect(head.lines(chomp: true)).to include("SIP/2.0 200 gr\u00fcn".b, "X-A: \xFF".b, "X-B: \xE9".b)
    expect(body).to eq "\x00\xFF".b
  end

  it "on_canceled runs once, however often the CANCEL comes" do
    callee = udp_peer
    start_relay_to(callee) { |proxy, _| proxy.on_canceled { seen << true } }
    invite = call_from(client)
    callee.answer(callee.receive, 180)
    client.receive_until { |message| message.status == 180 }
    3.times { cancel_from(client, invite) }
    engine_caught_up
    dispatcher_caught_up
    expect(seen.all).to eq [true]
  end

  it "a keep-alive before a message is answered, and the message served" do
    start_oversip { |request| request.reply(200) }
    client.send_text("\r\n\r\n#{options}", oversip_port)
    expect(client.receive.to_s).to eq "\r\n"
    expect(client.receive_final.status).to eq 200
  end

  it "the Reason of a 199 is a quoted string" do
    callee = udp_peer
    start_relay_to(callee) { |proxy, _| proxy.on_failure_response { |response| proxy.drop_response(response) } }
    call_from(client, headers: { "Supported" => "199" })
    callee.answer(callee.receive, 486, "\"Busy\" \\ here")
    early = client.receive_until { |message| message.status == 199 }
    expect(early.header("Reason")).to eq 'SIP ;cause=486 ;text="\"Busy\" \\\\ here"'
  end

  it "the product of Server and User-Agent can be named" do
    callee = udp_peer
    start_oversip(configuration: { core: { product: "Mine/1" } }) { |request| request.reply(200) }
    expect(answer_to(options).header("Server")).to eq "Mine/1"
    OverSIP::SIP::Uac.new.route(OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:127.0.0.1:#{callee.port}" }))
    expect(callee.receive.header("User-Agent")).to eq "Mine/1"
  end

  describe "nothing has changed:" do
    it "a reply of our own has no Record-Route, and a 100 no Timestamp" do
      start_oversip { |request| request.create_transaction && request.reply(200) }
      headers = { "Record-Route" => "<sip:p.example;lr>", "Timestamp" => "54" }
      client.send_text(client.build(:INVITE, "sip:x.example", headers: headers), oversip_port)
      answers = [client.receive, client.receive]
      expect(answers.map(&:status)).to eq [100, 200]
      expect(answers.flat_map { |answer| answer.headers("Record-Route") + answer.headers("Timestamp") }).to be_empty
    end

    it "a request without a core header, or with two, gets no answer" do
      start_oversip { |request| request.reply(200) }
      client.send_text(options(headers: { "From" => nil }), oversip_port)
      client.send_text(options(headers: { "Call-ID" => %w[a b] }), oversip_port)
      expect(answer_to(options(call_id: "good")).header("Call-ID")).to eq "good"
      expect(messages_at(client)).to be_empty
    end

    it "an INVITE that comes again after its 2xx is answered with it" do
      start_oversip { |request| request.create_transaction && request.reply(200) }
      OverSIP::Testing.freeze
      invite = client.build(:INVITE, "sip:x.example")
      accepted = answer_to(invite)
      expect(answer_to(invite).to_s).to eq accepted.to_s
    end
  end
end
