# frozen_string_literal: true

# Work that a block begins and asks for later.
RSpec.describe "OverSIP.async", :native do
  let!(:alice) { udp_peer }
  let!(:gates) { Array.new(2) { Thread::Queue.new } }

  it "does several things at once" do
    start_oversip do |request|
      tasks = gates.map { |gate| OverSIP.async { gate.pop } }
      request.reply(tasks.sum(&:value))
    end
    call_from(alice, :MESSAGE)
    eventually { OverSIP.stats[:await_running] == 2 }
    gates.zip([400, 86]) { |gate, number| gate << number }
    expect(alice.receive_final.status).to eq(486)
  end

  it "gives back the value as often as it is asked, from any thread, and says whether it is there" do
    start_oversip
    task = in_event { OverSIP.async { gates.first.pop } }
    expect([task.done?, task.inspect]).to match([false, /\A#<OverSIP::Task OverSIP.async \(.*async_spec.rb:\d+\)>\z/])
    gates.first << 5
    expect([task.value, in_event { task.value }, task.done?]).to eq([5, 5, true])
    expect(task.inspect).to end_with(" done>")
  end

  it "has a time-out for asking, after which it may be asked again" do
    start_oversip
    OverSIP::Testing.freeze
    task = in_event { OverSIP.async { gates.first.pop } }
    outcome = begin_event { task.value(timeout: 3) }
    dispatcher_caught_up
    OverSIP::Testing.advance(3)
    expect(outcome.pop).to be_an(OverSIP::AwaitTimeout)
    gates.first << 5
    expect(in_event { task.value }).to eq(5)
    expect(OverSIP.stats).to include(await_timeouts: 0, await_late: 0)
  end

  it "raises the exception of the work where its value is asked for, and logs nothing" do
    said = capture_log(level: :warn) do
      start_oversip
      expect(in_event { OverSIP.async { raise IOError, "no disk" }.value }).to be_a(IOError)
    end
    expect(said).to be_empty
  end

  it "logs an exception that nobody asks for, with the request" do
    said = capture_log(level: :warn) do
      start_oversip do |request|
        OverSIP.async { gates.first.pop && raise(IOError, "no disk") }
        request.reply(200)
      end
      @sent = SipText.new(call_from(alice, :MESSAGE))
      alice.receive_final
      dispatcher_caught_up
      eventually { gates.first.num_waiting == 1 }
      gates.first << true
      eventually { OverSIP.stats[:await_running].zero? }
    end
    expect(said.map(&:body)).to match(
      [/\Aexception in the work of OverSIP.async \(\S+\) \(MESSAGE sip:bob@b.example, Call-ID #{@sent.header("Call-ID")}\), for which nobody waits:/,
       /no disk \(IOError\)/]
    )
  end

  it "refuses to wait for its own value" do
    start_oversip
    task = nil
    gate = gates.first
    result = begin_event { (task = OverSIP.async { gate.pop && task.value }).value }
    eventually { gate.num_waiting == 1 }
    gate << true
    expect(result.pop).to be_an(OverSIP::RuntimeError).and have_attributes(message: /OverSIP.async \(\S+\) asks for its own value/)
  end

  it "keeps no Task that is over, in a block that goes on" do
    start_oversip
    present = in_event do
      500.times { OverSIP.async { nil }.value }
      GC.start
      ObjectSpace.each_object(OverSIP::Task).count
    end
    expect(present).to be < 200
  end

  it "logs each exception that nobody asks for, when there are many Tasks" do
    said = capture_log(level: :warn) do
      start_oversip
      in_event do
        OverSIP.async { raise IOError, "no disk" }
        200.times { OverSIP.async { nil }.value }
      end
      dispatcher_caught_up
    end
    expect(said.map(&:body)).to include(/no disk/)
  end

  it "logs an exception that nobody asks for while its event goes on, after half a minute, and keeps no such Task" do
    said = capture_log(level: :warn) do |log|
      start_oversip(configuration: { core: { callback_warning_time: 0 } })
      OverSIP::Testing.freeze
      OverSIP.schedule do
        100.times { OverSIP.async { raise IOError, "no disk" } }
        OverSIP.sleep 60
        100.times { OverSIP.async { nil }.value }
        OverSIP.sleep 60
      end
      eventually { OverSIP.stats.values_at(:await_running, :await_queued, :waiting_blocks) == [0, 0, 1] }
      OverSIP::Testing.advance(29)
      dispatcher_caught_up
      OverSIP::Logger.flush
      expect(log).to be_empty
      OverSIP::Testing.advance(1)
      dispatcher_caught_up
      OverSIP::Logger.flush
      expect(log.map(&:body).grep(/no disk/).size).to be_positive
    end
    expect(said.map(&:body)).to include(/\Aexception in the work of OverSIP.async/)
  end

  it "leaves no timer of a failure that was asked for, or whose event is over" do
    start_oversip
    timers = OverSIP.stats[:timers]
    in_event do
      task = OverSIP.async { raise IOError, "no disk" }
      OverSIP.sleep 0.001 until task.done?
      task.value
    end
    capture_log do
      in_event do
        OverSIP.async { raise IOError, "no disk" }
        OverSIP.sleep 0.01
      end
      dispatcher_caught_up
      eventually { OverSIP.stats[:await_running].zero? }
    end
    expect(OverSIP.stats[:timers]).to eq(timers)
  end

  it "has no value in a child of the process that has begun it" do
    start_oversip
    pending, ended = in_event { [OverSIP.async { gates.first.pop }, OverSIP.async { 5 }.tap(&:value)] }
    reader, writer = IO.pipe
    child = fork do
      pending.value
    rescue OverSIP::RuntimeError => e
      writer.puts e.message, ended.value
    ensure
      exit!
    end
    writer.close
    expect(reader.wait_readable(10) && reader.read).to match(/\AOverSIP.async \(\S+\) was begun by process #{Process.pid}, .*\n5\n\z/)
    gates.first << 1
    expect(pending.value).to eq(1)
  ensure
    Process.kill(:KILL, child)
    Process.wait(child)
  end

  it "says in a trap handler that it cannot begin there, nor be asked" do
    start_oversip
    task = OverSIP.async { 1 }
    told = Thread::Queue.new
    former = trap("CONT") do
      [-> { OverSIP.async { 1 } }, -> { task.value }].each do |try|
        try.call
      rescue OverSIP::RuntimeError => e
        told << e.message
      end
    end
    Process.kill("CONT", Process.pid)
    eventually { told.size == 2 }
    expect([told.pop, told.pop]).to match([/\AOverSIP.async cannot be called in a trap handler: OverSIP.schedule/, /\ATask#value cannot be called/])
  ensure
    trap("CONT", former || "DEFAULT")
  end

  it "is refused after the end: nothing would end its thread" do
    start_oversip
    OverSIP.stop
    expect { OverSIP.async { 1 } }.to raise_error(OverSIP::StoppedError, /has ended/)
    expect(Thread.list.map(&:name)).not_to include("oversip worker")
    start_oversip
    expect(OverSIP.async { 1 }.value).to eq(1)
  end

  it "refuses a missing block and what is no time" do
    start_oversip
    expect { OverSIP.async }.to raise_error(ArgumentError, "no block given")
    task = OverSIP.async { 1 }
    [-1, 0].each do |time|
      expect { task.value(timeout: time) }
        .to raise_error(ArgumentError, "timeout: must be a positive number of seconds, at most 1000000000, not #{time}")
    end
    expect { task.value(timeout: "1") }.to raise_error(TypeError, 'timeout: must be a number of seconds, not "1"')
    expect(task.value).to eq(1)
  end
end
