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
    expect { task.value(timeout: -1) }.to raise_error(ArgumentError)
    expect { task.value(timeout: 0) }.to raise_error(ArgumentError, /more than 0/)
    expect(task.value).to eq(1)
  end
end
