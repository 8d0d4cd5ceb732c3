# frozen_string_literal: true

require "support/scripted_dns"
require "support/toolkit_world"

# What an element does that no message shows, as the record of a world says it; the trace of an engine says the same.
RSpec.describe OverSIP::Testing::World, :native do
  include ToolkitWorld

  # @return [Array<String>] the last call of a record: its first lines, and what notes say
  def told(record)
    record.calls.values.last.events.filter_map do |event|
      case event
      when OverSIP::CallRecord::Note then "# #{event.text}"
      when OverSIP::CallRecord::Message then "#{event.sender == "oversip" ? "->" : "<-"} #{event.status_code || event.sip_method}"
      end
    end
  end

  scripts = {
    "the script answers" => [->(request, _) { request.reply(404) },
                             ["<- OPTIONS", "# the script answers 404", "-> 404"]],
    "the element answers itself, as no target can be reached" =>
      [->(request, _) { OverSIP::SIP::Proxy.new.route(request, "nowhere.invalid") },
       ["<- OPTIONS", "# oversip itself answers 404", "-> 404"]],
    "a target answers" => [->(request, bob) { OverSIP::SIP::Proxy.new.route(request, *bob) },
                           ["<- OPTIONS", "-> OPTIONS", "<- 486", "-> 486"]],
    "a block keeps back what a target answers" =>
      [lambda do |request, bob|
        proxy = OverSIP::SIP::Proxy.new
        proxy.on_failure_response { |response| proxy.drop_response(response) && request.reply(404) }
        proxy.route(request, *bob)
      end, ["<- OPTIONS", "-> OPTIONS", "<- 486", "# the script answers 404", "-> 404", "# drop_response: the 486 goes no further"]]
  }
  scripts.each do |title, (script, expected)|
    it "says who has answered where #{title}, in its order" do
      open_world { |request| script.call(request, ["gw1.example"]) }
      gateway.answers 486
      alice.options("sip:bob@b.example")
      expect(told(world.record)).to eq(expected)
    end

    it "says the same as the trace of an engine where #{title}" do
      bob = udp_peer("127.0.0.3")
      caller = udp_peer
      start_oversip(configuration: { core: { nameservers: [scripted_dns({}).address] }, trace: true }) { |request| script.call(request, ["127.0.0.3", bob.port]) }
      caller.send_text(caller.build(:OPTIONS, "sip:bob@b.example"), oversip_port)
      bob.answer(bob.receive, 486) if expected.include?("<- 486")
      caller.receive_final
      eventually { OverSIP.trace.messages.size == expected.grep_v(/#/).size }
      eventually { told(OverSIP.trace).size == expected.size }
      expect(told(OverSIP.trace)).to eq(expected)
    end
  end

  it "says which targets are passed over, since they are blacklisted" do
    world_with("gw1.example", "gw2.example")
    gateway.never_answers
    world.target("gw2.example").answers 486
    2.times do |number|
      world.client(:"alice#{number}").invite("sip:bob@example.com")
      world.advance 40
    end
    expect(told(world.record).grep(/#/)).to include("# udp:192.0.2.1:5060 is blacklisted and passed over")
  end
end
