# frozen_string_literal: true

# What happens to requests from a UDP peer at 127.0.0.1, or as the row says. `client`, `received`, `first_via` and `answers` are in
# the spec.
WorkedExamples.group do
  row("sent-by equals the source", "SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bKk") do
    first_via("SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bKk")
  end
  row("sent-by is a domain", "SIP/2.0/UDP gw.example;branch=z9hG4bKk;received=127.0.0.1;alias;q=1") do
    first_via("SIP/2.0/UDP gw.example;Q=1;branch=z9hG4bKk;alias")
  end
  row("rport, and received of the peer", "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKk;received=127.0.0.1;rport=PORT") do
    first_via("SIP/2.0/UDP 127.0.0.1 ; rport ; received=1.1.1.1;branch=z9hG4bKk").sub("rport=#{client.port}", "rport=PORT")
  end
  row "no branch", ["SIP/2.0 200 OK", "SIP/2.0/UDP 10.9.9.9:PORT;received=127.0.0.1"], note: "known by RFC 3261 17.2.3" do
    request = client.build(:OPTIONS, "sip:x.example", headers: { "Via" => "SIP/2.0/UDP 10.9.9.9:#{client.port}" })
    answer = answers(request) { |received| received.reply(200) }.first
    [answer.first_line, answer.header("Via").sub(client.port.to_s, "PORT")]
  end
  row("a branch that is not of RFC 3261", ["SIP/2.0 200 OK"]) do
    answers(client.build(:OPTIONS, "sip:x.example", branch: "k1")) { |request| request.reply(200) }.map(&:first_line)
  end
  row("while the server loads", [["SIP/2.0 500 Server Still Loading"], "5"]) do
    start_oversip
    OverSIP::Engine.status = :loading
    answered = answers(client.build(:OPTIONS, "sip:x.example"))
    [answered.map(&:first_line), answered.first.header("Retry-After")]
  end
  row "on_request raises", [["SIP/2.0 500 Internal Error"], nil, ""], note: "the exception stays in the log" do
    answered = capture_log_into([]) { answers(client.build(:OPTIONS, "sip:x.example")) { raise ArgumentError, "no" } }
    [answered.map(&:first_line), answered.first.header("Content-Type"), answered.first.body]
  end
  row("a branch that ends in the request's own antiloop id", ["SIP/2.0 482 Loop Detected"]) do
    start_oversip { |request| request.reply(200) }
    text = client.build(:OPTIONS, "sip:x.example", call_id: "loop")
    id = OverSIP::SIP::Tags.create_antiloop_id(OverSIP::SIP::Request.parse(text))
    via = "SIP/2.0/UDP 127.0.0.1:#{oversip_port};branch=z9hG4bK0123456789abcdef#{id};rport"
    answers(text.sub(/^Via: .*\r$/, "Via: #{via}\r")).map(&:first_line)
  end
  row("an INVITE twice", ["SIP/2.0 100 Trying", "SIP/2.0 100 Trying"]) do
    invite = client.build(:INVITE, "sip:x.example")
    answers(invite, invite, &:create_transaction).map(&:first_line)
  end
  row("a CANCEL for it, and one for another", ["SIP/2.0 200 Cancelled", "SIP/2.0 481 Call/Transaction Does Not Exist"]) do
    invite = client.build(:INVITE, "sip:x.example")
    stranger = client.build(:CANCEL, "sip:x.example", branch: "z9hG4bKzz")
    answered = answers(invite, client.companion(invite, :CANCEL), stranger, &:create_transaction)
    answered.select { |answer| answer.method_name == "CANCEL" }.map(&:first_line)
  end
  row "reply 180, 603, 200", [[true, true, false], :completed] do
    received(:INVITE) do |request|
      request.create_transaction
      [[180, 603, 200].map { |status| request.reply(status) }, request.server_transaction.state]
    end
  end
  row "then the ACK: state, callback called?", [:confirmed, false] do
    called = []
    transaction = nil
    sent = client.build(:INVITE, "sip:x.example")
    failure = answers(sent, final: true) do |request|
      called << request.sip_method
      request.create_transaction
      transaction = request.server_transaction
      request.reply(603)
    end
    answers(client.companion(sent, :ACK, headers: { "To" => failure.last.header("To") }))
    [transaction.state, called.include?(:ACK)]
  end
  row "an ACK with a To tag of a reply without transaction: callback called?", false do
    called = []
    start_oversip { |request| called << request.sip_method }
    answers(client.build(:ACK, "sip:x.example", to_tag: OverSIP::SIP::Tags.totag_for_sl_reply))
    called.include?(:ACK)
  end
  row "a BYE over TCP, answered 200: state", :terminated, note: "the table of transactions is not shown" do
    received(:BYE, from: -> { tcp_peer }) do |request|
      request.create_transaction
      request.reply(200)
      request.server_transaction.state
    end
  end
  row "UacRequest#to_s",
      "NOTIFY sip:w@x.example SIP/2.0\r\nFrom: <sip:o@x.example>;tag=ab\r\nTo: sip:w@x.example;tag=cd\r\nCall-ID: q\r\n" \
      "CSeq: 4 NOTIFY\r\nContent-Length: 2\r\nMax-Forwards: 20\r\nUser-Agent: OverSIP/#{OverSIP::VERSION}\r\nEvent: z\r\n\r\nhi",
      note: "with its To tag and our own version" do
    data = { sip_method: :NOTIFY, ruri: "sip:w@x.example", from: "<sip:o@x.example>", from_tag: "ab", to_tag: "cd",
             call_id: "q", cseq: 4 }
    OverSIP::SIP::UacRequest.new(data, ["Event: z"], "hi").to_s
  end
  row("UacRequest without method", raises(OverSIP::RuntimeError, "no data[:sip_method] given")) do
    OverSIP::SIP::UacRequest.new({ ruri: "sip:w@x" })
  end
end
