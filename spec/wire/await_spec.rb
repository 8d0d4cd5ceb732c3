# frozen_string_literal: true

# Work on other threads, for which a block waits with its Fiber suspended.
RSpec.describe "OverSIP.await", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:gate) { Thread::Queue.new }
  let!(:seen) { mailbox }

  def serve(**core, &block)
    start_oversip(configuration: { core: }, &block || proc {})
  end

  it "lets other events run while the work of a block takes its time" do
    serve do |request|
      request.sip_method == :MESSAGE ? request.reply(OverSIP.await { gate.pop }) : request.reply(200)
    end
    call_from(alice, :MESSAGE)
    call_from(bob, :OPTIONS)
    expect(bob.receive_final.status).to eq(200)
    gate << 486
    expect(alice.receive_final.status).to eq(486)
  end

  it "returns what the work returns, or raises what it raises" do
    serve
    expect(in_event { OverSIP.await { 42 } }).to eq(42)
    expect(in_event { OverSIP.await { raise IOError, "no disk" } }).to be_a(IOError).and have_attributes(message: "no disk")
  end

  it "takes a method of Ruby and a Symbol for the work, which have no place in a script" do
    serve
    gate << :value
    expect(in_event { OverSIP.await(&gate.method(:pop)) }).to eq(:value)
    expect(in_event { OverSIP.await(&:upcase) }).to be_a(ArgumentError)
    expect(in_event { OverSIP.await(timeout: 0.01, &gate.method(:pop)) })
      .to be_a(OverSIP::AwaitTimeout).and have_attributes(message: "OverSIP.await has no value after 0.01 s")
    gate << :end
  end

  it "runs the work on another thread, with what the block has in its Fiber storage and nothing of earlier work" do
    serve
    found = Array.new(3) do
      in_event do
        Fiber[:user] = "alice" if Fiber.respond_to?(:[]=)
        OverSIP.await do
          former = [Thread.current == OverSIP.root_fiber, Thread.current.name, Thread.current[:left]]
          Thread.current[:left] = true
          [*former, Fiber.respond_to?(:[]) ? Fiber[:user] : "alice"]
        end
      end
    end
    expect(found.uniq).to eq([[false, "oversip worker", nil, "alice"]])
  end

  it "raises AwaitTimeout by the engine's clock, while the late work goes on and is counted" do
    serve
    OverSIP::Testing.freeze
    outcome = mailbox
    OverSIP.schedule do
      OverSIP.await(timeout: 5) { (seen << :begun) && gate.pop && (seen << :ended) }
    rescue OverSIP::AwaitTimeout => e
      outcome << e
    end
    seen.pop
    OverSIP::Testing.advance(4.999)
    engine_caught_up
    dispatcher_caught_up
    expect(outcome).to be_empty
    OverSIP::Testing.advance(0.001)
    expect(outcome.pop.message).to match(/\AOverSIP.await \(.*await_spec.rb:\d+\) has no value after 5.0 s\z/)
    expect(OverSIP.stats).to include(await_running: 1, await_late: 1, await_timeouts: 1, waiting_blocks: 0)
    gate << true
    expect(seen.pop).to eq(:ended)
    eventually { OverSIP.stats[:await_late].zero? }
  end

  it "does not keep events waiting for work that computes" do
    serve
    stop = false
    OverSIP.schedule { OverSIP.await { (1..10_000).reduce(:+) until stop } }
    eventually { OverSIP.stats[:await_running] == 1 }
    # Ruby alone would let the work go on for a tenth of a second each time.
    expect(seconds_of_events(30)).to be < 1.5
  ensure
    stop = true
  end

  it "does not either when work of another pool has ended meanwhile" do
    serve
    stop = false
    former = OverSIP::Waiting::Pool.new
    held = OverSIP::Waiting::Work.new("work", -> { gate.pop })
    former.submit(held)
    eventually { gate.num_waiting == 1 }
    OverSIP.schedule { OverSIP.await { (1..10_000).reduce(:+) until stop } }
    eventually { OverSIP.stats[:await_running] == 1 }
    gate << true
    eventually { former.stats[:await_running].zero? }
    expect(seconds_of_events(30)).to be < 1.5
  ensure
    stop = true
    former.close(1)
  end

  it "just runs the block on other threads" do
    serve
    expect(OverSIP.await { Thread.current }).to eq(Thread.current)
    expect(in_event { OverSIP.await { OverSIP.await { Thread.current.name } } }).to eq("oversip worker")
  end

  it "refuses what is no time, and a missing block" do
    serve
    expect { OverSIP.await }.to raise_error(ArgumentError, "no block given")
    expect { OverSIP.await(timeout: "5") { nil } }.to raise_error(TypeError, 'timeout: must be a number of seconds, not "5"')
    expect { OverSIP.await(timeout: 0) { nil } }.to raise_error(ArgumentError, /timeout: must be a positive number of seconds/)
  end
end
