# frozen_string_literal: true

require "etc"
require "socket"
require_relative "../support/server_folder"

# `oversip --pid FILE`: the invoked process ends when the server serves, which goes on without a terminal.
RSpec.describe "oversip as a daemon", :native do
  include ServerFolder

  let(:alice) { udp_peer }

  # Writes what happened to a file: a daemon has no other place to show it.
  let(:script) { <<~RUBY }
    module Story
      def self.tell(text) = File.write(#{in_folder("story").dump}, "\#{text}\\n", mode: "a")
    end
    def (OverSIP::SystemEvents).on_initialize = Story.tell("on_initialize")
    def (OverSIP::SystemEvents).on_started = Story.tell("on_started")
    def (OverSIP::SystemEvents).on_user_reload = Story.tell("on_user_reload \#{OverSIP.daemonized?.inspect} \#{OverSIP.pid_file}")
    def (OverSIP::SystemEvents).on_terminated(error) = Story.tell("on_terminated \#{error}")
    OverSIP::SystemCallbacks.on_started { Story.tell("started callback") }
    OverSIP::SystemCallbacks.on_terminated { |error| Story.tell("first terminated callback \#{error}") }
    OverSIP::SystemCallbacks.on_terminated { |error| Story.tell("second terminated callback \#{error}") }
    at_exit { Story.tell("at_exit") }
    def (OverSIP::SipEvents).on_request(request)
      request.reply 200, "From \#{Process.pid}"
    end
  RUBY

  def story
    File.exist?(in_folder("story")) ? File.readlines(in_folder("story"), chomp: true) : []
  end

  def ask
    alice.send_text(alice.build(:OPTIONS, "sip:bob@b.example"), port)
    alice.receive_final.first_line
  end

  # Sends TERM and waits for the end.
  def terminate(pid)
    Process.kill("TERM", pid)
    eventually(message: "the daemon does not end") { !alive?(pid) }
  end

  it "serves in a session of its own when the invoked process has ended" do
    folder(script: script)
    out, err, status = start_daemon
    pid = daemon_pid

    expect([status.exitstatus, err]).to eq([0, ""])
    expect(out).to include("  sip:\n", "NOTICE: <launcher> OverSIP #{OverSIP::VERSION} starting\n", "running, process #{pid}\n")
    expect(ask).to eq("SIP/2.0 200 From #{pid}")
    ppid, _, session = File.read("/proc/#{pid}/stat")[/\) \w (.*)/, 1].split
    expect(session.to_i).not_to eq(Process.getsid)
    expect(session.to_i).not_to eq(pid)
    expect(ppid.to_i).not_to eq(Process.pid)
    expect((0..2).map { |number| File.readlink("/proc/#{pid}/fd/#{number}") }).to all(eq("/dev/null"))
    expect(File.stat(pid_file).mode & 0o777).to eq(0o644 & ~File.umask)
  end

  it "runs its events in order, and at TERM those of the end, callbacks reversed, then leaves at once" do
    folder(script: script)
    start_daemon
    terminate(daemon_pid)
    expect(story).to eq(["on_initialize", "started callback", "on_started", "on_terminated false",
                         "second terminated callback false", "first terminated callback false"])
    expect(File).not_to exist(pid_file)
  end

  it "does not mind signals that mean nothing to it, INT and PIPE among them (S-B05)" do
    folder(script: script)
    start_daemon
    %w[INT USR2 ALRM POLL PROF WINCH PIPE VTALRM].each { |signal| Process.kill(signal, daemon_pid) }
    Process.kill("USR1", daemon_pid)
    eventually { story.last == "on_user_reload true #{pid_file}" }
    expect(ask).to end_with("From #{daemon_pid}")
  end

  it "shows only what it says itself on the terminal, warnings and worse on stderr" do
    folder(script: "#{script}\nOverSIP::SystemEvents.log_info('a record of the script')",
           conf: "core: {nonsense: 1}\nsip: {listen_ipv4: 127.0.0.1, listen_port: #{port}, enable_ipv6: no}")
    out, err, = start_daemon
    expect(out + err).not_to include("a record of the script")
    expect(err).to eq("WARN: <Config> oversip.conf unknown parameter core[nonsense] ignored\n")
  end

  it "has the name that it is given" do
    folder(script: script)
    start_daemon("--process-name", "sip-edge")
    expect(File.read("/proc/#{daemon_pid}/cmdline")).to start_with("sip-edge")
  end

  it "S-B03: takes a relative PID file against the folder it is started in" do
    folder(script: script)
    pid = Process.spawn(*command("--config-dir", @dir, "--pid", "here.pid"), chdir: @dir, in: File::NULL, %i[out err] => File::NULL)
    Process.wait(pid)
    @daemons = [Integer(File.read(in_folder("here.pid")), 10)]
    expect(alive?(@daemons.first)).to be(true)
  end

  describe "its PID file" do
    before { folder(script: script) }

    it "keeps a second server from starting, and is left alone by it" do
      start_daemon
      first = daemon_pid
      @port = nil
      folder(script: script)
      _, err, status = start_daemon
      expect(err).to include("already running on PID #{first} (or '#{pid_file}' is stale)\n", "master process failed to start\n")
      expect([status.exitstatus, daemon_pid]).to eq([1, first])
    end

    it "is replaced when its process is gone" do
      gone = Process.spawn("true")
      Process.wait(gone)
      File.write(pid_file, "#{gone}\n")
      expect(start_daemon.last.exitstatus).to eq(0)
      expect(daemon_pid).not_to eq(gone)
    end

    it "has to be a file in a folder that is there" do
      Dir.mkdir(in_folder("x.pid"))
      expect(failure("--pid", in_folder("x.pid")))
        .to include("cannot create PID file: '#{in_folder("x.pid")}' exits and is not a regular file\n")
      expect(failure("--pid", in_folder("none/x.pid")))
        .to include("cannot create PID file: directory '#{in_folder("none")}' is not writable\n")
    end
  end

  describe "fails to start with status 1, a reason and nothing left behind" do
    def expect_failure(*lines)
      out, err, status = start_daemon
      expect(err).to include(*lines, "CRIT: <launcher> master process failed to start\n")
      expect([status.exitstatus, File.exist?(pid_file)]).to eq([1, false])
      expect(story).not_to include(/on_terminated/)
      [out, err]
    end

    it "when a start event raises" do
      folder(script: "#{script}\ndef (OverSIP::SystemEvents).on_started = raise(KeyError, 'no database')")
      expect_failure("CRIT: <launcher> no database (KeyError)\n")
    end

    it "when a start event calls exit" do
      folder(script: "#{script}\ndef (OverSIP::SystemEvents).on_initialize = exit(0)")
      expect_failure("CRIT: <launcher> exit (SystemExit)\n")
    end

    it "when a started callback ends it with Launcher.fatal" do
      folder(script: "#{script}\nOverSIP::SystemCallbacks.on_started { OverSIP::Launcher.fatal('no licence') }")
      expect_failure("CRIT: <launcher> no licence\n", "CRIT: <launcher> exiting with error status\n")
    end
  end

  it "ends with status 1 in the invoked process when the configuration is wrong, without ever forking" do
    folder(conf: "sip: {listen_port: 70000}")
    _, err, status = start_daemon
    expect(err).to eq("CRIT: <launcher> sip[listen_port] has invalid value '70000' " \
                      "(does not satisfy 'port' validation requirement): 70000 is above the bound: 1 to 65535\n")
    expect(status.exitstatus).to eq(1)
  end

  it "S-B04: gives up root's groups with --user alone", if: Process.euid.zero? do
    nobody = Etc.getpwnam("nobody")
    folder(script: script)
    File.chmod(0o777, @dir)
    start_daemon("--user", "nobody")
    status = File.read("/proc/#{daemon_pid}/status")
    expect(status[/^Uid:\s+(.*)/, 1].split.uniq).to eq([nobody.uid.to_s])
    expect(status[/^Gid:\s+(.*)/, 1].split.uniq).to eq([nobody.gid.to_s])
    expect(status[/^Groups:\s+(.*)/, 1].to_s.split - [nobody.gid.to_s]).to eq([])
  end
end
