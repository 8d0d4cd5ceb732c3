# frozen_string_literal: true

require_relative "../support/server_folder"

# A server prints its configuration when it starts. Nobody may be there to read it.
RSpec.describe "A start whose stdout", :native do
  include ServerFolder

  # Answers an OPTIONS and ends in order, without an error record.
  def expect_service(stdout)
    folder
    errors = in_folder("err")
    pid = Process.spawn(*command("--config-dir", @dir, "--no-color"), in: File::NULL, out: stdout, err: errors)
    waiter = Process.detach(pid)
    eventually(message: "it does not serve") { File.read(errors).include?("running, process") || !waiter.alive? }
    peer = udp_peer
    peer.send_text(peer.build(:OPTIONS, "sip:127.0.0.1"), port)
    expect(peer.receive_final.status).to eq(404)
    Process.kill("TERM", pid)
    expect(waiter.join(SipPeer::LIMIT)&.value&.exitstatus).to eq(0)
    expect(File.read(errors)).not_to match(/ERROR|CRIT|\.rb:\d/)
  ensure
    Process.kill("KILL", pid) if waiter&.alive?
    waiter&.join
  end

  def full(writer)
    loop { writer.write_nonblock("x" * 4_096) }
  rescue IO::WaitWritable
    writer
  end

  it "is a full pipe serves" do
    reader, writer = IO.pipe
    expect_service(full(writer))
  ensure
    [reader, writer].each(&:close)
  end

  it "is a pipe without a reader serves" do
    reader, writer = IO.pipe
    reader.close
    expect_service(writer)
  ensure
    writer.close
  end

  it "is closed serves" do
    expect_service(:close)
  end

  it "is a full device serves" do
    expect_service("/dev/full")
  end
end
