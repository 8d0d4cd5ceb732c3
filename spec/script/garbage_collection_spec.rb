# frozen_string_literal: true

require "open3"
require "rbconfig"

# What an example of a script needs lives as long as something may still use it: the garbage collector runs at each allocation
# of these examples, and they see the same as without that.
RSpec.describe "Examples of scripts under GC.stress" do
  program = <<~'RUBY'
    require "oversip/testing/world"

    def in_world
      world = OverSIP::Testing::World.open do |request|
        next request.reply(200) if request.sip_method == :REGISTER

        proxy = OverSIP::SIP::Proxy.new
        proxy.on_error { |status, _, code| request.tvars[:error] = [status, code] }
        proxy.on_failure_response { |response| proxy.drop_response if response.status_code == 603 }
        request.loose_route if request.in_dialog?
        request.in_dialog? ? proxy.route(request) : proxy.route(request, "gw.example")
      end
      world.zone { srv "_sip._udp.gw.example", "gw1.example", "gw2.example" }
      first, second = %w[gw1.example gw2.example].map { |name| world.target(name) }
      yield world, world.client(:alice), first, second
    ensure
      world&.close
    end

    def invite(alice)
      alice.invite("sip:bob@example.com")
    end

    EXAMPLES = [
      ->(_, alice, first, _) { first.answers(180, 200); invite(alice).tap(&:hang_up).status },
      ->(_, alice, first, _) { first.answers(486); invite(alice).status },
      ->(_, alice, first, second) { first.answers(503); second.answers(200); [invite(alice).status, second.calls.size] },
      ->(world, alice, first, second) { first.never_answers; second.answers(200); invite(alice).then { |call| world.advance(32); call.status } },
      ->(_, alice, first, _) { first.answers(180); invite(alice).tap(&:cancel).status },
      ->(_, alice, _, _) { alice.register("sip:example.com").status },
      ->(_, alice, first, _) { first.answers(202); alice.message("sip:bob@example.com").status },
      ->(world, alice, first, second) { [first, second].each(&:refuses_connections); invite(alice).then { |call| world.advance(64); call.final? } },
      ->(world, alice, first, _) { first.answers(200).after(3); invite(alice).then { |call| world.advance(3); call.answered_at } },
      ->(_, alice, first, _) { first.answers { |request| request.body ? 200 : 415 }; alice.options("sip:bob@example.com").status }
    ]

    seen = EXAMPLES.map { |example| in_world(&example) }
    # Young objects are looked at each time, old ones by the write barrier: all of them would take minutes.
    GC.stress = 1
    stressed = EXAMPLES.map { |example| in_world(&example) }
    GC.stress = false
    p seen, stressed
  RUBY

  it "see the same as without it" do
    output, errors, status = Open3.capture3(RbConfig.ruby, "-I", File.expand_path("../../lib", __dir__), "-e", program)
    expect(status).to be_success, errors
    calm, stressed = output.lines(chomp: true)
    expect(calm).to start_with("[200, 486, ")
    expect(stressed).to eq(calm)
  end
end
