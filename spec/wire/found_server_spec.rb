# frozen_string_literal: true

require_relative "../support/server_folder"

# The server that oversip status, trace and top find without being told its socket.
RSpec.describe "A running server", :native do
  include ServerFolder

  around do |example|
    former = ENV.fetch("XDG_RUNTIME_DIR", nil)
    ENV["XDG_RUNTIME_DIR"] = @dir
    example.run
  ensure
    ENV["XDG_RUNTIME_DIR"] = former
  end

  # @return [Array(String, Integer)] the first line of `oversip status` and its exit status
  def status(*arguments)
    out, _, status = oversip("status", *arguments)
    [out.lines.first, status.exitstatus]
  end

  it "is found by its folder, by the name of its process, and by nothing at all" do
    folder
    serving("--process-name", "edge", environment: { "XDG_RUNTIME_DIR" => @dir }) do |server|
      server.wait_for(/control socket .*edge\.sock/)
      found = [/\AOK: edge #{OverSIP::VERSION}, process #{server.pid}, running/, 0]
      [[@dir], ["--config-dir", @dir], ["--process-name", "edge"]].each { |arguments| expect(status(*arguments)).to match(found) }
      Dir.mktmpdir("oversip") do |other|
        File.write(File.join(other, "oversip.conf"), "core:\n")
        expect(status(other)).to match([/\ACRITICAL: no socket of a server with the files of #{other}/, 2])
      end
    end
  end

  it "is found by its PID file when it is a daemon" do
    folder
    start_daemon
    expect(status("--pid", pid_file)).to match([/\AOK: \S+ #{OverSIP::VERSION}, process #{daemon_pid}, running/, 0])
  end
end
