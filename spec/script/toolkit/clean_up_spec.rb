# frozen_string_literal: true

require "support/toolkit_world"
require "tmpdir"

# The end of a world: whatever happens in it, the next one finds nothing of it.
RSpec.describe OverSIP::Testing::World, :native do
  include ToolkitWorld

  after { FileUtils.rm_rf(@folder) if @folder }

  # What a world could leave behind.
  def state
    [described_class.current, OverSIP::Engine.world_open?, defined?(LEFT_BEHIND), OverSIP.configuration, OverSIP.status,
     OverSIP::Logger.target, OverSIP::SystemCallbacks.count, OverSIP::SipEvents.method(:on_request).source_location]
  end

  let(:path) { script("LEFT_BEHIND = 1\ndef (OverSIP::SipEvents).on_request(request) = request.reply(299)") }

  it "is not reached by close in a block, which raises" do
    open_world { |request| described_class.current.close && request.reply(200) }
    alice.options
    expect(error_texts).to eq(["close in a block: the world goes on just now"])
    world.close
    expect(described_class.current).to be_nil
    expect { described_class.open.close }.not_to raise_error
  end

  it "is not reached by close in on_started nor in on_terminated, which raises" do
    in_start = "OverSIP::SystemCallbacks.on_started { OverSIP::Testing::World.current.close }"
    expect { open_world(script: script(in_start)) }.to raise_error(OverSIP::RuntimeError, /close in a block/)
    open_world(script: script("OverSIP::SystemCallbacks.on_terminated { OverSIP::Testing::World.current.close }"))
    world.close
    expect([described_class.current, *error_texts]).to eq([nil, "close in a block: the world goes on just now"])
  end

  it "comes when on_terminated ends the process" do
    before = state
    open_world(script: script("LEFT_BEHIND = 1\nOverSIP::SystemCallbacks.on_terminated { exit 3 }"))
    expect { world.close }.to raise_error(SystemExit)
    expect([state, world.closed?]).to eq([before, true])
  end

  {
    "what was sent cannot be noted" => ->(_) { allow(world).to receive(:note_sent).and_raise("boom") },
    "the blacklist cannot be read" => ->(native) { allow(native).to receive(:blacklist).and_raise("boom") },
    "the native world cannot be closed" => lambda { |native|
      allow(native).to(receive(:close).and_wrap_original { |close| close.call || raise("boom") })
    },
    "the blocks are still observed" => lambda { |_|
      allow(OverSIP::AroundCallback).to(receive(:observer=).with(nil).and_wrap_original { |set, observer| set.call(observer) || raise("boom") })
    },
    "the log cannot be handed back" => lambda { |_|
      allow(OverSIP::Logger).to(receive(:target=).and_wrap_original { |set, target| set.call(target) && raise("boom") })
    }
  }.each do |failure, arrange|
    it "comes when #{failure}" do
      before = state
      open_world(script: path)
      instance_exec(world.instance_variable_get(:@native), &arrange)
      expect { world.close }.to raise_error("boom")
      expect(state).to eq(before)
    end
  end

  it "comes when a global variable of the script cannot be set" do
    before = state
    open_world(script: script(<<~RUBY))
      LEFT_BEHIND = 1
      $left_behind = 1
      trace_var(:$left_behind, ->(value) { raise "boom" unless value })
    RUBY
    expect { world.close }.to raise_error("boom")
    expect(state).to eq(before)
  ensure
    untrace_var(:$left_behind)
  end
end
