# frozen_string_literal: true

require "oversip/control_socket"
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

  it "makes the library's own folder, and no other one" do
    Dir.mktmpdir do |dir|
      described_class.make_folder(File.join(dir, "oversip", "a.sock"))
      expect(File.stat(File.join(dir, "oversip")).mode & 0o777).to eq(0o700)
      described_class.make_folder(File.join(dir, "other", "a.sock"))
      expect(Dir.children(dir)).to eq(["oversip"])
    end
  end
end
