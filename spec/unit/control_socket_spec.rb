# frozen_string_literal: true

require "etc"
require "oversip/control_socket"
require "oversip/privileges"
require "tmpdir"

RSpec.describe OverSIP::ControlSocket do
  def with_runtime_dir(dir)
    former = ENV.fetch("XDG_RUNTIME_DIR", nil)
    ENV["XDG_RUNTIME_DIR"] = dir
    yield
  ensure
    ENV["XDG_RUNTIME_DIR"] = former
  end

  it "is where the configuration says, if it says so" do
    expect(described_class.path("/tmp/a.sock", name: "oversip", pid_file: "/run/oversip.pid")).to eq("/tmp/a.sock")
    expect(described_class.path(false, name: "oversip", pid_file: "/run/oversip.pid")).to be_nil
  end

  it "is beside the PID file, else in the user's folder, else in the system's" do
    with_runtime_dir("/run/user/1000") do
      expect(described_class.path(nil, name: "edge", pid_file: "/run/a/edge.pid")).to eq("/run/a/edge.sock")
      expect(described_class.path(nil, name: "edge", pid_file: "/run/a/number")).to eq("/run/a/number.sock")
      expect(described_class.path(nil, name: "edge")).to eq("/run/user/1000/oversip/edge.sock")
    end
    [nil, "", "relative"].each do |dir|
      with_runtime_dir(dir) { expect(described_class.path(nil, name: "edge")).to eq("/run/oversip/edge.sock") }
    end
  end

  it "makes the folder of a default, and no other one" do
    Dir.mktmpdir do |dir|
      with_runtime_dir(dir) do
        expect(described_class.make_folder(File.join(dir, "oversip", "a.sock"))).to be(true)
        expect(File.stat(File.join(dir, "oversip")).mode & 0o777).to eq(0o700)
        expect(described_class.make_folder(File.join(dir, "oversip", "a.sock"))).to be(false)
        %w[other other/oversip].each { |name| described_class.make_folder(File.join(dir, name, "a.sock")) }
        expect(Dir.children(dir)).to eq(["oversip"])
      end
    end
  end

  describe "for another user", if: Process.euid.zero? do
    around { |example| Dir.mktmpdir { |dir| with_runtime_dir(@dir = dir) { example.run } } }

    let(:privileges) { OverSIP::Privileges.new("nobody", nil) }
    let(:nobody) { Etc.getpwnam("nobody").uid }

    # @return [Integer] whose it is
    def owner(*names)
      File.lstat(File.join(@dir, *names)).uid
    end

    it "makes the folder of a default, which is that user's" do
      described_class.prepare(File.join(@dir, "oversip", "a.sock"), privileges)
      expect(owner("oversip")).to eq(nobody)
    end

    it "leaves a folder whose it is that has only the name of the library" do
      Dir.mkdir(File.join(@dir, "etc"))
      Dir.mkdir(File.join(@dir, "etc", "oversip"))
      described_class.prepare(File.join(@dir, "etc", "oversip", "a.sock"), privileges)
      expect(owner("etc", "oversip")).to eq(0)
    end

    it "leaves a folder whose it is that was there before, and where a symbolic link leads" do
      Dir.mkdir(File.join(@dir, "oversip"))
      described_class.prepare(File.join(@dir, "oversip", "a.sock"), privileges)
      expect(owner("oversip")).to eq(0)
      Dir.rmdir(File.join(@dir, "oversip"))
      Dir.mkdir(File.join(@dir, "target"))
      File.symlink("target", File.join(@dir, "oversip"))
      described_class.prepare(File.join(@dir, "oversip", "a.sock"), privileges)
      expect([owner("oversip"), owner("target")]).to eq([0, 0])
    end
  end
end
