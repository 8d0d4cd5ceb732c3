# frozen_string_literal: true

require "support/toolkit_world"
require "tmpdir"

# How a script is loaded into a world, and undone.
RSpec.describe OverSIP::Testing::World, :native do
  include ToolkitWorld

  after { FileUtils.rm_rf(@folder) if @folder }

  let(:text) do
    <<~RUBY
      GATEWAY = "gw1.example"
      $routed = 0
      def helper_of_script = GATEWAY

      OverSIP::SystemCallbacks.on_started { |*| OverSIP::SystemEvents.log_info "callback" }

      module OverSIP
        WORD = "word"

        module SystemEvents
          def self.on_initialize = log_info("initialize")
          def self.on_started = log_info("started")
          def self.on_terminated(_) = $ended = true
        end

        module SipEvents
          LIMIT = 3

          class << self
            def on_request(request)
              @count = (@count || 0) + 1
              request.reply 200, nil, ["X-Count: \#{@count}", "X-Gateway: \#{gateway}"]
            end

            private

            def gateway = helper_of_script
          end
        end
      end
    RUBY
  end

  # A variable that this file does not name, so that only the script makes it.
  def global(name)
    eval(name, binding, __FILE__, __LINE__) # rubocop:disable Security/Eval -- its name is a value
  end

  def made
    [defined?(GATEWAY), defined?(OverSIP::WORD), defined?(OverSIP::SipEvents::LIMIT), global("$routed"),
     Object.private_method_defined?(:helper_of_script), OverSIP::SipEvents.respond_to?(:gateway, true),
     OverSIP::SipEvents.instance_variable_defined?(:@count), OverSIP::SystemCallbacks.count]
  end

  it "starts it as the server does, and undoes what it has made" do
    before = made
    path = script(text)
    counts = Array.new(2) do
      open_world(script: path)
      answer = alice.options.final
      expect(world.log.map(&:text)).to eq(%w[initialize callback started])
      expect(made).not_to eq(before)
      world.close
      expect(made).to eq(before)
      answer.header("X-Count")
    end
    expect(counts).to eq(%w[1 1])
    expect(OverSIP::ScriptEvents.warnings).to eq([OverSIP::ScriptEvents.without_on_request])
  end

  it "warns of nothing, however often a script is loaded" do
    path = script(text)
    warnings = []
    allow(Warning).to receive(:warn) { |text, **| warnings << text }
    verbose = $VERBOSE
    $VERBOSE = true
    2.times do
      open_world(script: path)
      world.close
    end
    expect(warnings).to be_empty
  ensure
    $VERBOSE = verbose
  end

  it "evaluates files again that define events, and leaves other files loaded" do
    script("module ScriptHelper; LOADED = []; end", name: "script_helper.rb")
    script("def (OverSIP::SipEvents).on_request(request) = request.reply(ScriptHelper::LOADED.push(1).size + 479)\nIN_EVENTS = 1",
           name: "script_events.rb")
    path = script("require_relative \"script_helper\"\nrequire_relative \"script_events\"")
    statuses = Array.new(2) do
      open_world(script: path)
      alice.options.status.tap { world.close }
    end
    expect(statuses).to eq([480, 481])
    expect([defined?(ScriptHelper), defined?(IN_EVENTS)]).to eq(["constant", nil])
  ensure
    Object.__send__(:remove_const, :ScriptHelper) if defined?(ScriptHelper)
  end

  # The second world finds what the first one found.
  # @return [Array] what the block has said of each
  def in_two_worlds(path)
    Array.new(2) do
      open_world(script: path)
      yield.tap { world.close }
    end
  end

  it "undoes files that it evaluates with load, also when they make no constant" do
    global("$loaded_before = 1")
    script("def helper_of_loaded = 1\n$loaded_anew = 1\n$loaded_before = 2\n", name: "loaded.rb")
    made = -> { [Object.private_method_defined?(:helper_of_loaded), global("$loaded_anew"), global("$loaded_before")] }
    expect(in_two_worlds(script("load File.join(__dir__, \"loaded.rb\")"), &made)).to eq([[true, 1, 2]] * 2)
    expect(made.call).to eq([false, nil, 1])
  end

  it "evaluates a library with events again as a whole" do
    Dir.mkdir("#{folder}/gx")
    script("module Gx; VERSION = 1; end", name: "gx/version.rb")
    script("module Gx; class Table; end; end", name: "gx/table.rb")
    script("module Gx; def self.helper = 1; end", name: "gx/helper.rb")
    script(<<~RUBY, name: "gx.rb")
      module Gx; class Error < StandardError; end; end
      require_relative "gx/version"
      require_relative "gx/table"
      require_relative "gx/helper"
      OverSIP::SystemCallbacks.on_started { [Gx::Table, Gx::VERSION, Gx.helper, Gx::Error] }
    RUBY
    expect(in_two_worlds(script("require_relative \"gx\"")) { error_texts }).to eq([[], []])
    expect([defined?(Gx), $LOADED_FEATURES.grep(/#{folder}/)]).to eq([nil, []])
  end

  it "evaluates a library again whose module is made by a file without events" do
    Dir.mkdir("#{folder}/gy")
    script("module Gy; VERSION = 1; end", name: "gy/version.rb")
    script("require_relative \"gy/version\"\nmodule Gy; Pair = Struct.new(:a); class Row < Struct.new(:b); end; end\n" \
           "OverSIP::SystemCallbacks.on_started { Gy::Pair }", name: "gy.rb")
    path = script("require_relative \"gy\"")
    expect { expect(in_two_worlds(path) { [Gy::VERSION, *error_texts] }).to eq([[1], [1]]) }.not_to output.to_stderr
    expect(defined?(Gy)).to be_nil
  end

  it "gives back methods of the top level that it redefines" do
    Object.class_eval do
      private

      def method_of_before = 1
    end
    expect(in_two_worlds(script("def method_of_before = 2")) { method_of_before }).to eq([2, 2])
    expect([method_of_before, Object.private_method_defined?(:method_of_before)]).to eq([1, true])
  ensure
    Object.__send__(:remove_method, :method_of_before)
  end

  it "undoes events that come by a module of a file of it" do
    script("module Prepended; def on_request(request) = request.reply(298); end", name: "prepended.rb")
    ["module Extra; def on_request(request) = request.reply(299); end\nOverSIP::SipEvents.singleton_class.prepend Extra",
     "OverSIP::SipEvents.extend(Module.new { def self_made = 299 })\n" \
     "OverSIP::SipEvents.singleton_class.prepend(Module.new { def on_request(request) = request.reply(self_made) })",
     "require_relative \"prepended\"\nOverSIP::SipEvents.singleton_class.prepend Prepended"].each do |text|
      expect(in_two_worlds(script(text)) { alice.options.status }).to eq([text.include?("require") ? 298 : 299] * 2)
      open_world { |request| request.reply 200 }
      expect(alice.options.status).to eq(200)
      world.close
    end
  end

  it "has no world when events come by a module that was there before" do
    stub_const("ThereBefore", Module.new { def on_request(_request) = nil })
    expect { open_world(script: script("OverSIP::SipEvents.extend ThereBefore")) }
      .to raise_error(OverSIP::RuntimeError, /extends OverSIP::SipEvents by ThereBefore, which was there before: its methods \(on_request\)/)
    expect(described_class.current).to be_nil
  end

  it "has no world when the script cannot be loaded, and undoes what it has made so far" do
    path = script("BEGUN = 1\nraise \"not today\"")
    expect { open_world(script: path) }.to raise_error(RuntimeError, "not today")
    expect([described_class.current, defined?(BEGUN)]).to eq([nil, nil])
  end

  it "has no world when on_started raises" do
    expect { open_world(script: script("def (OverSIP::SystemEvents).on_started = raise(\"no database\")")) }
      .to raise_error(RuntimeError, "no database")
    expect([described_class.current, OverSIP::Engine.world_open?]).to eq([nil, false])
  end

  it "reads proxies.conf and oversip.conf, or takes Hashes" do
    proxies = script("slow_proxy:\n  timer_B: 5\n", name: "proxies.conf")
    configuration = script("core:\n  syslog_level: debug\nsip:\n  listen_ipv4: 127.0.0.1\n  enable_ipv6: no\n", name: "oversip.conf")
    open_world(script: script("PATH = 1"), proxies: proxies, configuration: configuration)
    expect([OverSIP.proxies.keys, OverSIP.configuration.dig(:core, :syslog_level), OverSIP.configuration[:sip].slice(:listen_ipv4, :listen_ipv6)])
      .to eq([[:slow_proxy], "debug", { listen_ipv4: "192.0.2.100", listen_ipv6: nil }])
    world.close
    open_world(proxies: { slow_proxy: { timer_B: 7 } }, configuration: { sip: { listen_ipv4: "203.0.113.200" } })
    expect([OverSIP.proxies.dig(:slow_proxy, :timer_B), world.name_of("udp:203.0.113.200:5060")]).to eq([7, "oversip"])
  end

  it "refuses a value that cannot be used, and leaves nothing behind" do
    expect { open_world(configuration: { sip: { listen_port: "many" } }) }.to raise_error(OverSIP::ConfigurationError, /listen_port/)
    expect(described_class.current).to be_nil
  end

  it "runs the server that `oversip init` writes" do
    starter = File.expand_path("../../../lib/oversip/starter", __dir__)
    open_world(script: "#{starter}/server.rb", proxies: "#{starter}/proxies.conf", configuration: { sip: { require_own_route: true } })
    home = world.target("127.0.0.1", port: 5070)
    expect(alice.register.status).to eq(200)
    path = home.received.last.headers("path")
    expect(home.invite("sip:alice@198.51.100.1", route: path).answered_by).to eq("alice")
    expect(alice.invite("sip:bob@example.com").hang_up.answered_by).to eq("127.0.0.1")
    expect(alice.request(:INFO, "sip:x@192.0.2.44", to: "<sip:x@192.0.2.44>;tag=1").status).to eq(403)
    expect(world.errors).to be_empty
  end
end
