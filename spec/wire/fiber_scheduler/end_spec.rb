# frozen_string_literal: true

require_relative "../../support/child_script"
require_relative "../../support/scheduled_events"

RSpec.describe "Blocks that wait by the Fiber scheduler of the dispatcher", :native do
  include ChildScript
  include ScheduledEvents

  pipes = Array.new(3) { IO.pipe }
  waits = { "sleep" => -> { sleep }, "Queue#pop" => -> { Thread::Queue.new.pop },
            "IO#read" => -> { pipes[0].first.read }, "IO.select" => -> { IO.select([pipes[1].first, pipes[2].first]) },
            "Thread#join" => -> { Thread.new { sleep }.join }, "Timeout.timeout" => -> { Timeout.timeout(99) { sleep } },
            "Process.wait" => -> { system("sleep 2") } }

  waits.each do |name, wait|
    it "meet StoppedError at the end, so that their ensure runs: #{name}" do
      seen = mailbox
      capture_log do
        start_scheduled
        OverSIP.schedule do
          wait.call
        rescue OverSIP::StoppedError
          seen << :stopped
        ensure
          seen << :ensured
        end
        eventually { OverSIP.stats[:waiting_blocks] == 1 }
        OverSIP.stop(timeout: 0)
      end
      expect(seen.all).to eq(%i[stopped ensured])
    end
  end

  it "leave nothing in what they waited for" do
    queue = Thread::Queue.new
    mutex = Thread::Mutex.new.tap(&:lock)
    capture_log do
      start_scheduled
      in_event { queue.pop }
      in_event { mutex.lock }
      eventually { OverSIP.stats[:waiting_blocks] == 2 }
      OverSIP.stop(timeout: 0)
    end
    queue << 1
    mutex.unlock
    expect([queue.pop, mutex.try_lock]).to eq([1, true])
  end

  it "end with the dispatcher that a script has killed, and the next one has the scheduler too" do
    capture_log do
      start_scheduled
      OverSIP::Testing.freeze
      result = in_event { sleep }
      expect_to_wait(result)
      in_event { Thread.current.kill }
      expect(result.pop).to be_a(OverSIP::RuntimeError).and have_attributes(message: /dispatcher thread was killed/)
      result = in_event { sleep(1) && :slept }
      expect_to_wait(result)
      OverSIP::Testing.advance(1)
      expect(result.pop).to eq(:slept)
    end
  end

  it "are no matter of a child that closes what they wait for" do
    output, status = run_script(<<~RUBY)
      start_oversip(fiber_scheduler: true)
      reader, writer = IO.pipe
      OverSIP.schedule { puts reader.gets }
      Thread.pass until OverSIP.stats[:waiting_blocks] == 1
      [-> { fork { reader.close } }, -> { OverSIP::Dispatcher.call { fork { reader.close } } }].each { |child| Process.wait(child.call) }
      writer.puts "a line"
      OverSIP::Dispatcher.call { true } until OverSIP.stats[:waiting_blocks].zero?
      OverSIP.stop
    RUBY
    expect(output).to eq("a line\n")
    expect(status).to be_success
  end

  it "are waits of a plain thread in a child that an event has forked" do
    output, status = run_script(<<~RUBY)
      start_oversip(fiber_scheduler: true)
      pid = OverSIP::Dispatcher.call do
        fork do
          queue = Thread::Queue.new
          Thread.new { sleep(0.01) && (queue << :value) }
          puts [sleep(0.01).class, queue.pop, `echo text`, Timeout.timeout(5) { :in_time }, Fiber.scheduler.nil?].inspect
        end
      end
      Process.wait(pid)
      puts OverSIP::Dispatcher.call { sleep(0.01).class }
      OverSIP.stop
    RUBY
    expect(output).to eq(%([Integer, :value, "text\\n", :in_time, false]\nInteger\n))
    expect(status).to be_success
  end
end
