# frozen_string_literal: true

require_relative "../support/blocking_target"

# The queue between those who log and the target, and the thread that writes.
RSpec.describe OverSIP::Log::Writer do
  include RelayHelpers

  let(:target) { BlockingTarget.new }
  let(:now) { [100.0] }
  let(:writer) { described_class.new(target, max_records: 10, max_bytes: 10_000, clock: -> { now.first }) }

  def push(*bodies, severity: :info)
    bodies.each { |body| writer.push(OverSIP::Log::Record.new(severity, "Spec", body, system: false)) }
  end

  # Runs on a real clock, which the frozen one of the writer would not end.
  def flushed(writer = self.writer)
    eventually(message: "it is not written") { writer.size.zero? && writer.flush(0.1) }
  end

  # Letters, since numbers would make the bodies alike.
  def words(count)
    ("aaa"..).first(count)
  end

  after { target.open }

  it "blocks no caller when the target blocks, and keeps the order" do
    push(*words(5))
    expect([writer.size, target.said]).to eq([5, []])
    target.open
    flushed
    expect(target.said).to eq(words(5))
  end

  it "loses the newest records beyond the bound, counts them, and reports the loss in their place later" do
    push(*words(15))
    expect([writer.size, writer.lost]).to eq([10, 5])
    target.open
    flushed
    push("after")
    flushed
    expect(target.said).to eq([*words(10), "5 records were lost", "after"])
    expect([writer.size, writer.bytes, writer.lost]).to eq([0, 0, 5])
  end

  it "bounds bytes as well as records" do
    push("x" * 4_000, "y" * 4_000, "z" * 4_000)
    expect([writer.size, writer.lost]).to eq([2, 1])
    expect(writer.bytes).to be_between(8_000, 10_000)
    target.open
    flushed
    expect(target.said.last).to eq("1 record was lost")
  end

  it "has one gap rather than many: it accepts records again when half of the queue is empty" do
    push(*words(12))
    target.attempts.pop
    target.take_one
    target.attempts.pop
    push("still lost")
    expect([writer.size, writer.lost]).to eq([9, 3])
    target.open
    flushed
    expect(target.said.last).to eq("3 records were lost")
  end

  it "counts records that the target could not write, and reports them when it writes again" do
    target.open.fail_with(Errno::ENOSPC.new)
    push("a", "b")
    flushed
    expect([target.said, writer.lost]).to eq([[], 2])
    target.fail_with(nil)
    push("c")
    flushed
    expect(target.said).to eq(["2 records were lost", "c"])
    expect(writer.lost).to eq(2)
  end

  it "survives whatever a target raises" do
    [NoMemoryError, SystemExit, NotImplementedError, Interrupt].each do |error|
      target.open.fail_with(error.new("from the target"))
      push("x")
      flushed
    end
    target.fail_with(nil)
    push("y")
    flushed
    expect(target.said).to eq(["4 records were lost", "y"])
  end

  it "writes queued records after a script has killed its thread, in order and once" do
    push(*words(5))
    target.attempts.pop
    3.times do
      expect(writer.thread.name).to eq("oversip log")
      writer.thread.kill.join
      target.attempts.pop
    end
    target.open
    flushed
    expect(target.said).to eq(words(5))
    writer.thread.kill.join
    push("after")
    flushed
    expect(target.said.last).to eq("after")
  end

  it "writes queued records when its thread is killed before its start, without a further record" do
    target.open
    50.times do |number|
      push("a")
      writer.thread.kill
      eventually { target.said.size == number + 1 }
    end
  end

  it "writes records to a new target when the old one is blocked, without waiting" do
    push("a", "b")
    target.attempts.pop
    newer = BlockingTarget.new.open
    writer.change_target(newer, 0)
    push("c")
    flushed
    expect([target.said, newer.said]).to eq([[], %w[a b c]])
  end

  it "takes records in a trap handler" do
    target.open
    seen = Thread::Queue.new
    # Made here: what RSpec makes on demand needs a lock.
    own = writer
    previous = Signal.trap("USR2") do
      own.push(OverSIP::Log::Record.new(:info, "Spec", "from the handler", system: false))
      seen << own.flush(1)
    end
    Process.kill("USR2", Process.pid)
    expect(seen.pop).to be(false)
    eventually { target.said == ["from the handler"] }
  ensure
    Signal.trap("USR2", previous || "DEFAULT")
  end

  it "does not wait again for what did not move within a second" do
    seconds = 100.0.step
    allow(now).to receive(:first) { seconds.next }
    push("a")
    target.attempts.pop
    expect(writer.flush(described_class::STUCK_AFTER)).to be(false)
    allow(now).to receive(:first) { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
    # It would not return for an hour.
    expect(writer.flush(3_600)).to be(false)
    target.open
    flushed
    push("b")
    expect(writer.flush(10)).to be(true)
    expect(target.said).to eq(%w[a b])
  end

  it "waits again after a moment that was too short for a slow target" do
    allow(now).to receive(:first) { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
    push("a")
    target.attempts.pop
    expect([writer.flush(0.01), writer.flush(0)]).to eq([false, false])
    waiting = Thread.new { writer.flush(20) }
    eventually { waiting.stop? }
    target.open
    expect(waiting.value).to be(true)
  end

  it "leaves queued records to the parent of a forked process, which writes them once; the child has a queue of its own" do
    reader, output = IO.pipe
    io = Class.new(OverSIP::Log::Target) do
      define_method(:initialize) { |gate| @gate = gate }
      define_method(:deliver) { |record| @gate.pop && output.syswrite("#{Process.pid} #{record.body}\n") }
    end
    gate = Thread::Queue.new
    child_gate = [gate]
    own = described_class.new(io.new(gate))
    own.push(OverSIP::Log::Record.new(:info, "Spec", "of the parent", system: false))
    child = fork do
      child_gate.first << true
      own.push(OverSIP::Log::Record.new(:info, "Spec", "of the child", system: false))
      own.flush(10)
      exit!(0)
    end
    Process.wait(child)
    expect(reader.gets).to eq("#{child} of the child\n")
    gate << true
    expect(own.flush(10)).to be(true)
    output.close
    expect(reader.read).to eq("#{Process.pid} of the parent\n")
  end

  describe "of like records" do
    let(:writer) { described_class.new(target.open, clock: -> { now.first }).tap { |writer| writer.max_like = 3 } }

    it "writes so many in a second and then one that says how many more there were" do
      2_000.times { |number| push("call #{number} from 192.0.2.#{number % 250}") }
      flushed
      expect(target.said).to eq(["call 0 from 192.0.2.0", "call 1 from 192.0.2.1", "call 2 from 192.0.2.2",
                                 "and 1 997 more like it: call 1999 from 192.0.2.249"])
      expect(writer.lost).to eq(0)
    end

    it "tells kinds apart by severity, speaker and text" do
      4.times { |number| push("a #{number}") }
      push("a 5", severity: :warn)
      writer.push(OverSIP::Log::Record.new(:info, "Other", "a 6", system: false))
      push("b 7")
      flushed
      expect(target.said).to eq(["a 0", "a 1", "a 2", "a 5", "a 6", "b 7", "and 1 more like it: a 3"])
    end

    it "begins anew after a second, with the summary before the next one" do
      5.times { |number| push("a #{number}") }
      now[0] += 1
      push("a 5", "b")
      flushed
      expect(target.said).to eq(["a 0", "a 1", "a 2", "and 2 more like it: a 4", "a 5", "b"])
    end

    it "sums up without a further record, when the second is over" do
      stopped = [Process.clock_gettime(Process::CLOCK_MONOTONIC)]
      allow(now).to receive(:first) { stopped.first || Process.clock_gettime(Process::CLOCK_MONOTONIC) }
      4.times { |number| push("a #{number}") }
      stopped.clear
      eventually { target.said.include?("and 1 more like it: a 3") }
    end

    it "writes all of them when the limit is 0" do
      writer.max_like = 0
      200.times { |number| push("a #{number}") }
      flushed
      expect(target.said.size).to eq(200)
    end

    it "takes records of one place of the library for like ones, whatever they say" do
      words(50).each { |word| writer.push(OverSIP::Log::Record.new(:info, "Spec", word, system: true, kind: :here)) }
      writer.push(OverSIP::Log::Record.new(:info, "Spec", "other", system: true, kind: :there))
      flushed
      expect(target.said).to eq([*words(3), "other", "and 47 more like it: #{words(50).last}"])
    end

    it "writes 20 times as many of one line of a script, whatever they say" do
      words(100).each { |word| writer.push(OverSIP::Log::Record.new(:info, "Spec", word, system: false, site: "a.rb:1")) }
      writer.push(OverSIP::Log::Record.new(:info, "Spec", "other", system: false, site: "a.rb:2"))
      flushed
      expect(target.said).to eq([*words(60), "other", "and 40 more like it: #{words(100).last}"])
    end

    it "counts places of the library when texts of scripts have filled the table" do
      push(*words(1_500))
      10.times { writer.push(OverSIP::Log::Record.new(:info, "Spec", "x", system: true, kind: :here)) }
      flushed
      expect(target.said.count("x")).to eq(3)
    end

    it "counts a bounded number of kinds; records of further ones are written" do
      words(1_500).each { |word| push(*[word] * 4) }
      flushed
      expect(target.said.count { |body| !body.start_with?("and ") }).to eq((1_000 * 3) + (500 * 4))
      expect(writer.kinds).to be <= OverSIP::Log::Repetitions::MAX_KINDS
    end
  end
end
