# frozen_string_literal: true

require_relative "../support/child_script"
require_relative "../support/server_folder"

# A script that kills the main thread ends the server, which is no orderly end.
RSpec.describe "A server whose main thread is killed by a script", :native do
  include ChildScript
  include ServerFolder

  let(:script) { <<~RUBY }
    def (OverSIP::SystemEvents).on_terminated(error)
      log_notice "on_terminated, error: \#{error}"
    end
    def (OverSIP::SystemEvents).on_user_reload
      Thread.main.kill
    end
    def (OverSIP::SipEvents).on_request(request)
      request.reply 200
    end
  RUBY

  let(:killed) { /CRIT: <launcher> the main thread was killed by the script or a library of it$/ }

  it "runs on_terminated, says so and ends with status 1" do
    folder(script: script)
    serving do |server|
      server.signal("USR1")
      expect(server.status.exitstatus).to eq(1)
      expect(server.output).to match(/#{killed}.*on_terminated, error: true$.*terminated\n\z/m)
    end
  end

  ["Thread.list.each(&:kill)", "Thread.kill(Thread.main)", "Thread.main.exit", "Thread.main.terminate",
   "Thread.new { Thread.main.kill }.join"].each do |way|
    it "does the same after #{way}" do
      folder(script: script.sub("Thread.main.kill", way))
      serving do |server|
        server.signal("USR1")
        expect(server.status.exitstatus).to eq(1)
        expect(server.output).to match(killed)
      end
    end
  end

  it "is no server that calls exit" do
    folder(script: script.sub("Thread.main.kill", "exit 3"))
    serving do |server|
      server.signal("USR1")
      expect(server.status.exitstatus).to eq(0)
      expect(server.output).not_to match(killed)
    end
  end

  it "deletes its PID file as a daemon, and has said so in its log" do
    folder(script: script)
    start_daemon
    pid = daemon_pid
    Process.kill("USR1", pid)
    eventually { !alive?(pid) }
    expect(File).not_to exist(pid_file)
    expect(File.read(log_file)).to match(/#{killed}.*on_terminated, error: true$/m)
  end

  { "at the top level of server.rb" => "Thread.main.kill",
    "in a start event" => "def (OverSIP::SystemEvents).on_started = Thread.main.kill" }.each do |place, text|
    it "ends with status 1 #{place}" do
      folder(script: "#{script}\n#{text}")
      expect(failure).to match(killed)
    end
  end

  # The thread that waits for the start events belongs to no one else, so its kill must be reported.
  ["Thread.list.each { |thread| thread.kill unless [Thread.main, Thread.current].include?(thread) }",
   "Thread.list.each { |thread| thread.kill unless thread == Thread.main }"].each do |way|
    it "is not needed for an end with status 1: the start is killed by #{way[/unless.*(?=\})/]}" do
      folder(script: "#{script}\ndef (OverSIP::SystemEvents).on_started\n#{way}\nend")
      expect(failure).to match(/CRIT: .*error in a start event:\n.*the (start was|dispatcher thread was) killed/)
    end
  end

  ["OverSIP.schedule { Thread.main.kill }", "Thread.new { Thread.main.kill }"].each do |way|
    it "has the same status as a program that waits in OverSIP.run, killed by #{way}" do
      output, status = run_script(<<~RUBY)
        def (OverSIP::SystemEvents).on_terminated(_error) = puts("terminated")
        OverSIP.run(configuration: { sip: { listen_port: 0, enable_ipv6: false } }) { #{way} }
        puts "not reached"
      RUBY
      expect(status.exitstatus).to eq(1)
      expect(output).to match(/CRIT: <LifeCycle> the main thread was killed by the script or a library of it$/).and include("terminated\n")
      expect(output).not_to include("not reached")
    end
  end

  it "is no program that calls exit in OverSIP.run" do
    output, status = run_script(<<~RUBY)
      OverSIP.run(configuration: { sip: { listen_port: 0, enable_ipv6: false } }) { OverSIP.schedule { exit 3 } }
    RUBY
    expect([output, status.exitstatus]).to match([satisfy { |text| !text.include?("killed") }, 3])
  end
end
