# frozen_string_literal: true

require_relative "../support/child_script"
require_relative "../support/relay_process"

# SIGINT, as Ctrl-C sends it, in a script and in the server.
RSpec.describe "Ctrl-C", :native do
  include ChildScript
  include RelayProcess

  def interrupted(text)
    running_script(text) do |script|
      script.wait_for(/ready\n/)
      script.signal("INT")
      end_of(script)
    end
  end

  it "ends OverSIP.run in order, and the script goes on" do
    output, status = interrupted(<<~RUBY)
      OverSIP::SystemCallbacks.on_terminated { puts "terminated" }
      OverSIP.run(configuration: { core: { syslog_level: "error" }, sip: { listen_port: 0 } }) { puts "ready" }
      puts "goes on, running: \#{OverSIP.running?}"
    RUBY
    expect([output, status.exitstatus]).to eq(["ready\nterminated\ngoes on, running: false\n", 0])
  end

  # The places where the main thread may wait.
  { "waits for nothing in particular" => "puts 'ready'\nwait",
    "waits in OverSIP.stop for a transaction" => <<~RUBY,
      caller = UdpPeer.new
      on_request { |request| request.create_transaction && puts("ready") }
      caller.send_text(caller.build(:INVITE, "sip:bob@b.example"), port)
      caller.receive
      OverSIP.stop(timeout: 60)
    RUBY
    "waits for the start events" => <<~RUBY,
      OverSIP.stop
      OverSIP::SystemCallbacks.on_started { puts("ready") || wait }
      start_oversip
    RUBY
    "computes, as does a callback" => <<~RUBY
      OverSIP.schedule { puts("ready") || loop { 1 + 1 } }
      loop { 1 + 1 }
    RUBY
  }.each do |where, text|
    it "is Ruby's Interrupt when the main thread #{where}" do
      output, status = interrupted("start_oversip\n#{text}")
      expect(output).to match(/Interrupt/)
      expect(status.termsig).to eq(Signal.list["INT"])
    end
  end

  it "can be rescued, and the engine goes on" do
    output, status = interrupted(<<~RUBY)
      start_oversip
      peer = UdpPeer.new
      Thread.new { peer.answer(peer.receive, 200) }
      begin
        puts "ready"
        wait
      rescue Interrupt
        puts "OPTIONS \#{send_options { peer.port }}"
      end
    RUBY
    expect([output, status.exitstatus]).to eq(["ready\nOPTIONS 200\n", 0])
  end

  it "does not wait for a callback that sleeps" do
    output, status = interrupted(<<~RUBY)
      start_oversip
      OverSIP.schedule { puts("ready") || wait }
      wait
    RUBY
    expect(output).to include("Interrupt")
    expect(status.termsig).to eq(Signal.list["INT"])
  end

  it "ends the server, also while a callback sleeps; on_terminated runs nevertheless" do
    Dir.mktmpdir do |folder|
      File.write(File.join(folder, "oversip.conf"), "sip: {listen_ipv4: 127.0.0.1, listen_port: #{Ports.free}, enable_ipv6: no}")
      File.write(File.join(folder, "proxies.conf"), "default_proxy:\n")
      File.write(File.join(folder, "server.rb"), <<~RUBY)
        module OverSIP::SystemEvents
          NEVER = IO.pipe
          def self.on_user_reload = NEVER.first.read(log_info("sleeps") && nil)
          def self.on_terminated(error) = log_info("terminated \#{error}")
        end
      RUBY
      running_oversip("--config-dir", folder) do |server|
        server.wait_for(/running, process/)
        server.signal("USR1")
        server.wait_for(/sleeps/)
        server.signal("INT")
        output, status = end_of(server)
        expect(output).to include("terminated false")
        expect(status.exitstatus).to eq(0)
      end
    end
  end

  it "ends a start that still loads the script, says so, and has the exit status of a shell" do
    Dir.mktmpdir do |folder|
      File.write(File.join(folder, "oversip.conf"), "sip: {listen_ipv4: 127.0.0.1, listen_port: #{Ports.free}, enable_ipv6: no}")
      File.write(File.join(folder, "proxies.conf"), "default_proxy:\n")
      File.write(File.join(folder, "server.rb"), "$stdout.puts 'loading'\n$stdout.flush\nsleep")
      running_oversip("--config-dir", folder) do |server|
        server.wait_for(/^loading$/)
        server.signal("INT")
        output, status = end_of(server)
        expect([output, status.exitstatus]).to match([/<launcher> ended by INT$/, 130])
      end
    end
  end
end
