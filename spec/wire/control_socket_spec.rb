# frozen_string_literal: true

require "etc"
require "json"
require "tmpdir"
require_relative "../support/monitor_client"
require_relative "../support/server_folder"

# What a running server shows to who it runs as.
RSpec.describe "The control socket", :native do
  include MonitorClient

  describe "of a Ruby program" do
    around { |example| Dir.mktmpdir("oversip") { |dir| (@dir = dir) && example.run } }

    let(:path) { File.join(@dir, "a.sock") }

    def start(**core, &)
      start_oversip(configuration: { core: { control_socket: path, **core } }, &(block_given? ? Proc.new(&) : proc {}))
    end

    it "is there only if the program names one" do
      start_oversip { nil }
      expect(OverSIP::Monitoring.control_socket).to be_nil
      expect(Thread.list.map(&:name)).not_to include("oversip monitor")
    end

    it "is its owner's alone, and gone at the end" do
      start
      expect(File.stat(path).mode & 0o777).to eq(0o600)
      OverSIP.stop(timeout: 0)
      expect(File.exist?(path)).to be(false)
      expect(Thread.list.map(&:name)).not_to include("oversip monitor")
    end

    it "may have the longest path that is valid" do
      folder = File.join(@dir, "a" * (OverSIP::ControlSocket::MOST_FOLDER_BYTES - @dir.bytesize - 1))
      Dir.mkdir(folder)
      path = File.join(folder, "a" * 17)
      expect([path.bytesize, OverSIP::ControlSocket.impossible(path)]).to eq([OverSIP::ControlSocket::MOST_BYTES, nil])
      start(control_socket: path)
      expect(ask("/health", at: path).status).to eq(200)
    end

    it "takes the place of one that a dead process has left, and of nothing else" do
      UNIXServer.new(path).close
      start
      expect(ask("/health", at: path).status).to eq(200)
      OverSIP.stop(timeout: 0)

      UNIXServer.open(path) do
        expect { start }.to raise_error(OverSIP::ControlSocketError, "control socket '#{path}': another process listens on it")
      end
      File.delete(path)
      File.write(path, "mine")
      expect { start }.to raise_error(OverSIP::ControlSocketError, "control socket '#{path}': the name is taken by something that is no socket")
      expect([File.read(path), OverSIP.running?]).to eq(["mine", false])
    end

    it "shows what the server is, all its numbers and what Ruby knows of itself" do
      start
      page = ask_json("/status", at: path)
      expect(page).to include("version" => OverSIP::VERSION, "pid" => Process.pid, "name" => "oversip", "status" => "running")
      expect(page["now"]).to be_between(page["began_at"], Time.now.to_f + 1)
      shown = page["stats"].keys | page["script"].keys | ["callback_seconds"]
      expect(shown).to match_array(OverSIP.stats.keys.map(&:to_s))
      expect(page["script"]).to include("suspended_fibers" => 0, "await_running" => 0)
    end

    it "says whether requests are served" do
      early = nil
      allow(OverSIP::SystemEvents).to receive(:on_initialize) { early = ask("/health", at: path) }
      start
      expect(early).to have_attributes(status: 503, body: "loading\n")
      answer = ask("/health", at: path)
      expect([answer.status, answer.body, answer.headers["content-type"]]).to eq([200, "running\n", "text/plain; charset=utf-8"])
      OverSIP::Engine.status = :terminating
      expect(ask("/health", at: path)).to have_attributes(status: 503, body: "terminating\n")
    end

    it "changes nothing: whoever asks to is refused" do
      start
      %w[POST PUT DELETE PATCH OPTIONS TRACE].each do |method|
        answer = ask("/status", at: path, method: method)
        expect([answer.status, answer.headers["allow"]]).to eq([405, "GET, HEAD"])
      end
      answer = ask("/status", at: path, headers: { "Content-Length" => "1000000" })
      expect(answer.status).to eq(413)
      expect(ask("/nothing", at: path).status).to eq(404)
      expect(ask("/status", at: path, method: "HEAD")).to have_attributes(status: 200, body: "")
    end

    it "says that the trace is off, and what a number is" do
      start
      expect(ask("/trace", at: path)).to have_attributes(status: 404, body: "the trace is off (trace: enabled)\n")
      expect(ask("/trace?last=x", at: path)).to have_attributes(status: 400, body: "last has to be a whole number\n")
    end

    it "answers several requests on one connection" do
      start
      with_connection(path) do |socket|
        2.times do
          socket.write(request("/health"))
          head = +""
          head << socket.readpartial(4096) until head.end_with?("running\n")
          expect(head).to start_with("HTTP/1.1 200 OK")
        end
      end
    end

    it "goes on when a script kills its thread" do
      start
      thread = -> { Thread.list.find { |it| it.name == "oversip monitor" } }
      former = thread.call
      former.kill.join
      expect(thread.call).not_to be_nil
      expect(ask_json("/status", at: path)["script"]).to include("suspended_fibers")
    end

    it "is not left open to a child of the process" do
      start
      child = fork { exit!(ask("/health", at: path).status == 200 ? 0 : 1) }
      Process.wait(child)
      OverSIP.stop(timeout: 0)
      expect { UNIXSocket.new(path) }.to raise_error(Errno::ENOENT)
    end
  end

  describe "of the command" do
    include ServerFolder

    let(:socket) { in_folder("run/oversip/oversip.sock") }

    before { Dir.mkdir(in_folder("run")) }

    def in_foreground(**options, &)
      serving(environment: { "XDG_RUNTIME_DIR" => in_folder("run") }, **options, &)
    end

    it "is beside the PID file of a daemon" do
      folder
      _, error, status = start_daemon
      expect([error, status.exitstatus]).to eq(["", 0])
      page = ask_json("/status", at: in_folder("oversip.sock"))
      expect(page).to include("pid" => daemon_pid, "name" => "oversip")
      Process.kill("TERM", daemon_pid)
      eventually { !File.exist?(in_folder("oversip.sock")) }
    end

    it "is in the user's folder when it runs in the foreground, and says so" do
      folder
      in_foreground do |server|
        expect(server.output).to include("control socket #{socket}")
        expect(ask("/health", at: socket).status).to eq(200)
        server.signal("TERM")
        expect(server.status.exitstatus).to eq(0)
      end
      expect(File.exist?(socket)).to be(false)
    end

    # A server of the user nobody.
    def of_nobody
      folder
      [@dir, in_folder("run")].each { |path| File.chmod(0o755, path) }
      arguments = ["--config-dir", @dir, "--no-color", "--user", "nobody"]
      running_oversip(*arguments, environment: { "XDG_RUNTIME_DIR" => in_folder("run") }) do |server|
        server.wait_for(/running, process/)
        yield server
      end
    end

    it "is not in a folder of root's that was there before, which stays root's", if: Process.euid.zero? do
      Dir.mkdir(in_folder("run/oversip"), 0o755)
      of_nobody do |server|
        expect(server.output).to match(/WARN: .*no control socket .*Permission denied/)
        expect(File.stat(in_folder("run/oversip")).uid).to eq(0)
      end
    end

    it "belongs to the user that the server runs as", if: Process.euid.zero? do
      of_nobody do |server|
        expect(File.stat(socket)).to have_attributes(uid: Etc.getpwnam("nobody").uid, mode: 0o140600)
        expect(ask("/health", at: socket).status).to eq(200)
        server.signal("TERM")
        expect(server.status.exitstatus).to eq(0)
        expect(File.exist?(socket)).to be(false)
      end
    end

    it "has its default in a folder that the server makes for its user, of which systemd makes none of root's" do
      unit = File.read(File.join(Command::ROOT, "packaging/oversip.service"))
      expect(unit).to match(/^ExecStart=.* --user oversip\b/)
      expect(unit).not_to match(/^RuntimeDirectory=/)
    end

    it "serves without, and says why, where the default cannot be made" do
      folder
      File.write(in_folder("run/oversip"), "")
      in_foreground do |server|
        expect(server.output).to match(/WARN: .*no control socket for oversip status, trace and top: .*core\[control_socket\] names/)
      end
    end

    it "has none if the configuration says no, and does not start if it names one that cannot be made" do
      folder(core: "control_socket: no")
      in_foreground { expect(Dir.children(in_folder("run"))).to be_empty }
      folder(core: "control_socket: #{in_folder("none/a.sock")}")
      expect(failure).to include("control socket '#{in_folder("none/a.sock")}': No such file or directory")
    end

    it "does not wait for a script that keeps the interpreter" do
      folder(script: ServerFolder::COMPUTING)
      in_foreground do |server|
        udp_peer.then { |peer| peer.send_text(peer.build(:OPTIONS, "sip:b.example"), port) }
        server.wait_for(/computing/)
        page = nil
        # The block may not have begun to compute.
        eventually { (page = ask_json("/status", at: socket))["script"].nil? }
        expect(page).to include("script" => nil, "status" => "running")
      end
    end
  end
end
