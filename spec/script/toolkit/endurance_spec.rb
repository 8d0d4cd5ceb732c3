# frozen_string_literal: true

require "support/toolkit_world"
require "rbconfig"

# Many worlds in one process, and the garbage collector at any time: in processes of their own.
RSpec.describe OverSIP::Testing::World, :native do
  let(:program) do
    <<~RUBY
      require "oversip/testing/world"

      def example(stress)
        world = OverSIP::Testing::World.open do |request|
          request.loose_route unless request.initial?
          proxy = OverSIP::SIP::Proxy.new
          request.initial? ? proxy.route(request, "gw1.example") : proxy.route(request)
        end
        GC.stress = stress
        world.target("gw1.example").answers 180, 200
        world.client(:alice).invite("sip:bob@example.com").hang_up.status
      ensure
        GC.stress = false
        world.close
      end
    RUBY
  end

  def run(text)
    library = File.expand_path("../../../lib", __dir__)
    IO.popen([RbConfig.ruby, "-I", library, "-e", program + text], &:read)
  end

  it "leave descriptors, objects and memory level" do
    seen = run(<<~RUBY)
      def state
        3.times { GC.start }
        rss = File.read("/proc/self/status")[/VmRSS:\\s+(\\d+)/, 1].to_i
        [Dir.children("/proc/self/fd").size, OverSIP::Engine.held_objects, ObjectSpace.each_object(OverSIP::Testing::Persona).count, rss]
      end
      200.times { example(false) }
      first = state
      800.times { example(false) }
      p [first, state]
    RUBY
    (*before, memory), (*after, later) = eval(seen) # rubocop:disable Security/Eval -- written by this file
    expect(after.first(2)).to eq(before.first(2))
    expect([before.last, after.last]).to all(be < 20)
    expect(later - memory).to be < 4_000
  end

  it "bear a garbage collection at each allocation" do
    expect(run("p example(true)")).to eq("200\n")
  end
end
