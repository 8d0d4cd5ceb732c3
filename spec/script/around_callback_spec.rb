# frozen_string_literal: true

require "support/toolkit_world"
require "tmpdir"

RSpec.describe OverSIP, ".around_callback", :native do
  include ToolkitWorld

  around do |example|
    before = OverSIP::AroundCallback.wrappers
    example.run
  ensure
    @world&.close
    OverSIP::AroundCallback.replace(before)
    FileUtils.rm_rf(@folder) if @folder
  end

  let(:seen) { [] }

  it "wraps each block and event method, and knows the request that it belongs to" do
    described_class.around_callback do |event, run|
      seen << [event.name, event.subject.class, event.arguments.size, event.request&.sip_method]
      run.call
    end
    world_with("gw1.example") do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_target { |target| target }
      proxy.on_success_response { |_| OverSIP.schedule { nil } }
      proxy.route(request, "example.com")
    end
    gateway.answers(200)
    alice.options("sip:bob@example.com")
    world.close
    expect(seen).to eq(
      [[:on_initialize, Module, 0, nil], [:on_started, Module, 0, nil],
       [:on_request, OverSIP::SIP::Request, 1, :OPTIONS], [:on_target, OverSIP::SIP::Proxy, 1, :OPTIONS],
       [:on_success_response, OverSIP::SIP::Proxy, 1, :OPTIONS], [:schedule, NilClass, 0, nil],
       [:on_terminated, Module, 1, nil]]
    )
  end

  it "has the first registered as the outermost, and hands on what the callback raises" do
    %i[outer inner].each do |name|
      described_class.around_callback do |event, run|
        next run.call unless event.name == :on_request

        seen << name
        run.call
      rescue KeyError => e
        seen << [name, e.message]
        raise
      end
    end
    open_world { raise KeyError, "no such user" }
    world.expect_script_error(KeyError)
    expect(alice.options("sip:bob@example.com").status).to eq(500)
    expect(seen).to eq([:outer, :inner, [:inner, "no such user"], [:outer, "no such user"]])
  end

  it "takes an object with a method call in place of a block, and nothing else" do
    tracker = Class.new do
      attr_reader :names

      def call(event, run)
        (@names ||= []) << event.name
        run.call
      end
    end.new
    described_class.around_callback(tracker)
    open_world { |request| request.reply(200) }
    alice.options("sip:bob@example.com")
    expect(tracker.names).to eq(%i[on_initialize on_started on_request])
    expect { described_class.around_callback }.to raise_error(ArgumentError, "no block given")
    expect { described_class.around_callback(Object.new) }.to raise_error(ArgumentError, "no block given")
    expect { described_class.around_callback(->(event) { event }) }.to raise_error(ArgumentError, /event and run/)
  end

  it "skips a callback whose block does not call run, and says so" do
    described_class.around_callback { |event, run| run.call unless event.name == :on_request }
    ran = false
    open_world { ran = true }
    alice.options("sip:bob@example.com")
    expect(ran).to be(false)
    expect(world.log.map(&:text)).to include(
      /\Aon_request of OPTIONS sip:bob@example.com \(Call-ID .+\) did not run: the block of around_callback at #{__FILE__}:\d+ has not called run\z/
    )
    expect(world.blocks.map(&:event)).not_to include(:on_request)
  end

  def error_of
    yield
    nil
  rescue OverSIP::RuntimeError => e
    e.message
  end

  it "runs a callback once, in the thread of its block and before the end of that" do
    kept = nil
    described_class.around_callback do |event, run|
      next run.call unless event.name == :on_request

      seen << error_of { Thread.new { run.call }.tap { |thread| thread.report_on_exception = false }.value }
      run.call
      seen << error_of(&run)
      kept = run
    end
    ran = 0
    open_world { |request| request.reply(200, "Run #{ran += 1}") }
    expect(alice.options("sip:bob@example.com").status).to eq(200)
    seen << error_of(&kept)
    expect(seen).to match([/another thread/, /called twice/, /after its block had ended/])
    expect(ran).to eq(1)
  end

  it "fails the example when the block itself raises, and answers 500" do
    described_class.around_callback { |event, run| event.name == :on_request ? raise("tracker is broken") : run.call }
    open_world { |request| request.reply(200) }
    expect(alice.options("sip:bob@example.com").status).to eq(500)
    expect(error_texts).to include("tracker is broken")
  end

  it "goes with the script of a world that has registered it" do
    before = OverSIP::AroundCallback.wrappers
    path = script("OverSIP.around_callback { |event, run| OverSIP::SipEvents.log_info(event.name) && run.call }\n")
    open_world(script: path)
    expect(OverSIP::AroundCallback.wrappers.size).to eq(before.size + 1)
    world.close
    expect(OverSIP::AroundCallback.wrappers).to eq(before)
  end

  it "leaves the engine alone when there is none" do
    allow(OverSIP::Engine).to receive(:observe_blocks).and_call_original
    OverSIP::AroundCallback.replace([])
    expect(OverSIP::Engine).to have_received(:observe_blocks).with(nil)
  end
end
