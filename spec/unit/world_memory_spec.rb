# frozen_string_literal: true

require "open3"
require "rbconfig"

# Worlds leave nothing behind, and their objects live as long as they are used. Each example has a process of its own.
RSpec.describe OverSIP::Engine::World, "and memory" do
  # Relays one call whose script suspends a Fiber, and looks at what has happened.
  setup = <<~'RUBY'
    require "oversip"
    require "support/simulated_world"
    require "support/world_call"
    include SimulatedWorld

    def (OverSIP::SipEvents).on_request(request)
      fiber = Fiber.current
      OverSIP.schedule(after: 0.1) { fiber.resume }
      Fiber.yield
      request.loose_route unless request.initial?
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_success_response { |response| response.headers.to_h if response.headers.respond_to?(:to_h) }
      request.initial? ? proxy.route(request, "10.0.2.1", 5060, :udp) : proxy.route(request)
    end

    OverSIP::Engine.observe_blocks(->(*, &block) { block.call })

    def relayed_call
      in_world do |world|
        world.driver = -> { world.step(nil) }
        state = WorldCall.new(world).begin.run.state
        [state, world.entries(0).size, world.happenings(0).size, world.blacklist]
      end
    end
  RUBY

  define_method(:output_of) do |program|
    folders = %w[../../lib ..].flat_map { |folder| ["-I", File.expand_path(folder, __dir__)] }
    output, errors, status = Open3.capture3(RbConfig.ruby, *folders, "-e", setup + program)
    expect(status).to be_success, errors
    output.lines(chomp: true)
  end

  it "is the same after a thousand worlds, and so are descriptors and Fibers" do
    lines = output_of(<<~'RUBY')
      def figures
        4.times { GC.start }
        [File.read("/proc/self/status")[/^VmRSS:\s+(\d+)/, 1].to_i, Dir.children("/proc/self/fd").size,
         ObjectSpace.each_object(Fiber).count, OverSIP::Engine.held_objects, File.foreach("/proc/self/maps").count]
      end
      100.times { relayed_call }
      puts figures.join(" ")
      1000.times { relayed_call }
      puts figures.join(" ")
    RUBY
    before, after = lines.map { |line| line.split.map(&:to_i) }
    expect(after[0]).to be < before[0] + 8_000
    expect(after[1]).to eq(before[1])
    expect(after[2..3]).to match([be <= before[2] + 4, 0])
    expect(after[4]).to be < before[4] + 50
  end

  # A Fiber that nobody resumes any more is not unwound.
  it "of worlds that are closed while blocks are suspended is given back, but for the little that those have in hands" do
    lines = output_of(<<~'RUBY')
      def closed_early
        in_world do |world|
          WorldCall.new(world).begin
          2_000.times { |key| world.add_record("name#{key}.example", :a, "10.0.2.1") }
          run(world, 0)
        end
      end
      def figure
        4.times { GC.start }
        File.read("/proc/self/status")[/^VmRSS:\s+(\d+)/, 1].to_i
      end
      50.times { closed_early }
      puts figure
      200.times { closed_early }
      puts figure
    RUBY
    before, after = lines.map(&:to_i)
    expect(after).to be < before + 20_000
  end

  it "is collected at any time without harm" do
    calm, stressed = output_of(<<~'RUBY').map { |line| line }
      p relayed_call
      GC.stress = true
      seen = relayed_call
      GC.stress = false
      p seen
    RUBY
    expect(stressed).to eq(calm)
    expect(calm).to start_with("[:hung_up, ")
  end

  it "of a world that a forked child has inherited stays the parent's" do
    expect(output_of(<<~'RUBY')).to eq(["the world belongs to the process that this one was forked from", "false", "true"])
      in_world do |world|
        $stdout.flush
        pid = fork do
          world.now
        rescue OverSIP::RuntimeError => e
          puts e.message, world.open?
          world.close
        end
        Process.wait(pid)
        puts world.open?
        world.now
      end
    RUBY
  end
end
