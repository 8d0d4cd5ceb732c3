# frozen_string_literal: true

require "objspace"

# The headers of a message are live: changes of a script are sent, whichever accessor it used.
RSpec.describe "Live headers", :native do
  let!(:caller) { udp_peer }
  let!(:callee) { udp_peer }
  let!(:seen) { mailbox }

  # What the callee gets of a MESSAGE that the block has seen.
  def relayed(headers = {})
    start_relay_to(callee) { |_, request| yield request }
    call_from(caller, :MESSAGE, headers: { "Subject" => "one two", "Route" => ["<sip:#{callee.address};lr>", "<sip:r.example;lr>"] }.merge(headers))
    callee.receive
  end

  {
    "header" => ->(request) { request.header("subject").gsub!("one", "1") },
    "header_top" => ->(request) { request.header_top("s").gsub!("one", "1") },
    "header_all" => ->(request) { request.header_all("Subject").each { |value| value.gsub!("one", "1") } },
    "headers" => ->(request) { request.headers["Subject"].first.gsub!("one", "1") },
    "headers, assigned" => ->(request) { request.headers["Subject"] = ["1 two"] },
    "set_header, kept" => lambda do |request|
      values = [+"one two"]
      request.set_header("Subject", values)
      values.first.gsub!("one", "1")
    end
  }.each do |name, change|
    it "show a change in place of what #{name} gave" do
      expect(relayed { |request| change.call(request) }.headers("Subject")).to eq ["1 two"]
    end
  end

  it "show what hdr_from, hdr_to, hdr_via and hdr_route were changed to" do
    received = relayed do |request|
      request.hdr_from << ";x=1"
      request.hdr_to << ";y=1"
      request.hdr_via.first << ";z=1"
      request.hdr_route << "<sip:added.example;lr>"
    end
    expect([received.header("From"), received.header("To")]).to match [/;x=1\z/, /;y=1\z/]
    expect(received.headers("Via").last).to end_with ";z=1"
    expect(received.headers("Route").last).to include "<sip:added.example;lr>"
  end

  it "leave hdr_via unchanged when the script replaces the Array" do
    relayed do |request|
      old = request.hdr_via
      request.set_header("Via", ["SIP/2.0/UDP other;branch=z9hG4bKx"])
      seen << [request.hdr_via.equal?(old), request.headers["Via"]]
    end
    expect(seen.pop).to eq [true, ["SIP/2.0/UDP other;branch=z9hG4bKx"]]
  end

  it "lose deleted entries, in a response too" do
    start_relay_to(callee) do |proxy, request|
      request.headers.delete("Subject")
      proxy.on_success_response { |response| response.headers.delete("X-Secret") }
    end
    call_from(caller, :MESSAGE, headers: { "Subject" => "one" })
    received = callee.receive
    expect(received.headers("Subject")).to be_empty
    callee.answer(received, 200, headers: { "X-Secret" => "1", "X-Open" => "2" })
    answer = caller.receive_final
    expect([answer.headers("X-Secret"), answer.headers("X-Open")]).to eq [[], ["2"]]
  end

  it "are not made for a script that looks at none of them" do
    made = ->(message) { ObjectSpace.reachable_objects_from(message).select { |object| [String, Array, Hash].include?(object.class) } }
    start_relay_to(callee) do |proxy, request|
      request.call_id
      request.from_tag
      request.initial?
      seen << made.call(request)
      proxy.on_success_response do |response|
        seen << made.call(request) << made.call(response)
        response.headers
        seen << made.call(response).map(&:class)
      end
    end
    call_from(caller, :MESSAGE)
    callee.answer(callee.receive, 200)
    caller.receive_final
    expect(Array.new(3) { seen.pop }).to eq [[], [], []]
    expect(seen.pop).to include(Hash)
  end
end
