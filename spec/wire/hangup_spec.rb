# frozen_string_literal: true

require_relative "../support/server_folder"

# HUP reads proxies.conf and server.rb again, each for itself: what fails in one leaves the other alone, and nothing that
# fails stops the server.
RSpec.describe "oversip at HUP", :native do
  include ServerFolder

  # A script whose reload callback tells its version and the profiles.
  def script(version, body = "")
    <<~RUBY
      module State
        extend OverSIP::Logger
        class << self
          attr_accessor :version
          def tell = log_info("version \#{version}, timer_B \#{OverSIP.proxies[:default_proxy][:timer_B]}")
        end
      end
      State.version = #{version}
      def (OverSIP::SipEvents).on_request(request) = request.reply(404)
      unless OverSIP::SystemCallbacks.on_reload_callbacks.any?
        OverSIP::SystemCallbacks.on_reload { State.tell }
      end
      #{body}
    RUBY
  end

  def profiles(timer_b, others = "")
    write("proxies.conf", "default_proxy: {timer_B: #{timer_b}}\n#{others}")
  end

  # @return [String] what was logged for this HUP until the reload callback has spoken
  def hang_up(server, awaited = /version \d+, timer_B \d+/)
    seen = server.output.size
    server.signal("HUP")
    server.wait_for(awaited, from: seen)
    server.output[seen..]
  end

  before { folder(script: script(1), proxies: "default_proxy: {timer_B: 5}") }

  it "takes both files when both are good" do
    serving do |server|
      profiles(6)
      write("server.rb", script(2))
      expect(hang_up(server)).to include("version 2, timer_B 6")
      expect(server.output).not_to match(/CRIT|ERROR|WARN/)
    end
  end

  it "keeps the profiles when a value in proxies.conf is wrong, and takes server.rb" do
    serving do |server|
      profiles(1)
      write("server.rb", script(2))
      said = hang_up(server)
      expect(said).to include("version 2, timer_B 5")
      expect(said).to match(/CRIT: .* error reloading Proxies Configuration file '#{in_folder("proxies.conf")}': default_proxy\[timer_B\] has/)
    end
  end

  it "keeps the profiles when proxies.conf is no YAML, and takes server.rb" do
    serving do |server|
      write("proxies.conf", "default_proxy: [")
      write("server.rb", script(2))
      said = hang_up(server)
      expect(said).to include("version 2, timer_B 5")
      expect(said).to match(/CRIT: .* error reloading Proxies Configuration file .*SyntaxError/)
    end
  end

  describe "refuses a proxies.conf as a whole" do
    # @return [String] what was said for a HUP with these profiles, beside the script's word that nothing has changed
    def refused(proxies)
      write("proxies.conf", proxies)
      said = hang_up(server)
      expect(said).to include("version 1, timer_B 5")
      said[/CRIT: .* error reloading Proxies Configuration file '#{in_folder("proxies.conf")}': (.*)/, 1]
    end

    attr_reader :server

    def running(script, proxies: "default_proxy: {timer_B: 5}\nout:\nin:\n")
      folder(script: script(1, script), proxies: proxies)
      serving { |server| (@server = server) && yield }
    end

    it "that is no mapping of profiles, or holds one that is no mapping" do
      running("") do
        expect(refused("default_proxy: 5\nout: {timer_B: 6}")).to eq("proxy 'default_proxy' must be a mapping of parameters, not 5")
        expect(refused("- default_proxy")).to eq("invalid proxies configuration file, it is not a collection")
        expect(refused("")).to eq("invalid proxies configuration file, it is not a collection")
      end
    end

    it "that lacks a profile which the script uses, or may use" do
      write("more.rb", "TRUNKS = { 'a.example' => :in }")
      running("require_relative 'more'\ndef (OverSIP::SipEvents).on_request(request)\n  OverSIP::SIP::Proxy.new(:out).route(request)\n  " \
              "OverSIP::SIP::Proxy.new(TRUNKS[request.ruri.host])\nend") do
        expect(refused("default_proxy: {timer_B: 6}")).to match(/\Athe profile 'out' is missing, which server.rb:\d+ names; the profile 'in' is missing, which more.rb:1 names\z/)
        profiles(7, "out: {}\nin: {}")
        expect(hang_up(server)).to include("version 1, timer_B 7")
      end
    end

    it "that lacks default_proxy while the script makes Clients without a name" do
      running("def (OverSIP::SipEvents).on_request(request) = OverSIP::SIP::Proxy.new.route(request)") do
        expect(refused("out: {}\nin: {}")).to match(/\Athe profile 'default_proxy' is missing, which server.rb:\d+ names\z/)
      end
    end

    it "but not for any other word, when the text names all profiles that the script uses" do
      running("HOME_SERVER = ['127.0.0.1', 5070, :in]\ndef (OverSIP::SipEvents).on_request(request) = OverSIP::SIP::Proxy.new(:out).route(request)") do
        profiles(6, "out: {}")
        said = hang_up(server)
        expect(said).to include("version 1, timer_B 6")
        expect(said).to match(/WARN: <LifeCycle> the profile 'in' is gone; server.rb:\d+ has that word$/)
      end
    end

    it "but not for a profile that server.rb uses no more from this HUP on, nor for one that it has lacked before" do
      running("def (OverSIP::SipEvents).on_request(request) = OverSIP::SIP::Proxy.new(:out).route(request)\nOverSIP::SIP::Uac.new(:none) if false") do
        expect(server.output).to match(/WARN: .* server.rb:\d+: the profile 'none' is not in proxies.conf$/)
        write("server.rb", script(2))
        profiles(6)
        expect(hang_up(server)).to include("version 2, timer_B 6")
      end
    end

    it "but not for a profile that the script makes itself" do
      running("OverSIP::SystemCallbacks.on_started { OverSIP.proxies[:mine] = OverSIP.proxies[:default_proxy].merge(timer_B: 2) }\n" \
              "def (OverSIP::SipEvents).on_request(request) = OverSIP::SIP::Proxy.new(:mine).route(request)") do
        profiles(6, "out: {}\nin: {}")
        expect(hang_up(server)).to include("version 1, timer_B 6")
      end
    end

    it "and checks the running script when the present file has a syntax error" do
      running("def (OverSIP::SipEvents).on_request(request) = OverSIP::SIP::Proxy.new(:out).route(request)") do
        write("server.rb", "def broken(")
        expect(refused("default_proxy: {timer_B: 6}\nin:\n")).to match(/\Athe profile 'out' is missing/)
      end
    end
  end

  it "takes proxies.conf when server.rb raises, and what server.rb did before stays done" do
    serving do |server|
      profiles(6)
      write("server.rb", script(2, "raise KeyError, 'no such table'"))
      said = hang_up(server)
      expect(said).to include("version 2, timer_B 6",
                              "CRIT: <launcher> error loading Server file '#{in_folder("server.rb")}':\n",
                              "CRIT: <launcher> no such table (KeyError)\n")
      write("server.rb", "def broken(")
      expect(hang_up(server)).to include("error loading Server file")
    end
  end

  it "runs every reload callback although one raises" do
    folder(script: "OverSIP::SystemCallbacks.on_reload { raise KeyError, 'no connection' }\n#{script(1)}" \
                   "OverSIP::SystemCallbacks.on_reload { State.tell } if OverSIP::SystemCallbacks.on_reload_callbacks.size < 2")
    serving do |server|
      said = hang_up(server)
      expect(said).to match(/ERROR: .* exception in a block given to SystemCallbacks.on_reload:\n\S+ ERROR: .* no connection \(KeyError\)/)
      expect(said).to include("version 1, timer_B 32")
    end
  end

  it "runs callbacks that server.rb registers at its top level once more, and warns" do
    folder(script: "OverSIP::SystemCallbacks.on_reload { OverSIP::SystemEvents.log_info 'called' }")
    serving do |server|
      said = hang_up(server, /called\n.*called\n/)
      expect(said).to match(/WARN: .* server.rb has registered 1 more callbacks with SystemCallbacks/)
    end
  end

  it "remembers a HUP that comes during a reload, refuses a third with a record, and reloads again afterwards" do
    folder(script: script(1, <<~RUBY))
      OverSIP::SystemCallbacks.on_reload_callbacks.clear
      OverSIP::SystemCallbacks.on_reload do
        State.tell
        State.log_info "callback waits"
        fiber = Fiber.current
        look = -> { File.exist?(#{in_folder("go").dump}) ? fiber.resume : OverSIP.schedule(after: 0.02) { look.call } }
        OverSIP.schedule { look.call }
        Fiber.yield
        State.log_info "reloaded"
      end
    RUBY
    serving do |server|
      hang_up(server, /callback waits/)
      # Equal signals may be merged on their way.
      eventually(message: "no HUP is refused") do
        server.signal("HUP")
        server.output.include?("reload (HUP) refused: one is running and another is waiting")
      end
      write("go", "")
      server.wait_for(/(?:reloaded.*){2}/m)
      seen = server.output.size
      server.signal("HUP")
      server.wait_for(/reloaded/, from: seen)
    end
  end

  it "runs on_user_reload at USR1; its exception is logged and the server goes on" do
    folder(script: script(1, "def (OverSIP::SystemEvents).on_user_reload = raise(KeyError, 'not now')"))
    serving do |server|
      server.signal("USR1")
      server.wait_for(/CRIT: .* error in SystemEvents.on_user_reload:\n\S+ CRIT: .* not now \(KeyError\)/)
      hang_up(server)
    end
  end

  it "waits for a reload whose callback is suspended, and says so" do
    folder(core: "callback_warning_time: 1", script: <<~RUBY)
      def (OverSIP::SipEvents).on_request(request) = request.reply(404)
      OverSIP::SystemCallbacks.on_reload { Fiber.yield } unless OverSIP::SystemCallbacks.on_reload_callbacks.any?
    RUBY
    serving do |server|
      server.signal("HUP")
      server.wait_for(/SystemCallbacks.on_reload has been suspended for 1 s; it stands at .*server.rb:2/)
      server.signal("HUP")
      server.wait_for(/reload \(HUP\) waits until the one before it is over/)
    end
  end
end
