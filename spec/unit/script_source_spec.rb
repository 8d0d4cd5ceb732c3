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
      "SIP::Uac.new(:a)" => [:a],
      "P = OverSIP::SIP::Proxy\nP.new(:a)" => [:a],
      "Mine = Class.new(OverSIP::SIP::Proxy) { def x = 1 }\nMine.new(:a)" => [:a],
      "module My\n  class Proxy < OverSIP::SIP::Proxy; end\nend\nMy::Proxy.new(:a)\nRack::Proxy.new(:b)" => [:a],
      "module OverSIP::SIP\n  class Proxy; def x = 1; end\nend\nProxy.new(:a)" => [:a],
      "Rack::Proxy.new('10.0.0.1')\nMy::SIP::Proxy.new(:a)\nProxies::Uac.new" => [],
      "class Proxy; def initialize(host) = nil; end\nProxy.new('10.0.0.1')" => [],
      "Proxy = Struct.new(:host)\nProxy.new('10.0.0.1')" => [],
      "Uac = Rack::Uac\nmodule A; class Proxy < Proxy; end; end\nUac.new(:a)\nA::Proxy.new(:b)" => [],
      "Proxy.new(*args)\nUac.new(nil)\ndef mine(...) = Proxy.new(...)" => [],
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

    it "of a class that another file defines" do
      script = read("require_relative 'mine'\nMine.new(:a)\nProxy.new(:b)",
                    mine: "class Mine < OverSIP::SIP::Uac; end\nclass Proxy; def initialize(x) = nil; end")
      expect(script.profiles).to eq(a: "server.rb:2")
    end

    it "and tells which are used whatever happens" do
      script = read("Proxy.new(:a) if ENV['A']\nx ? Uac.new(:b) : Uac.new(:c)\ndef out = Proxy.new(:d)\nProxy.new(:c)")
      expect(script.profiles.keys.to_h { |name| [name, script.certain?(name)] }).to eq(a: false, b: false, c: true, d: true)
      expect(read("require 'no_such'\nProxy.new(:a)").certain?(:a)).to be(false)
    end
  end

  it "tells which names stand in the script, as profiles or as texts and Symbols" do
    text = "Proxy.new(:a)\nBY_DOMAIN = { 'x.example' => :b, 'y.example' => 'c' }\n%w[d e]\n{ f: 1 }\n# :g\n:b"
    words = { b: "server.rb:2", c: "server.rb:2", d: "server.rb:3" }
    expect(read(text).mentions(%i[a b c d f g])).to eq([{ a: "server.rb:1" }, words])
    ["Proxy.new(BY_DOMAIN[host])", "Uac.new(*names)", "class Mine < Proxy; def initialize(name) = super; end",
     "class Mine < Proxy; def initialize(name) = super(name)\nend"].each do |open|
      expect([open, *read("#{text}\n#{open}").mentions(%i[a b c d f g])]).to eq([open, { a: "server.rb:1", **words }, {}])
    end
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
    expect(script.loads).to eq(%w[json mysql2 inner optional for_tests later])
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
      "OverSIP::SipEvents.instance_eval { def on_request(request); end }" => nil,
      "require 'json'\nrequire 'socket'\nrequire 'thread'\nrequire 'oversip/testing'" => false,
      "require 'our_handlers'" => nil,
      "begin; require 'our_handlers'; rescue LoadError; end" => nil,
      "require 'oversip-mod-own'" => nil,
      "Bundler.require" => nil,
      "autoload :Handlers, 'our_handlers'" => nil
    }.each do |text, defined|
      it("#{defined.inspect} for #{text.inspect}") { expect(read(text).defines?(:on_request)).to be(defined) }
    end

    it "also when a gem has a newer version of a library of Ruby" do
      allow($LOAD_PATH).to receive(:resolve_feature_path).and_return([:rb, "/gems/json-9/lib/json.rb"])
      expect(read("require 'json'").defines?(:on_request)).to be(false)
      expect(read("require 'other'").defines?(:on_request)).to be_nil
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

  it "finds nothing in a script with a syntax error" do
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
