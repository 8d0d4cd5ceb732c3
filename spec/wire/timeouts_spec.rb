# frozen_string_literal: true

require "timeout"

# Without the Fiber scheduler the events share the thread that Ruby's own Timeout would interrupt.
RSpec.describe "Timeout.timeout in a block that waits", :native do
  let(:gate) { Thread::Queue.new }
  let(:results) { mailbox }

  before { start_oversip }

  # Runs the block in an event, and notes its value or exception.
  def event(name)
    OverSIP.schedule do
      results << [name, yield]
    rescue StandardError => e
      results << [name, e]
    end
  end

  def result
    results.pop.last
  end

  def compute(seconds)
    finish = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
    nil while Process.clock_gettime(Process::CLOCK_MONOTONIC) < finish
    :computed
  end

  it "ends OverSIP.await, OverSIP.sleep and a Fiber that the script has suspended, while the others wait on" do
    other = [-> { OverSIP.await { gate.pop } }, -> { OverSIP.await { gate.pop } }]
    other.each { |wait| event(:other, &wait) }
    waits = [-> { OverSIP.await { gate.pop } }, -> { OverSIP.sleep(1000) }, -> { Fiber.yield }]
    waits.each { |wait| event(:limited) { Timeout.timeout(0.02) { wait.call } } }
    found = Array.new(3) { results.pop }
    expect(found).to all(match([:limited, be_a(Timeout::Error).and(have_attributes(message: "execution expired"))]))
    2.times { gate << :value }
    gate << :of_the_late_work
    expect(Array.new(2) { results.pop.first }).to eq(%i[other other])
  end

  it "keeps the dispatcher thread, and does not touch the event that runs there" do
    thread = OverSIP::Dispatcher.call { Thread.current }
    event(:limited) { Timeout.timeout(0.02) { OverSIP.sleep(1000) } }
    event(:computing) { compute(0.1) }
    expect(results.pop).to eq(%i[computing computed])
    expect(result).to be_a(Timeout::Error)
    expect(OverSIP::Dispatcher.call { Thread.current }).to equal(thread)
  end

  it "ends a block that computes, as it does anywhere" do
    event(:computing) { Timeout.timeout(0.02) { loop { compute(0.01) } } }
    expect(result).to be_a(Timeout::Error)
  end

  it "ends a block that has waited and then computes" do
    event(:computing) { Timeout.timeout(0.03) { OverSIP.sleep(0.001) || loop { compute(0.01) } } }
    expect(result).to be_a(Timeout::Error)
  end

  it "raises the given exception with the given text where the block waits" do
    rescued = mailbox
    event(:limited) do
      Timeout.timeout(0.02, KeyError, "too late") { OverSIP.sleep(1000) }
    rescue KeyError => e
      rescued << e.message
    end
    event(:inside) do
      Timeout.timeout(0.02, KeyError) do
        OverSIP.sleep(1000)
      rescue KeyError
        :inside
      end
    end
    expect(rescued.pop).to eq("too late")
    expect(Array.new(2) { results.pop }).to include(%i[inside inside])
  end

  it "says what is no class of an exception" do
    event(:limited) { Timeout.timeout(0.02, 5) { OverSIP.sleep(1000) } }
    expect(result).to be_a(StandardError)
  end

  it "passes each rescue of its block, and runs each ensure" do
    seen = mailbox
    event(:limited) do
      Timeout.timeout(0.02) do
        Timeout.timeout(1000) { OverSIP.sleep(1000) }
      rescue Exception # rubocop:disable Lint/RescueException -- Ruby's Timeout passes it
        seen << :rescued
      ensure
        seen << :ensured
      end
    end
    expect(result).to be_a(Timeout::Error).and have_attributes(backtrace: include(/timeouts_spec/))
    expect(seen.all).to eq([:ensured])
  end

  it "is rescued around an inner one, whose time is up first" do
    event(:limited) do
      Timeout.timeout(1000) do
        Timeout.timeout(0.02) { OverSIP.sleep(1000) }
      rescue Timeout::Error
        OverSIP.sleep(0.001) || :inner
      end
    end
    expect(result).to eq(:inner)
  end

  it "is forgotten when its block has ended" do
    event(:limited) { [Timeout.timeout(0.05) { :in_time }, OverSIP.sleep(0.1)].first }
    event(:many) { Array.new(100) { |number| Timeout.timeout(1000 - number) { number } }.sum }
    expect(Array.new(2) { results.pop }).to contain_exactly(%i[limited in_time], [:many, 4950])
    expect(OverSIP::Dispatcher.limits.instance_variable_get(:@limits)).to be_empty
  end

  it "takes the method that a script has included" do
    included = Class.new do
      include Timeout

      def wait
        timeout(0.02) { OverSIP.sleep(1000) }
      end
    end
    event(:computing) { compute(0.05) }
    event(:limited) { included.new.wait }
    event(:computing) { compute(0.05) }
    expect(Array.new(3) { results.pop }).to include([:limited, be_a(Timeout::Error)], %i[computing computed])
  end

  it "answers the request whose look-up takes too long, and others as if there were none" do
    OverSIP.stop
    start_oversip do |request|
      next request.reply(200) unless request.sip_method == :MESSAGE

      Timeout.timeout(0.02) { OverSIP.await { gate.pop } }
    rescue Timeout::Error
      request.reply(503, "Look-up Too Slow")
    end
    alice = udp_peer
    bob = udp_peer
    call_from(alice, :MESSAGE)
    call_from(bob, :OPTIONS)
    expect([alice.receive_final.reason, bob.receive_final.status]).to eq(["Look-up Too Slow", 200])
    gate << :late
  end

  it "leaves what another thread raises on the dispatcher to the log, with its name" do
    thread = OverSIP::Dispatcher.call { Thread.current }
    log = capture_log do
      thread.raise(KeyError, "from elsewhere")
      thread.join
      expect(OverSIP::Dispatcher.call { Thread.current }).not_to equal(thread)
    end
    expect(log.map(&:body)).to include(/ended unexpectedly by KeyError \(from elsewhere\), which another thread has raised in it/)
  end
end
