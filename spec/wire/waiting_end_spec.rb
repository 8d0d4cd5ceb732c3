# frozen_string_literal: true

require_relative "../support/child_script"

# What becomes of blocks that wait when OverSIP ends, of their threads, and of the whole when the work does what work should not.
RSpec.describe "A block that waits", :native do
  include ChildScript

  let!(:alice) { udp_peer }
  let!(:gate) { Thread::Queue.new }
  let!(:seen) { mailbox }

  def seconds
    from = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    yield
    Process.clock_gettime(Process::CLOCK_MONOTONIC) - from
  end

  def waiting(count)
    eventually { OverSIP.stats[:waiting_blocks] == count }
  end

  describe "when OverSIP is stopped" do
    it "goes on as long as the time for transactions lasts" do
      start_oversip do |request|
        2.times { gate.pop.then { |status| OverSIP.await { status } } } if request.sip_method == :OPTIONS
        request.reply(OverSIP.await { gate.pop })
      end
      call_from(alice, :MESSAGE)
      waiting(1)
      stopping = Thread.new { OverSIP.stop(timeout: 10) }
      eventually { OverSIP.status == :terminating }
      gate << 486
      expect(alice.receive_final.status).to eq(486)
      expect(seconds { stopping.join }).to be < 5
    end

    it "goes on when it waits several times, and so does work that nobody waits for" do
      start_oversip
      outcome = begin_event do
        OverSIP.async { gate.pop && (seen << :work) }
        Array.new(3) { OverSIP.await { gate.pop } }
      end
      waiting(1)
      stopping = Thread.new { OverSIP.stop(timeout: 10) }
      eventually { OverSIP.status == :terminating }
      4.times { gate << 1 }
      stopping.join
      expect([outcome.pop, seen.pop]).to eq([[1, 1, 1], :work])
    end

    it "is waited for by several at the same time" do
      start_oversip
      outcome = begin_event { OverSIP.await { gate.pop } }
      waiting(1)
      waiters = Array.new(2) { Thread.new { OverSIP::Dispatcher.let_waits_end(10) } }
      eventually { waiters.all? { |waiter| waiter.status == "sleep" } }
      gate << 1
      outcome.pop
      expect(waiters.map { |waiter| waiter.join(5) }).to eq(waiters)
    ensure
      waiters&.each(&:kill)
    end

    it "goes on when it begins to wait while the end waits for work" do
      start_oversip
      in_event { OverSIP.async { gate.pop } && nil }
      stopping = Thread.new { OverSIP.stop(timeout: 10) }
      eventually { stopping.status == "sleep" && OverSIP.status == :terminating && OverSIP.stats[:await_running] == 1 }
      outcome = begin_event { OverSIP.sleep(0.3) || :slept }
      waiting(1)
      gate << 1
      expect(outcome.pop).to eq(:slept)
      stopping.join
    end

    it "meets StoppedError then, so that its ensure runs, and cannot wait any more" do
      start_oversip
      outcomes = [-> { OverSIP.sleep 100 }, -> { OverSIP.await { gate.pop } }, -> { OverSIP.async { gate.pop }.value }].map do |wait|
        begin_event do
          wait.call
        ensure
          begin
            OverSIP.sleep 1
          rescue OverSIP::StoppedError
            seen << :once_more
          end
        end
      end
      waiting(3)
      capture_log { OverSIP.stop(timeout: 0) }
      expect(outcomes.map(&:pop)).to all(be_an(OverSIP::StoppedError))
      expect(Array.new(3) { seen.pop }).to eq([:once_more] * 3)
    end

    it "comes to its end though it rescues what it meets and tries once more" do
      start_oversip
      begin_event do
        OverSIP.sleep 0.01
        raise "not connected"
      rescue StandardError
        retry
      ensure
        seen << :over
      end
      waiting(1)
      expect(seconds { capture_log { OverSIP.stop(timeout: 0) } }).to be < 3
      expect(seen.pop).to eq(:over)
      expect(Thread.list.map(&:name)).not_to include("oversip dispatcher")
    end

    [["before", 0.1], ["after the transactions have had", 0.5]].each do |moment, delay|
      it "meets StoppedError also when another block, which computes for ever, is cut off #{moment} their time" do
        start_oversip
        outcome = begin_event { OverSIP.sleep 100 }
        waiting(1)
        OverSIP.schedule(after: delay) do
          seen << :computes
          loop { nil }
        end
        seen.pop if moment == "before"
        capture_log { OverSIP.stop(timeout: 1) }
        expect(outcome.pop).to be_an(OverSIP::StoppedError)
      end
    end

    it "is cut off when it rescues everything" do
      start_oversip
      begin_event do
        OverSIP.sleep 0.01
      rescue Exception # rubocop:disable Lint/RescueException -- what a careless script does
        retry
      end
      waiting(1)
      said = capture_log(level: :warn) { OverSIP.stop(timeout: 0) }
      expect(said.map(&:body)).to include(a_string_matching("a callback still runs after .* it is cut off"))
      expect(Thread.list.map(&:name)).not_to include("oversip dispatcher")
    end

    it "is told of in one record, which is no failure" do
      said = capture_log(level: :warn) do
        start_oversip { OverSIP.sleep 100 }
        call_from(alice, :MESSAGE)
        waiting(1)
        OverSIP.stop(timeout: 0)
      end
      expect(said.map(&:body))
        .to match([/\Aon_request \(MESSAGE sip:bob@b.example, Call-ID \S+\) waited when OverSIP ended, and was not completed\z/])
    end

    it "keeps nobody for long whose work never ends" do
      start_oversip
      outcome = begin_event { OverSIP.await { gate.pop } }
      waiting(1)
      expect(seconds { capture_log { OverSIP.stop(timeout: 1) } }).to be_between(1, 4)
      expect(outcome.pop).to be_an(OverSIP::StoppedError)
      expect(Thread.list.map(&:name)).not_to include("oversip worker")
    end

    it "lets its work stop OverSIP: that begins the end" do
      start_oversip
      outcome = begin_event { OverSIP.await { OverSIP.stop(timeout: 5) || :begun } }
      expect(outcome.pop).to eq(:begun)
      eventually { !OverSIP.running? }
    end
  end

  describe "when as many are suspended as may be" do
    before { stub_const("OverSIP::Dispatcher::EventFibers::MAX_SUSPENDED", 2) }

    it "gets an error that says so, where it wants to wait" do
      said = capture_log(level: :warn) do
        start_oversip
        held = Thread::Queue.new
        begun = Array.new(2) { begin_event { OverSIP.await { gate.pop } } }
        waiting(2)
        outcomes = [-> { OverSIP.sleep 1 }, -> { OverSIP.await { 1 } }, -> { OverSIP.async { held.pop }.value }].map { |wait| in_event(&wait) }
        expect(outcomes).to all(be_an(OverSIP::RuntimeError).and(have_attributes(message: /2 callbacks are suspended, 2 at most/)))
        held.close
        2.times { gate << 5 }
        expect(begun.map(&:pop)).to eq([5, 5])
        expect(in_event { OverSIP.await { 1 } }).to eq(1)
      end
      expect(said.map(&:body).grep(/callbacks are suspended/).size).to eq(1)
    end
  end

  it "meets an exception when the dispatcher thread is killed" do
    capture_log do
      start_oversip
      outcome = begin_event { OverSIP.sleep 100 }
      waiting(1)
      in_thread = mailbox
      OverSIP.schedule do
        in_thread << true
        Thread.current.kill
      end
      in_thread.pop
      expect(outcome.pop).to be_an(OverSIP::RuntimeError).and have_attributes(message: /dispatcher thread was killed/)
      expect(in_event { OverSIP.await { 5 } }).to eq(5)
    end
  end

  it "cannot wait in its ensure then, which comes to its end" do
    capture_log do
      start_oversip
      begin_event do
        OverSIP.sleep 100
      ensure
        begin
          OverSIP.sleep 1
        ensure
          seen << :over
        end
      end
      waiting(1)
      OverSIP.schedule { Thread.current.kill }
      expect(seen.pop).to eq(:over)
    end
  end

  it "under the Fiber scheduler, in a Fiber of its own, meets it too" do
    capture_log do
      start_oversip(configuration: { core: { fiber_scheduler: true } })
      OverSIP.schedule do
        Fiber.schedule do
          sleep 100
        ensure
          seen << :over
        end
      end
      waiting(1)
      OverSIP.schedule { Thread.current.kill }
      expect(seen.pop).to eq(:over)
    end
  end

  describe "for work" do
    def leaving
      OverSIP.await { return 5 }
    end

    it "gets a clear error when the work tries to leave its block" do
      start_oversip
      expect(in_event { OverSIP.await { break 5 } }).to be_a(LocalJumpError)
      expect(in_event { leaving }).to be_a(LocalJumpError)
      expect(in_event { catch(:found) { OverSIP.await { throw :found, 5 } } }).to be_an(UncaughtThrowError)
      expect(in_event { OverSIP.await { next 5 } }).to eq(5)
    end

    it "is told by the log what to write instead" do
      said = capture_log do
        start_oversip
        OverSIP.schedule { OverSIP.await { break 5 } }
        dispatcher_caught_up
        eventually { OverSIP.stats[:waiting_blocks].zero? }
        dispatcher_caught_up
      end
      expect(said.map(&:body)).to include(/break, return and throw cannot leave: end it with next/)
    end

    it "gets a clear error when the work ends its thread, and the next work runs" do
      start_oversip
      expect(in_event { OverSIP.await { Thread.exit } }).to be_an(OverSIP::RuntimeError).and have_attributes(message: /the thread of OverSIP.await .* was killed/)
      expect(in_event { OverSIP.await { 5 } }).to eq(5)
    end

    ["exit 5", "abort"].each do |leave|
      { "await" => "OverSIP.await { #{leave} }", "async" => "OverSIP.async { #{leave} }" }.each do |name, begun|
        it "ends the process in order with `#{leave}` in #{name}" do
          output, status = run_script(<<~RUBY)
            at_exit { puts "at_exit" }
            OverSIP::SystemCallbacks.on_terminated { |error| puts "terminated \#{error}" }
            start_oversip
            OverSIP.schedule { #{begun} }
            wait
          RUBY
          expect([output, status.exitstatus]).to eq(["terminated false\nat_exit\n", leave == "abort" ? 1 : 5])
        end
      end
    end

    it "has threads of its own in a child of its process" do
      output, = run_script(<<~RUBY)
        start_oversip
        OverSIP.async { 1 }.value
        Process.wait(fork { puts OverSIP.async { 2 }.value })
        puts OverSIP.async { 3 }.value
      RUBY
      expect(output.lines.map(&:to_i)).to eq([2, 3])
    end

    it "lets the work fork: the child ends with it, and the parent goes on" do
      output, status = run_script(<<~RUBY)
        start_oversip
        done = Thread::Queue.new
        OverSIP.schedule do
          child = OverSIP.await { fork || (puts("child \#{OverSIP.running?} \#{OverSIP.await { 5 }}"); nil) }
          if child
            done << Process.wait2(child).last.exitstatus
            done << OverSIP.await { 6 }
          end
        end
        puts done.pop, done.pop
      RUBY
      expect(output).to eq("child false 5\n0\n6\n")
      expect(status).to be_success
    end
  end
end
