# frozen_string_literal: true

require "tmpdir"
require "oversip/script_source"

RSpec.describe OverSIP::ScriptSource do
  around { |example| Dir.mktmpdir { |dir| (@dir = dir) && example.run } }

  def read(text, **files)
    files.each { |name, content| File.write(File.join(@dir, "#{name}.rb"), content) }
    File.write(File.join(@dir, "server.rb"), text)
    described_class.new(File.join(@dir, "server.rb"))
  end

  describe "finds profiles" do
    {
      "OverSIP::SIP::Proxy.new(:a)" => [:a],
      "proxy = ::OverSIP::SIP::Proxy.new :a" => [:a],
      "Proxy.new('a')" => [:a],
      "Uac.new(:a, credentials: nil)" => [:a],
      "Uac.new(credentials: { username: 'u', password: 'p' })" => [:default_proxy],
      "Proxy.new.route(request)" => [:default_proxy],
      "Proxy.new()" => [:default_proxy],
      "Proxy.new(:a).route(request, Uac.new(:b))" => %i[a b],
      "OUT = :a\nProxy.new(OUT)" => [:a],
      "OUT ||= 'a'.freeze unless defined?(OUT)\nProxy.new(OUT.to_sym)" => [:a],
      "def out = OverSIP::SIP::Proxy.new(Names::OUT)\nmodule Names; OUT = :a; end" => [:a],
      "class Mine < OverSIP::SIP::Proxy; end\nMine.new(:a)\nMine.new" => %i[a default_proxy],
      "class Mine < OverSIP::SIP::Proxy; def initialize(who) = super(:a)\nend\nMine.new(:who)" => [:a],
      "Proxy.new(request.ruri.host)" => [],
      "Struct.new(:a)\n# Proxy.new(:b)\n'Proxy.new(:c)'" => []
    }.each do |text, names|
      it("in #{text.inspect}") { expect(read(text).profiles.keys).to eq(names) }
    end

    it "in the script's own files, with the place" do
      script = read("require_relative 'one'\nrequire File.expand_path('two', __dir__)\nload \"\#{__dir__}/three.rb\"\n\nProxy.new(OUT)",
                    one: "OUT = :a\nrequire_relative 'two'", two: "\nProxy.new(:b)", three: "Uac.new(:b)\nUac.new(:c)")
      expect(script.profiles).to eq(a: "server.rb:5", b: "two.rb:2", c: "three.rb:2")
      expect(script.files.map { |file| File.basename(file) }).to eq(%w[server.rb one.rb two.rb three.rb])
    end
  end

  it "tells which names stand in the script, as profiles or as texts and Symbols" do
    script = read("Proxy.new(:a)\nBY_DOMAIN = { 'x.example' => :b, 'y.example' => 'c' }\n%w[d e]\n{ f: 1 }\n# :g\n:b")
    expect(script.mentions(%i[a b c d f g])).to eq(a: "server.rb:1", b: "server.rb:2", c: "server.rb:2", d: "server.rb:3")
  end

  it "sees a script that makes profiles itself" do
    ["OverSIP.proxies[:a] = {}", "OverSIP.proxies = {}", "OverSIP.proxies.merge!(a: {})", "::OverSIP.proxies[:a] ||= x"].each do |text|
      expect([text, read(text).makes_profiles?]).to eq([text, true])
    end
    expect(read("OverSIP.proxies[:a][:timer_B]\nx.proxies\nOverSIP.proxies.keys").makes_profiles?).to be(false)
  end

  it "finds libraries that have to be there, and leaves those out that the script can do without" do
    script = read(<<~RUBY, own: "require 'inner'")
      require "json"
      require("mysql2") and require_relative "own"
      begin
        require "optional"
      rescue LoadError
        nil
      end
      require "for_tests" if ENV["TEST"]
      def later = require("later")
    RUBY
    expect(script.libraries).to eq("json" => "server.rb:1", "mysql2" => "server.rb:2", "inner" => "own.rb:1", "later" => "server.rb:9")
  end

  it "looks below its folder when the script changes the load path" do
    Dir.mkdir(File.join(@dir, "lib"))
    script = read("$LOAD_PATH.unshift File.join(__dir__, 'lib')\nrequire 'helper'\nrequire 'json'", "lib/helper": "Proxy.new(:a)")
    expect([script.profiles, script.libraries.keys, script.own_load_path?]).to eq([{ a: "lib/helper.rb:1" }, ["json"], true])
  end

  describe "tells whether on_request is defined:" do
    {
      "def (OverSIP::SipEvents).on_request(request) = nil" => true,
      "module OverSIP::SipEvents; def self.on_request(request); end; end" => true,
      "module OverSIP; module SipEvents; class << self; def on_request(r); end; end; end; end" => true,
      "class << OverSIP::SipEvents; def on_request(request); end; end" => true,
      "module OverSIP::SipEvents; module_function; def on_request(request); end; end" => true,
      "OverSIP::SipEvents.define_singleton_method(:on_request) { |request| request.reply(200) }" => true,
      "" => false,
      "def on_request(request); end" => false,
      "module OverSIP::SipEvents; def on_request(request); end; end" => false,
      "def (OverSIP::SystemEvents).on_started = log_info('up')\nOverSIP::SipEvents.log_info 'here'" => false,
      "module Handler; def on_request(request); end; end\nOverSIP::SipEvents.singleton_class.prepend(Handler)" => nil,
      "Dir[File.join(__dir__, 'parts', '*.rb')].each { |part| require part }" => nil,
      "OverSIP::SipEvents.instance_eval { def on_request(request); end }" => nil
    }.each do |text, defined|
      it("#{defined.inspect} for #{text.inspect}") { expect(read(text).defines?(:on_request)).to be(defined) }
    end

    it "by a file that it loads" do
      expect(read("require_relative 'events'", events: "def (OverSIP::SipEvents).on_request(r) = r.reply(200)").defines?(:on_request)).to be(true)
    end
  end

  it "names events whose self. is missing" do
    script = read(<<~RUBY)
      module OverSIP
        module SystemEvents
          def on_started = nil
          def self.on_terminated(_error) = helper
          def helper = nil
        end
        module SipEvents
          def on_request(request)
          end
        end
      end
    RUBY
    expect(script.unbound).to eq([[:SystemEvents, :on_started, "server.rb:3"], [:SipEvents, :on_request, "server.rb:8"]])
  end

  it "reads scripts in other encodings" do
    %w[iso-8859-1 binary utf-8].each do |encoding|
      script = read("# -*- encoding: #{encoding} -*-\n# M\xFCller\nNAME = 'M\xFCller'\nProxy.new(:a)\ndef (OverSIP::SipEvents).on_request(r) = r.reply(404)")
      expect([encoding, script.profiles, script.defines?(:on_request)]).to eq([encoding, { a: "server.rb:4" }, true])
    end
  end

  it "says nothing of a script that is no Ruby" do
    script = read("def broken(")
    expect([script.profiles, script.libraries, script.unbound]).to eq([{}, {}, []])
  end

  it "reads the scripts that come with the library" do
    ["examples/relay/server.rb", "lib/oversip/starter/server.rb", "benches/relay/server.rb"].each do |name|
      script = described_class.new(File.expand_path("../../#{name}", __dir__))
      expect([name, script.defines?(:on_request), script.unbound, script.profiles.keys]).to eq([name, true, [], [:default_proxy]])
    end
  end
end
