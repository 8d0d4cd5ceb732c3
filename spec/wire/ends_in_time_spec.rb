# frozen_string_literal: true

require_relative "../support/child_script"

# The end of OverSIP where blocks do not come back: it takes its time and little more, whatever their number, and each client that
# waits for a final response gets one.
RSpec.describe "The end", :native do
  include ChildScript

  let!(:alice) { udp_peer }

  def seconds
    from = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    yield
    Process.clock_gettime(Process::CLOCK_MONOTONIC) - from
  end

  def wait_and_compute
    OverSIP.sleep 100
  ensure
    loop { nil }
  end

  def waiting(count)
    eventually { OverSIP.stats[:waiting_blocks] == count }
  end

  [false, true].each do |scheduled|
    describe "of a program#{" with the Fiber scheduler" if scheduled}" do
      let(:configuration) { { core: { fiber_scheduler: scheduled } } }

      blocks = { "compute" => -> { loop { nil } }, "compute where their wait ends" => -> { wait_and_compute } }
      blocks.each do |what, block|
        it "takes its time and little more where blocks #{what} for ever, and runs on_terminated" do
          terminated = mailbox
          OverSIP::SystemCallbacks.on_terminated { terminated << true }
          start_oversip(configuration: configuration)
          begun = mailbox
          4.times do
            OverSIP.schedule do
              begun << true
              instance_exec(&block)
            end
          end
          begun.pop
          took = seconds { capture_log { OverSIP.stop(timeout: 1) } }
          expect(took).to be < 4
          expect(terminated.pop).to be(true)
        end
      end
    end
  end

  it "of a server takes at most five seconds where blocks compute for ever" do
    started = <<~RUBY
      require "oversip/life_cycle"
      start_oversip
      3.times { OverSIP.schedule { loop { nil } } }
      OverSIP::SystemCallbacks.on_terminated { puts "terminated" }
      from = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      OverSIP::LifeCycle.stop(timeout: 0)
      puts Process.clock_gettime(Process::CLOCK_MONOTONIC) - from < 5
    RUBY
    output, = run_script(started)
    expect(output.lines(chomp: true).grep_v(/<Dispatcher>/)).to eq(%w[terminated true])
  end

  it "answers requests that wait: those of blocks, those in the queue, and those that the script has kept" do
    gate = Thread::Queue.new
    start_oversip do |request|
      request.create_transaction
      case request.sip_method
      when :OPTIONS then Fiber.yield
      when :MESSAGE then OverSIP.sleep(100)
      else gate.pop
      end
    end
    %i[OPTIONS MESSAGE INFO SUBSCRIBE].each { |method| call_from(alice, method) }
    waiting(1)
    eventually { OverSIP.stats[:queued][:requests] == 1 }
    capture_log { OverSIP.stop(timeout: 0.5) }
    statuses = Array.new(4) { alice.receive_final }.map { |response| [response.method_name, response.status] }
    expect(statuses).to contain_exactly(["OPTIONS", 503], ["MESSAGE", 503], ["INFO", 500], ["SUBSCRIBE", 503])
  end

  it "answers a call that rings, and cancels it downstream" do
    bob = udp_peer
    start_oversip { |request| OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", bob.port, :udp) }
    call_from(alice, :INVITE)
    bob.answer(bob.receive, 180)
    alice.receive_until { |response| response.status == 180 }
    OverSIP.stop(timeout: 0)
    expect(alice.receive_final.status).to eq(503)
    expect(bob.receive.method_name).to eq("CANCEL")
  end

  it "answers many of them" do
    start_oversip { OverSIP.sleep(100) }
    100.times { call_from(alice, :MESSAGE) }
    waiting(100)
    capture_log { OverSIP.stop(timeout: 0) }
    expect(Array.new(100) { alice.receive_final.status }.tally).to eq(503 => 100)
  end
end
