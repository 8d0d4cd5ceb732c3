# frozen_string_literal: true

require_relative "../support/scripted_dns"

# What goes to the wire is the message as it was when `route` or `reply` was called, or when a round of callbacks ended.
RSpec.describe "What is sent of a message", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:seen) { mailbox }

  # Names and groupings as some user agents write them.
  let(:unusual) do
    { "Subject" => nil, "s" => "a  subject", "k" => "100rel, timer", "x-lower" => "one",
      "X-Twice" => ["first", "second"], "Allow" => "INVITE,ACK ,BYE", "Record-Route" => "<sip:a.example;lr>, <sip:b.example;lr>",
      "P-Odd" => "\"quoted, comma\" <sip:p@q>;x" }
  end
  let(:names) { { "s" => "subject", "k" => "supported", "m" => "contact" } }
  let(:lists) { %w[via route record-route contact supported allow] }

  # The header as name => values, whatever the form of names and the grouping of values.
  def meaning(message)
    message.header_lines.each_with_object({}) do |(name, value), fields|
      name = names.fetch(name, name)
      values = lists.include?(name) ? value.split(/\s*,\s*/) : [value]
      values = values.map { |one| one.gsub(/branch=[^;]+/, "branch=").strip }
      (fields[name] ||= []).concat(values)
    end
  end

  # Makes the same call through OverSIP and returns the messages sent downstream and upstream.
  def exchange(&)
    start_relay_to(bob, &)
    call_from(alice, call_id: "same", body: "v=0\r\n", headers: unusual)
    forwarded = bob.receive
    bob.answer(forwarded, 183, "Progress", headers: unusual, body: "early")
    bob.answer(forwarded, 200, "OK", headers: unusual, body: "answer")
    responses = Array.new(2) { alice.receive_until { |message| message.status > 100 } }
    [forwarded, *responses]
  end

  # The same call without Ruby, then with blocks.
  def compare(&)
    plain = exchange
    port = oversip_port
    OverSIP.stop(timeout: 0)
    allowed = exchange(&)
    plain.zip(allowed) do |one, other|
      same_port = meaning(other).transform_values { |values| values.map { |value| value.gsub(oversip_port.to_s, port.to_s) } }
      expect(without_tokens(same_port)).to eq(without_tokens(meaning(one)))
      expect(other.body).to eq(one.body)
    end
  end

  # Each start has new flow tokens, route tags and codes.
  def without_tokens(fields)
    fields.transform_values do |values|
      values.map { |value| value.gsub(/sip:_[\w-]+@/, "sip:TOKEN@").gsub(/ovid=\h+/, "ovid=").gsub(/ovcode=\h{24}/, "ovcode=") }
    end
  end

  it "has the same headers with empty blocks as without blocks" do
    compare do |proxy, _|
      proxy.on_target { nil }
      proxy.on_provisional_response { nil }
      proxy.on_success_response { nil }
    end
  end

  it "has the same headers when blocks look at them" do
    compare do |proxy, request|
      request.headers
      proxy.on_target { request.headers.keys }
      proxy.on_provisional_response { |response| response.headers.keys }
      proxy.on_success_response { |response| response.header("Subject") }
    end
  end

  it "is the received header, byte for byte, where the script never looked at it" do
    start_relay_to(bob) do |proxy, request|
      proxy.on_target { seen << request.ruri.to_s }
      proxy.on_success_response { |response| seen << response.status_code }
    end
    invite = SipText.new(call_from(alice, headers: unusual))
    forwarded = bob.receive
    edited = %w[Via Max-Forwards]
    expect(lines(forwarded) & lines(invite)).to eq(lines(invite).reject { |line| line.start_with?(*edited) })
    answer = SipText.new(bob.answer(forwarded, 200, "OK", headers: unusual))
    # All but our own Via on top.
    expect(lines(final_for(alice))).to eq(lines(answer).reject { |line| line.include?("127.0.0.1:#{oversip_port};branch") })
  end

  it "has canonical names where the script looked at the header" do
    start_relay_to(bob) { |_, request| request.headers }
    call_from(alice, headers: unusual)
    forwarded = bob.receive
    expect(lines(forwarded)).to include("Subject: a  subject", "X-Lower: one", "X-Twice: first", "X-Twice: second")
    expect(lines(forwarded).grep(/\A(s|k|x-lower):/)).to be_empty
  end

  it "is shown by to_s in canonical form in any case" do
    start_oversip { |request| seen << request.to_s }
    call_from(alice, headers: unusual)
    expect(seen.pop.lines(chomp: true)).to include("Subject: a  subject", "X-Lower: one")
  end

  it "holds what on_request and on_target changed" do
    start_relay_to(bob) do |proxy, request|
      request.set_header("X-Script", "on_request")
      proxy.on_target { request.set_header("X-Target", "on_target") }
    end
    call_from(alice)
    forwarded = bob.receive
    expect([forwarded.header("X-Script"), forwarded.header("X-Target")]).to eq(%w[on_request on_target])
  end

  it "holds nothing that was changed after route" do
    start_oversip do |request|
      OverSIP::SIP::Proxy.new.route(request, bob.ip, bob.port)
      request.set_header("X-Late", "yes")
      seen << :changed
    end
    OverSIP::Testing.freeze
    call_from(alice)
    seen.pop
    first = bob.receive
    OverSIP::Testing.advance(0.5)
    expect(bob.receive.text).to eq(first.text)
    expect(first.header("X-Late")).to be_nil
  end

  describe "to the next target of a name" do
    # Listens on every address, so that both targets of the name are here.
    let!(:bob) { udp_peer("0.0.0.0") }

    # Routes to a name with two addresses; the first one answers 183 and 503. Tells what the second one gets.
    def second_attempt(&script)
      dns = scripted_dns({ "twice.example" => ["127.0.0.1", "127.0.0.2"] })
      start_oversip(configuration: { core: { nameservers: [dns.address] } }) do |request|
        proxy = OverSIP::SIP::Proxy.new
        change = script.call(proxy, request)
        proxy.route(request, "twice.example", bob.port, :udp)
        change&.call
        seen << :routed
      end
      OverSIP::Testing.freeze
      call_from(alice)
      seen.pop
      first = bob.receive
      bob.answer(first, 183, "Progress")
      alice.receive_until { |message| message.status == 183 }
      bob.answer(first, 503, "Service Unavailable")
      bob.receive_until { |message| message.method_name == "INVITE" }
    end

    it "holds the changes of a callback between the two" do
      second = second_attempt do |proxy, request|
        proxy.on_provisional_response { request.set_header("X-Between", "yes") }
        nil
      end
      expect(second.header("X-Between")).to eq("yes")
    end

    it "holds nothing that was changed outside of callbacks" do
      second = second_attempt { |_, request| -> { request.set_header("X-Late", "yes") } }
      expect(second.header("X-Late")).to be_nil
    end

    it "has the routing headers once" do
      second = second_attempt { nil }
      expect([second.headers("Via").size, second.headers("Record-Route").size, second.header("Max-Forwards")]).to eq([2, 1, "69"])
    end
  end

  it "holds nothing that was changed in a response after its callbacks" do
    gate = Thread::Queue.new
    start_relay_to(bob) do |proxy, _|
      proxy.on_success_response do |response|
        seen << response
        gate.pop
        response.set_header("X-Within", "yes")
      end
    end
    call_from(alice)
    forwarded = bob.receive
    bob.answer(forwarded, 200, "OK")
    response = seen.pop
    gate.close
    first = final_for(alice)
    response.set_header("X-Late", "yes")
    bob.answer(forwarded, 200, "OK")
    expect([first.header("X-Within"), first.header("X-Late")]).to eq(["yes", nil])
    expect(final_for(alice).text).to eq(first.text)
  end

  it "holds the changes of the event's callbacks in a response" do
    start_relay_to(bob) do |proxy, _|
      proxy.on_failure_response do |response|
        response.status_code = 480
        response.reason_phrase = "Gone"
        response.set_header("X-Why", "changed")
      end
    end
    call_from(alice)
    bob.answer(bob.receive, 404, "Not Found")
    final = final_for(alice)
    expect([final.status, final.reason, final.header("X-Why")]).to eq([480, "Gone", "changed"])
  end

  it "never make a final response of a provisional one" do
    start_relay_to(bob) do |proxy, _|
      proxy.on_provisional_response do |response|
        response.status_code = 183
        response.status_code = 200
      end
    end
    log = capture_log do
      call_from(alice)
      forwarded = bob.receive
      [180, 486].each { |status| bob.answer(forwarded, status) }
      expect(final_for(alice).status).to eq(486)
      dispatcher_caught_up
    end
    expect(log.map(&:body)).to include(/invalid status code 200: a provisional response stays one/)
  end

  def lines(message)
    message.text.split("\r\n\r\n").first.split("\r\n").drop(1)
  end
end
