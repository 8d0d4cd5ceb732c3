# frozen_string_literal: true

require "json"

# What the engine keeps of its last calls, as rows of JSON.
RSpec.describe "OverSIP::Engine.trace_rows", :native do
  let(:caller) { udp_peer }
  let(:callee) { udp_peer("127.0.0.3") }

  def rows(last: nil, call_id: nil, since: nil)
    OverSIP::Engine.trace_rows(last, call_id, since).lines.map { |line| JSON.parse(line, symbolize_names: true) }
  end

  def of(kind, rows)
    rows.select { |row| row[:kind] == kind }
  end

  def relay(trace: true)
    start_oversip(configuration: { trace: trace }) do |request|
      OverSIP::SIP::Proxy.new.route(request, "127.0.0.3", callee.port) unless request.sip_method == :ACK
    end
  end

  # A MESSAGE that is answered; its Call-ID.
  def exchange(status = 200)
    sent = SipText.new(caller.send_text(caller.build(:MESSAGE, "sip:bob@b.example"), oversip_port))
    callee.answer(callee.receive, status)
    expect(caller.receive_final.status).to eq(status)
    # A message is noted when it has left.
    sent.header("Call-ID").tap { |call_id| eventually { of("message", rows(call_id: call_id)).size == 4 } }
  end

  it "are the head and what has happened to a call, in order, with every message as it came and left" do
    relay
    call_id = exchange(404)
    head, *all = rows
    now = Time.now.to_f
    expect(head).to include(kind: "head", rows: 1, element: "oversip", seq: 9, calls: { kept: 1, dropped: 0, unsampled: 0 })
    expect(head[:began_at] + head[:now]).to be_within(2).of(now)
    expect(all.map { |row| row[:at] }).to eq(all.map { |row| row[:at] }.sort)
    expect(all.map { |row| row[:call_id] }.uniq).to eq([call_id])
    messages = of("message", all)
    addresses = messages.map { |row| [row[:direction], row[:transport], row[:local], row[:remote], row[:fate]] }
    ours = "127.0.0.1:#{oversip_port}"
    alice = caller.address
    bob = callee.address
    expect(addresses).to eq([["in", "udp", ours, alice, "sent"], ["out", "udp", ours, bob, "sent"],
                             ["in", "udp", ours, bob, "sent"], ["out", "udp", ours, alice, "sent"]])
    texts = messages.map { |row| SipText.new(row[:bytes].unpack1("m")) }
    expect(texts.map(&:first_line)).to match([/\AMESSAGE/, /\AMESSAGE/, %r{\ASIP/2.0 404}, %r{\ASIP/2.0 404}])
    expect(of("received", all)).to match([a_hash_including(method: "MESSAGE", branch: texts[0].header("Via")[/branch=([^;]+)/, 1])])
    attempt = { method: "MESSAGE", target: "udp:#{bob}", branch: texts[1].header("Via")[/branch=([^;]+)/, 1] }
    expect(of("attempt", all)).to match([a_hash_including(attempt)])
    expect(of("attempt_ended", all)).to match([a_hash_including(**attempt, outcome: "answered", status: 404)])
    expect(of("answered", all)).to match([a_hash_including(method: "MESSAGE", status: 404, by: "relayed", seconds: be_between(0, 2))])
  end

  it "are those of the last calls, of one call, or those after a number" do
    relay
    first, second = Array.new(2) { exchange }
    ids = ->(**which) { rows(**which).drop(1).map { |row| row[:call_id] }.uniq }
    expect(ids.call).to eq([first, second])
    expect(ids.call(last: 1)).to eq([second])
    expect(ids.call(call_id: first)).to eq([first])
    expect(ids.call(call_id: "unknown")).to eq([])
    read = rows.first[:seq]
    expect(rows(since: read).size).to eq(1)
    third = exchange
    expect(ids.call(since: read)).to eq([third])
  end

  it "have what belongs to no call whichever calls are asked for: it may explain them" do
    nobody = dead_port
    start_oversip(configuration: { trace: true }, proxies: { default_proxy: { use_blacklist: true } }) do |request|
      OverSIP::SIP::Proxy.new.route(request, "127.0.0.3", nobody) unless request.sip_method == :ACK
    end
    caller.send_text(request = caller.build(:MESSAGE, "sip:bob@b.example"), oversip_port)
    caller.receive_final
    listed = [{}, { last: 1 }, { call_id: SipText.new(request).header("Call-ID") }].map { |which| of("blacklisted", rows(**which)) }
    expect(listed).to all(match([a_hash_including(call_id: nil, target: "udp:127.0.0.3:#{nobody}")]))
  end

  it "name each block of the script that has run, with its place, its time and what it has raised" do
    lines = []
    start_oversip(configuration: { trace: true }) do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_target { lines << __LINE__ }
      proxy.on_failure_response { |_| (lines << __LINE__) && raise(KeyError, "no such user") }
      proxy.route(request, "127.0.0.3", callee.port)
    end
    capture_log { exchange(404) }
    blocks = of("block", rows)
    expect(blocks.map { |row| [row[:event], row[:subject], row[:exception]] }).to eq([
      ["on_request", "MESSAGE", nil], ["on_target", "MESSAGE", nil],
      ["on_failure_response", "MESSAGE", { class: "KeyError", message: "no such user" }]
    ])
    expect(blocks.drop(1).map { |row| [row[:file], row[:line]] }).to eq(lines.map { |line| [__FILE__, line] })
    expect(blocks.first).to include(file: end_with("spec/support/relay.rb"), line: be_positive, duration: be_between(0, 1))
    expect(blocks.map { |row| row[:call_id] }.uniq.size).to eq(1)
  end

  # Direction and first line of each message, once there are so many.
  def messages(count)
    found = eventually { of("message", rows).then { |all| all if all.size >= count } }
    found.map { |row| [row[:direction], SipText.new(row[:bytes].unpack1("m")).first_line[/\A(?:SIP\S+ )?\S+/]] }
  end

  it "have each message once: a cancelled call with its ACKs, and what is repeated as often as it comes" do
    relay
    sent = caller.send_text(caller.build(:INVITE, "sip:bob@b.example"), oversip_port)
    invite = callee.receive
    callee.answer(invite, 180)
    caller.receive_until { |message| message.status == 180 }
    caller.send_text(sent, oversip_port)
    2.times { caller.send_text(caller.companion(sent, :CANCEL), oversip_port) }
    callee.answer(callee.receive_until { |message| message.method_name == "CANCEL" }, 200)
    callee.answer(invite, 487)
    final = caller.receive_until { |message| message.status == 487 }
    caller.send_text(caller.companion(sent, :ACK, headers: { "To" => final.header("To") }), oversip_port)
    expect(messages(17).tally).to eq(
      ["in", "INVITE"] => 2, ["in", "CANCEL"] => 2, ["in", "ACK"] => 1, ["in", "SIP/2.0 180"] => 1, ["in", "SIP/2.0 200"] => 1,
      ["in", "SIP/2.0 487"] => 1, ["out", "INVITE"] => 1, ["out", "CANCEL"] => 1, ["out", "ACK"] => 1, ["out", "SIP/2.0 100"] => 1,
      ["out", "SIP/2.0 180"] => 2, ["out", "SIP/2.0 200"] => 2, ["out", "SIP/2.0 487"] => 1
    )
    expect(rows.first.dig(:calls, :kept)).to eq(1)
  end

  it "have what is refused before the script sees it, and the answer" do
    relay
    text = caller.build(:OPTIONS, "sip:bob@b.example").sub("Content-Length: 0", "Content-Length: 9")
    caller.send_text(text, oversip_port)
    caller.receive_final
    expect(messages(2)).to eq([["in", "OPTIONS"], ["out", "SIP/2.0 400"]])
    expect(of("received", rows)).to be_empty
  end

  it "name the connection of each message, and when it was opened and closed" do
    start_oversip(configuration: { trace: true }) { |request| request.reply(200) }
    peer = tcp_peer
    peer.send_text(peer.build(:OPTIONS, "sip:bob@b.example"))
    peer.receive_final
    messages(2)
    address = peer.address
    peer.close
    closed = eventually { of("flow_closed", rows).first }
    messages = of("message", rows)
    expect(messages.map { |row| row.values_at(:transport, :local, :remote) }.uniq).to eq([["tcp", "127.0.0.1:#{oversip_port}", address]])
    expect(messages.map { |row| row[:connection] }.uniq).to match([kind_of(Integer)])
    expect(of("flow_opened", rows)).to match([a_hash_including(peer: "tcp:#{address}", inbound: true, handshake: nil, call_id: nil)])
    expect(closed).to include(peer: "tcp:#{address}")
  end

  it "say who has answered, and what a block has kept back" do
    start_oversip(configuration: { trace: true }) do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_failure_response { proxy.drop_response && request.reply(480) }
      proxy.route(request, "127.0.0.3", callee.port)
    end
    caller.send_text(caller.build(:MESSAGE, "sip:bob@b.example"), oversip_port)
    callee.answer(callee.receive, 404)
    expect(caller.receive_final.status).to eq(480)
    expect(of("dropped_response", rows)).to match([a_hash_including(method: "MESSAGE", status: 404, call_id: kind_of(String))])
    expect(of("answered", rows)).to match([a_hash_including(status: 480, by: "script")])
  end

  it "keep routed calls while a scanner's are refused or left unanswered" do
    start_oversip(configuration: { trace: { enabled: true, calls: 8 } }) do |request|
      case request.ruri.user
      when "bob" then OverSIP::SIP::Proxy.new.route(request, "127.0.0.3", callee.port)
      when /odd/ then request.reply(403)
      end
    end
    routed = SipText.new(caller.send_text(caller.build(:INVITE, "sip:bob@b.example"), oversip_port)).header("Call-ID")
    callee.answer(callee.receive, 200)
    caller.receive_final
    scanner = udp_peer
    20.times do |number|
      scanner.send_text(scanner.build(:INVITE, "sip:#{number.odd? ? "odd" : "even"}#{number}@b.example"), oversip_port)
      scanner.receive_final if number.odd?
    end
    eventually { of("answered", rows).any? && OverSIP::Engine.trace_rows(nil, nil, nil)[/"dropped":(\d+)/, 1].to_i >= 13 }
    expect(of("message", rows(call_id: routed)).size).to be >= 4
  end

  it "say that the script has ended a request without a response" do
    start_oversip(configuration: { trace: true }) do |request|
      request.create_transaction && request.server_transaction.terminate_transaction if request.sip_method == :INVITE
    end
    %i[INVITE MESSAGE].each do |method|
      caller.send_text(caller.build(method, "sip:bob@b.example"), oversip_port)
      eventually { of("unanswered", rows).map { |row| row[:method] }.last == method.to_s }
    end
    branches = of("received", rows).map { |row| row[:branch] }
    expect(of("unanswered", rows).map { |row| row[:branch] }).to eq(branches)
    expect(OverSIP.trace.summaries.map { |call| [call.sip_method, call.outcome] }).to eq([%i[INVITE none], %i[MESSAGE none]])
  end

  it "name what an event method has raised" do
    start_oversip(configuration: { trace: true }) { raise ArgumentError, "\xFF no UTF-8" }
    capture_log { caller.send_text(caller.build(:MESSAGE, "sip:bob@b.example"), oversip_port) && caller.receive_final }
    exceptions = eventually { of("block", rows).map { |row| row[:exception] }.then { |all| all unless all.empty? } }
    expect(exceptions).to eq([{ class: "ArgumentError", message: "\uFFFD no UTF-8" }])
  end

  it "are an error without an engine, and where the trace is off" do
    expect { rows }.to raise_error(OverSIP::RuntimeError, /not running|nothing is started/i)
    start_oversip { |request| request.reply(200) }
    expect { rows }.to raise_error(OverSIP::RuntimeError, /no trace/)
  end
end
