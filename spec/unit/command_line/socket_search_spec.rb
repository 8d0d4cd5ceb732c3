# frozen_string_literal: true

require "etc"
require_relative "../../support/asked_server"

# Which server is asked.
RSpec.describe "The server that oversip status, trace and top ask" do
  include AskedServer

  def at(path, **facts)
    FileUtils.mkdir_p(File.dirname(path))
    (@servers ||= []) << FakeMonitor.new(path, "/status" => status(name: File.basename(path, ".sock"), **facts))
  end

  before { stub_const("OverSIP::ControlSocket::SYSTEM_DIR", File.join(@dir, "run")) }
  after { @servers&.each(&:close) }

  around do |example|
    former = ENV.fetch("XDG_RUNTIME_DIR", nil)
    ENV["XDG_RUNTIME_DIR"] = @dir
    example.run
  ensure
    ENV["XDG_RUNTIME_DIR"] = former
  end

  # @return [String] the name of the server that answers, or what is said instead
  def asked(*arguments)
    out, error, = oversip("status", *arguments, socket: nil)
    error.empty? ? out.lines.first[/: (\S+) 3\.0\.0/, 1] || out : error
  end

  it "is that of --socket, --pid, the folder, or the name of a process" do
    at(File.join(@dir, "a.sock"))
    at(File.join(@dir, "oversip", "b.sock"))
    at(File.join(@dir, "run", "c.sock"))
    File.write(File.join(@dir, "oversip.conf"), "core: {control_socket: #{@dir}/a.sock}")
    expect([asked("--socket", "#{@dir}/a.sock"), asked("--pid", "#{@dir}/a.pid"), asked(@dir), asked("--config-dir", @dir), asked("-p", "b"),
            asked("--process-name", "c")]).to eq(%w[a a a a b c])
  end

  it "is the one with the files of the folder, and no other one" do
    at(File.join(@dir, "run", "a.sock"), folder: File.join(@dir, "elsewhere"))
    at(File.join(@dir, "run", "b.sock"), folder: @dir)
    File.write(File.join(@dir, "oversip.conf"), "core:\n")
    File.symlink(@dir, File.join(@dir, "link"))
    expect([asked(@dir), asked(File.join(@dir, "link"))]).to eq(%w[b b])
    @servers.pop.close
    expect(asked(@dir)).to start_with("CRITICAL: no socket of a server with the files of #{@dir} in #{@dir}/oversip and #{@dir}/run: does the server run")
  end

  it "is that of a name rather than that of the usual folder" do
    stub_const("OverSIP::CommandLine::DEFAULT_DIR", @dir)
    at(File.join(@dir, "a.sock"))
    at(File.join(@dir, "oversip", "b.sock"))
    File.write(File.join(@dir, "oversip.conf"), "core: {control_socket: #{@dir}/a.sock}")
    expect([asked, asked("--process-name", "b")]).to eq(%w[a b])
  end

  it "is the only one that runs, and of several none" do
    expect(asked).to eq("CRITICAL: no socket of a server in #{@dir}/oversip and #{@dir}/run: does the server run, as this user? Its folder " \
                        "(--config-dir DIR), PID file (--pid FILE) or socket (--socket PATH) says where it is\n")
    at(File.join(@dir, "oversip", "b.sock"))
    UNIXServer.new(File.join(@dir, "oversip", "dead.sock")).close
    expect(asked).to eq("b")
    at(File.join(@dir, "run", "c.sock"))
    expect(asked).to eq("UNKNOWN: several servers run: choose one by --socket #{@dir}/oversip/b.sock or --socket #{@dir}/run/c.sock\n")
  end

  it "is none where the folder has none, and says so" do
    File.write(File.join(@dir, "oversip.conf"), "core: {control_socket: no}")
    expect(asked(@dir)).to eq("UNKNOWN: the server has no socket: core[control_socket] is \"no\" in #{@dir}/oversip.conf\n")
    expect(asked(File.join(@dir, "none"))).to match(%r{\AUNKNOWN: #{@dir}/none/oversip.conf cannot be read: No such file})
    File.write(File.join(@dir, "oversip.conf"), "core: [")
    expect(asked(@dir)).to include("oversip.conf cannot be read")
  end

  # @return [String] what somebody else sees
  def asked_by_nobody(*arguments)
    File.chmod(0o755, @dir)
    reader, writer = IO.pipe
    pid = fork do
      Process::UID.change_privilege(Etc.getpwnam("nobody").uid)
      writer.write(oversip("status", *arguments, socket: nil).first)
      exit!(0)
    end
    writer.close
    Process.wait(pid)
    reader.read
  end

  it "is asked of its own user only, who is named", if: Etc.getpwuid.uid.zero? do
    at(File.join(@dir, "a.sock"))
    File.chmod(0o600, File.join(@dir, "a.sock"))
    expect(asked_by_nobody("--socket", "#{@dir}/a.sock")).to eq("UNKNOWN: #{@dir}/a.sock may be opened by root only: run the command as this user (sudo -u root …)\n")
  end

  it "may be in a folder that somebody else may not look into", if: Etc.getpwuid.uid.zero? do
    at(File.join(@dir, "run", "c.sock"))
    File.chmod(0o700, File.join(@dir, "run"))
    [[], %w[--process-name c]].each { |arguments| expect(asked_by_nobody(*arguments)).to start_with("UNKNOWN: #{@dir}/run may be opened by root only") }
  end
end
