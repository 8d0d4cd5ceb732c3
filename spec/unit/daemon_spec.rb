# frozen_string_literal: true

require "oversip/daemon"

RSpec.describe OverSIP::Daemon do
  # The result of `launch` for a master that runs the block.
  def launch(limit: 10, &master)
    saved = $stdin.dup
    capture_log { described_class.new(limit: limit).launch(&master) }
  ensure
    $stdin.reopen(saved)
  end

  around do |example|
    @reader, @writer = IO.pipe
    example.run
    [@reader, @writer].each(&:close)
  end

  it "returns when the master is ready, which goes on" do
    launch do |channel|
      channel.tell_pid
      channel.tell_ready
      @writer.write("#{Process.pid} serves")
      0
    end
    @writer.close
    expect(@reader.read).to match(/\A\d+ serves\z/).and(satisfy { |text| text.to_i != Process.pid })
  end

  it "says that the master ended before it was ready" do
    expect { launch { 1 } }.to raise_error(OverSIP::Daemon::StartError, "master process failed to start")
    expect { launch { |channel| channel.tell_pid && 1 } }.to raise_error(OverSIP::Daemon::StartError, "master process failed to start")
  end

  it "says that the master did not even tell its number" do
    expect do
      launch(limit: 0.2) do
        # Until the example ends, and with it the pipe's other writer.
        @writer.close
        @reader.read && 0
      end
    end.to raise_error(OverSIP::Daemon::StartError, "master process didn't notify its PID within 0.2 seconds")
  end

  it "ends a late master, by KILL if TERM does not" do
    expect do
      launch(limit: 0.5) do |channel|
        Signal.trap("TERM", "IGNORE")
        channel.tell_pid
        @writer.write("#{Process.pid}\n")
        sleep
      end
    end.to raise_error(OverSIP::Daemon::StartError, "master process killed")
    @writer.close
    # The end of the pipe's last writer is the end of the master.
    expect(@reader.wait_readable(10)).to be_truthy
    expect(@reader.read).to match(/\A\d*\n?\z/)
  end

  it "leaves the master alone after the end of the invoked process" do
    reader, writer = IO.pipe
    reader.close
    channel = OverSIP::Daemon::Channel.new(writer)
    expect { channel.tell_pid }.not_to raise_error
  end
end
