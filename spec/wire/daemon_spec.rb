# frozen_string_literal: true

require "etc"
require "socket"
require_relative "../support/server_folder"
require_relative "../support/syslog_daemon"

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

  it "ignores other signals, INT and PIPE among them" do
    folder(script: script)
    start_daemon
    %w[INT USR2 ALRM POLL PROF WINCH PIPE VTALRM].each { |signal| Process.kill(signal, daemon_pid) }
    Process.kill("USR1", daemon_pid)
    eventually { story.last == "on_user_reload true #{pid_file}" }
    expect(ask).to end_with("From #{daemon_pid}")
  end

  it "shows only its own records on the terminal, warnings and worse on stderr" do
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

  it "takes a relative PID file and log file against the folder it is started in" do
    folder(script: script)
    pid = Process.spawn(*command("--config-dir", @dir, "--pid", "here.pid", "--log-file", "here.log"), chdir: @dir, in: File::NULL, %i[out err] => File::NULL)
    Process.wait(pid)
    @daemons = [Integer(File.read(in_folder("here.pid")), 10)]
    expect(alive?(@daemons.first)).to be(true)
    expect(File.read(in_folder("here.log"))).to include("running, process #{@daemons.first}\n")
  end

  describe "its PID file" do
    before { folder(script: script) }

    it "keeps a second server from starting, and is left alone by it" do
      start_daemon
      first = daemon_pid
      @port = nil
      folder(script: script)
      _, err, status = start_daemon
      expect(err).to end_with("CRIT: <launcher> already running on PID #{first}\n")
      expect([status.exitstatus, daemon_pid]).to eq([1, first])
    end

    it "is named in the error of a second start, though the ports are taken too" do
      start_daemon
      expect(start_daemon[1]).to eq("CRIT: <launcher> already running on PID #{daemon_pid}\n")
    end

    it "is available to its server while another process checks it for a moment" do
      File.write(pid_file, "1\n")
      asking = File.open(pid_file).tap { |file| file.flock(File::LOCK_SH) }
      require "oversip/pid_file"
      file = OverSIP::PidFile.new(pid_file)
      starting = Thread.new { file.create }
      eventually { starting.stop? }
      asking.close
      starting.value
      expect(File.read(pid_file)).to eq("#{Process.pid}\n")
    ensure
      file&.remove
      OverSIP.pid_file = nil
    end

    it "is replaced when its process is gone" do
      gone = Process.spawn("true")
      Process.wait(gone)
      File.write(pid_file, "#{gone}\n")
      expect(start_daemon.last.exitstatus).to eq(0)
      expect(daemon_pid).not_to eq(gone)
    end

    it "is replaced when it names a process that is none of its own, or a zombie" do
      reader, writer = IO.pipe
      zombie = Process.spawn("true", out: writer)
      writer.close
      # Its end, which nobody has fetched.
      reader.read
      [Process.pid, zombie].each do |foreign|
        File.write(pid_file, "#{foreign}\n")
        out, _, status = start_daemon
        expect(status.exitstatus).to eq(0)
        expect(out).to include("running, process #{daemon_pid}\n")
        terminate(daemon_pid)
      end
    ensure
      Process.wait(zombie)
    end

    it "keeps a second server out whatever its content is, and is unlocked when its server is killed" do
      start_daemon
      first = daemon_pid
      File.write(pid_file, "1\n")
      @port = nil
      folder(script: script)
      _, err, status = start_daemon
      expect([status.exitstatus, err]).to match([1, /already running on PID 1$/])
      Process.kill("KILL", first)
      eventually { !alive?(first) }
      expect(start_daemon.last.exitstatus).to eq(0)
    end

    it "belongs to the one server that locked it when several start at once" do
      starts = Array.new(3) do |number|
        @port = nil
        Dir.mkdir(dir = in_folder(number.to_s))
        File.write(File.join(dir, "oversip.conf"), "sip: {listen_ipv4: 127.0.0.1, listen_port: #{port}, enable_ipv6: no}")
        %w[proxies.conf server.rb].each { |file| File.write(File.join(dir, file), File.read(in_folder(file))) }
        Process.spawn(*command("--config-dir", dir, "--pid", pid_file, "--log-file", File.join(dir, "log")),
                      in: File::NULL, %i[out err] => File::NULL)
      end
      statuses = starts.map { |pid| Process.wait2(pid).last.exitstatus }
      @daemons = [daemon_pid]
      expect(statuses.sort).to eq([0, 1, 1])
      expect(alive?(daemon_pid)).to be(true)
    end

    it "has to be a file in an existing folder" do
      Dir.mkdir(in_folder("x.pid"))
      expect(failure("--pid", in_folder("x.pid"), "--log-file", log_file))
        .to include("cannot create PID file: '#{in_folder("x.pid")}' exits and is not a regular file\n")
      expect(failure("--pid", in_folder("none/x.pid"), "--log-file", log_file))
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

  {
    %w[--user nobody] => %w[nobody nogroup],
    %w[--user nobody --group root] => %w[nobody root],
    %w[--group daemon] => %w[root daemon]
  }.each do |arguments, (user, group)|
    it "keeps none of root's groups with #{arguments.join(" ")}", if: Process.euid.zero? do
      folder(script: script)
      File.chmod(0o777, @dir)
      start_daemon(*arguments)
      status = File.read("/proc/#{daemon_pid}/status")
      expect(status[/^Uid:\s+(.*)/, 1].split.uniq).to eq([Etc.getpwnam(user).uid.to_s])
      expect(status[/^Gid:\s+(.*)/, 1].split.uniq).to eq([Etc.getgrnam(group).gid.to_s])
      expect(status[/^Groups:\s+(.*)/, 1].to_s.split).to eq([Etc.getgrnam(group).gid.to_s])
    end
  end

  describe "its log" do
    let(:syslog) { SyslogDaemon.new(in_folder("dev_log")) }

    # A library of --require, as there is none that changes the system's socket.
    def through(socket)
      write("elsewhere.rb", "OverSIP::Logger.syslog_socket = #{socket.dump}")
      ["-r", in_folder("elsewhere")]
    end

    it "is syslog: facility daemon, then the configured one, the name of the process as identity" do
      folder(script: "#{script}\nOverSIP::SystemEvents.log_info('of the script')", core: "syslog_facility: local2")
      _, _, status = start_daemon("--process-name", "edge", log: through(syslog.path))
      expect(status.exitstatus).to eq(0)
      records = [syslog.receive]
      records << syslog.receive until records.last.include?("running, process")
      expect(records.first).to match(/\A<29>\w{3} [ \d]\d [\d:]{8} edge\[\d+\]: NOTICE: <launcher> OverSIP .* starting\z/)
      expect(records.last).to match(/\A<149>.* edge\[#{daemon_pid}\]: NOTICE: <launcher \(master\)> running, process #{daemon_pid}\z/)
      expect(records).to include(/ edge\[\d+\]:   INFO: <SystemEvents> \[user\] of the script\z/)
    ensure
      syslog.close
    end

    it "is required: without syslog the start is refused with a remedy" do
      folder(script: script)
      _, err, status = start_daemon(log: through(in_folder("nowhere")))
      expect(status.exitstatus).to eq(1)
      expect(err).to match(/\ACRIT: <launcher> there is no log for a daemon: syslog cannot be reached \(No such file.*--log-file FILE/)
      expect(File).not_to exist(pid_file)
    end

    it "is the file of --log-file, with a time in front of each record, up to the last one" do
      folder(script: "#{script}\nOverSIP::SystemEvents.log_info('of the script')")
      start_daemon
      terminate(daemon_pid)
      lines = File.readlines(log_file, chomp: true)
      expect(lines).to all(match(/\A\d{4}-\d\d-\d\dT[\d:.]{12}[+-]\d\d:\d\d [A-Z]+: </))
      expect(lines).to include(/NOTICE: <launcher> OverSIP .* starting\z/, /INFO: <SystemEvents> \[user\] of the script\z/)
      expect(lines.last).to end_with("NOTICE: <launcher (master)> terminated")
      expect(File.stat(log_file).mode & 0o777).to eq(0o640 & ~File.umask)
    end

    it "is opened again at HUP, by whom the server runs as, and belongs to that user", if: Process.euid.zero? do
      folder(script: script)
      File.chmod(0o777, @dir)
      start_daemon("--user", "nobody")
      expect(File.stat(log_file).uid).to eq(Etc.getpwnam("nobody").uid)
      File.rename(log_file, in_folder("rotated"))
      Process.kill("HUP", daemon_pid)
      eventually { File.exist?(log_file) && File.read(log_file).include?("reloading proxies.conf") }
      expect(File.read(in_folder("rotated"))).to include("running, process")
      expect(File.read(in_folder("rotated"))).not_to include("reloading proxies.conf")
    end

    # The folder belongs to the user that the server runs as; what is in it may be that user's trap.
    describe "that root opens for another user", if: Process.euid.zero? do
      let(:nobody) { Etc.getpwnam("nobody").uid }
      let(:secret) { in_folder("secret").tap { |path| File.write(path, "of root") && File.chmod(0o600, path) } }
      let(:trap) { in_folder("log").tap { |path| Dir.mkdir(path) && File.chown(nobody, nil, path) } }
      let(:path) { File.join(trap, "oversip.log") }

      before do
        folder(script: script)
        File.chmod(0o777, @dir)
      end

      def start_as_nobody(file = path, status: 1)
        _, err, ended = start_daemon("--user", "nobody", log: ["--log-file", file])
        expect(ended.exitstatus).to eq(status), err
        err
      end

      def expect_untouched
        expect([File.read(secret), File.stat(secret).uid, File.stat(secret).mode & 0o777]).to eq(["of root", 0, 0o600])
      end

      it "is refused where a symbolic link leads elsewhere" do
        File.symlink(secret, path)
        expect(start_as_nobody).to include("#{path} leads to #{secret}, and root does not follow links for another user")
        expect_untouched
      end

      it "is refused when a link is dangling, points to itself or to an object without a path" do
        in_folder("none").then { |target| File.symlink(target, path) }
        expect(start_as_nobody).to include("#{path} leads to #{in_folder("none")}, and root")
        File.delete(path)
        File.symlink(path, path)
        expect(start_as_nobody).to include("#{path} leads to #{path}, and root")
        expect(start_as_nobody("/dev/stdout")).to include("/dev/stdout leads to /proc/self/fd/1, and root")
      end

      it "is refused where a link stands for its folder" do
        File.symlink(@dir, File.join(trap, "sub"))
        expect(start_as_nobody(File.join(trap, "sub", "new.log"))).to include("#{trap}/sub leads to #{@dir}, and root")
        expect(File).not_to exist(in_folder("new.log"))
      end

      it "is refused where it has another name too" do
        File.link(secret, path)
        expect(start_as_nobody).to include("#{path} has 2 names (hard links), and root does not open that for another user")
        expect_untouched
      end

      it "is refused where it is a named pipe, without a wait for its reader" do
        File.mkfifo(path)
        expect(start_as_nobody).to match(/the log file of --log-file cannot be opened: /)
      end

      it "is left to its owner where it is older than the start, and the log says what to do" do
        File.rename(secret, path)
        expect(start_as_nobody(status: 0)).to match(/WARN: .*cannot be opened again at HUP: chown nobody #{path}$/)
        expect([File.stat(path).uid, File.read(path)]).to match([0, /\Aof root.*starting$/])
      end

      it "is that user's after a start that has failed, so that the next one has it" do
        write("oversip.conf", "sip: {listen_port: 70000}")
        start_as_nobody
        expect(File.stat(path).uid).to eq(nobody)
        folder(script: script)
        expect(start_as_nobody(status: 0)).not_to include("cannot be opened again")
      end
    end

    it "stays the old file when it cannot be opened again, and says so" do
      folder(script: script)
      start_daemon
      File.rename(log_file, in_folder("rotated"))
      Dir.mkdir(log_file)
      Process.kill("HUP", daemon_pid)
      eventually { File.read(in_folder("rotated")).match?(/ERROR: .* the log file cannot be opened again.*reloading proxies/m) }
    end

    it "cannot be a file that cannot be written" do
      folder(script: script)
      _, err, status = start_daemon(log: ["--log-file", in_folder("none/oversip.log")])
      expect([status.exitstatus, err]).to match([1, /\ACRIT: <launcher> the log file of --log-file cannot be opened: No such file/])
    end

    it "is the target that a library of --require has set, or server.rb" do
      target = "require 'logger'\nOverSIP.logger = Logger.new(#{in_folder("own.log").dump})"
      write("own_log.rb", target)
      folder(script: script)
      expect(start_daemon(log: ["-r", in_folder("own_log")]).last.exitstatus).to eq(0)
      eventually { File.read(in_folder("own.log")).include?("running, process #{daemon_pid}") }
      terminate(daemon_pid)
      File.delete(in_folder("own.log"))
      folder(script: "#{script}\n#{target}")
      expect(start_daemon(log: []).last.exitstatus).to eq(0)
      eventually { File.read(in_folder("own.log")).include?("running, process #{daemon_pid}") }
    end
  end
end
