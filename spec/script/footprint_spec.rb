# frozen_string_literal: true

require "json"
require "open3"
require "tmpdir"
require_relative "../support/command"

# What examples of scripts cost, and that they leave nothing behind. Each example runs others in a process of its own.
RSpec.describe "Examples with the metadata :sip", :native do
  examples = %w[spec/script/starter spec/script/relay]

  around { |example| Dir.mktmpdir("oversip-footprint") { |folder| in_folder(folder, example) } }

  def in_folder(folder, example)
    @folder = folder
    example.run
  end

  def file(name)
    File.join(@folder, name)
  end

  # Runs RSpec in a process of its own.
  def rspec(*arguments, **environment)
    command = [RbConfig.ruby, "-S", "rspec", *arguments]
    output, status = Open3.capture2e(environment.transform_keys(&:to_s), *command, chdir: Command::ROOT)
    expect(status).to be_success, output
  end

  # @return [Hash{String => String}] a digest of what each example has sent
  def messages_of(seed, *examples)
    rspec("-r", "support/note_messages", "--seed", seed.to_s, *examples, NOTES: file("notes"))
    JSON.parse(File.read(file("notes")))
  end

  it "sends the same messages in any order" do
    first, *others = [1, 2, 3].map { |seed| messages_of(seed, *examples) }
    expect(first.size).to be >= 60
    expect(others).to all(eq(first))
  end

  it "leaves memory and descriptors as they are after a thousand worlds" do
    program = <<~RUBY
      require "oversip/testing/world"
      require "support/relay_script"

      def call_in_a_world
        world = OverSIP::Testing::World.open(**RelayScript::FILES)
        world.target("127.0.0.1", port: 5090).answers 180, 200
        call = world.client(:alice).invite("sip:bob@b.example")
        raise "not answered" unless call.answered? && call.hang_up.answered?
        world.verify!
      ensure
        world&.close
      end

      def figures
        4.times { GC.start }
        [File.read("/proc/self/status")[/^VmRSS:\\s+(\\d+)/, 1], Dir.children("/proc/self/fd").size, ObjectSpace.each_object(Fiber).count,
         OverSIP::Engine.held_objects, ObjectSpace.each_object(OverSIP::Testing::World).count]
      end

      [100, 1000].each { |number| number.times { call_in_a_world } && puts(figures.join(" ")) }
    RUBY
    folders = %w[lib spec].flat_map { |folder| ["-I", File.join(Command::ROOT, folder)] }
    output, status = Open3.capture2e(RbConfig.ruby, *folders, "-e", program)
    expect(status).to be_success, output
    before, after = output.lines.map { |line| line.split.map(&:to_i) }
    expect(after[0]).to be < before[0] + 8_000
    expect([after[1], after[3]]).to eq([before[1], 0])
    expect([after[2] - before[2], after[4]]).to all(be <= 4)
  end
end
