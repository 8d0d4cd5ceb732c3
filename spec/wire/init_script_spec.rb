# frozen_string_literal: true

require_relative "../support/server_folder"

RSpec.describe "packaging/init.d/oversip", :native do
  include ServerFolder

  before do
    folder(script: <<~RUBY)
      #{ServerFolder::ANSWERING}
      def (OverSIP::SystemEvents).on_user_reload = File.write(#{in_folder("reloaded").dump}, "")
      OverSIP::SystemCallbacks.on_reload { File.write(#{in_folder("hung_up").dump}, "") }
    RUBY
    # The command as a gem would install it.
    write("oversip", "#!/bin/sh\nexec #{command.join(" ")} \"$@\"\n")
    File.chmod(0o755, in_folder("oversip"))
    write("defaults", "RUN=yes\nCONFIG_DIR=#{@dir}\nLOG_FILE=#{log_file}\n")
  end

  let(:pid_path) { in_folder("run/edge.pid") }

  # @return [Array] output and exit status
  def script(action, **environment)
    usual = { "NAME" => "edge", "DAEMON" => in_folder("oversip"), "DEFAULTS" => in_folder("defaults"), "PID_DIR" => in_folder("run") }
    pid = Process.spawn(usual.merge(environment.transform_keys(&:to_s)), File.join(Command::ROOT, "packaging/init.d/oversip"), action,
                        in: File::NULL, %i[out err] => in_folder("said"))
    _, status = Process.wait2(pid)
    (@daemons ||= []) << Integer(File.read(pid_path), 10) if action.start_with?("start", "restart") && File.exist?(pid_path)
    [File.read(in_folder("said")), status.exitstatus]
  end

  it "starts, reloads, restarts and stops a server, and says how it is" do
    expect(script("status")).to eq(["edge: does not run\n", 3])
    expect(script("start")).to eq(["", 0])
    pid = @daemons.first
    expect(script("status")).to eq(["edge: runs, process #{pid}\n", 0])
    expect(File.read("/proc/#{pid}/cmdline")).to start_with("edge")
    expect(script("start")).to eq(["edge: runs already\n", 0])

    script("user-reload")
    script("reload")
    eventually(limit: 30) { File.exist?(in_folder("reloaded")) && File.exist?(in_folder("hung_up")) }

    expect(script("restart").last).to eq(0)
    expect(@daemons.last).not_to eq(pid)
    expect(script("stop")).to eq(["", 0])
    expect(script("status").last).to eq(3)
    expect(script("stop")).to eq(["edge: does not run\n", 0])
  end

  it "tells a stale PID file, a missing program, and that the server is not enabled" do
    Dir.mkdir(in_folder("run"))
    gone = Process.spawn("true")
    Process.wait(gone)
    File.write(pid_path, "#{gone}\n")
    expect(script("status").last).to eq(1)
    expect(script("status", DAEMON: in_folder("none")).last).to eq(4)
    # Another process has this number now, which must not be stopped.
    held, _life = IO.pipe
    other = Process.spawn("cat", in: held)
    File.write(pid_path, "#{other}\n")
    expect(script("status").last).to eq(1)
    expect(script("stop")).to eq(["edge: does not run\n", 0])
    expect(alive?(other)).to be(true)
    expect(script("start")).to eq(["", 0])
    expect(@daemons.last).not_to eq(other)
    Process.kill("KILL", other)
    Process.wait(other)
    write("defaults", "RUN=no\n")
    expect(script("start")).to match([/not enabled, set RUN=yes/, 0])
  end

  it "fails when the server does" do
    write("oversip.conf", "sip: {listen_port: 70000}")
    expect(script("start")).to match([/CRIT: <launcher> sip\[listen_port\]/, 1])
  end
end
