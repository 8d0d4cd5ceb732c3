# frozen_string_literal: true

require "socket"
require "timeout"
require "support/async_gem"
require "support/toolkit_world"

# A script that relies on `core: fiber_scheduler`, on the clock of a world.
RSpec.describe OverSIP::Testing::World, "with the Fiber scheduler", :native do
  include ToolkitWorld

  def scheduled_world(**options, &)
    open_world(configuration: { core: { fiber_scheduler: true, **options } }, &)
  end

  it "moves sleep: the script waits as long as the spec says" do
    scheduled_world { |request| sleep(5) && request.reply(200) }
    call = alice.options("sip:bob@example.com")
    world.advance(4.999)
    expect(call.status).to be_nil
    world.advance(0.001)
    expect(call.status).to eq(200)
  end

  it "moves the limit of a block, whose wait then ends" do
    scheduled_world do |request|
      Timeout.timeout(2) { sleep }
    rescue Timeout::Error
      request.reply(503)
    end
    call = alice.options("sip:bob@example.com")
    expect(call.status).to be_nil
    world.advance(2)
    expect([call.status, world.errors]).to eq([503, []])
  end

  it "serves others while a script sleeps, and keeps the order of one Client" do
    order = []
    scheduled_world do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_provisional_response { sleep(3) && (order << :provisional) }
      proxy.on_success_response { order << :success }
      request.sip_method == :OPTIONS ? request.reply(200) : proxy.route(request, "gw1.example")
    end
    gateway.answers 180, 200
    alice.invite("sip:bob@example.com")
    expect(world.client(:carol).options("sip:bob@example.com").status).to eq(200)
    expect(order).to be_empty
    world.advance(3)
    expect(order).to eq(%i[provisional success])
  end

  it "lets blocks wait for each other, and for threads" do
    queue = Thread::Queue.new
    found = []
    scheduled_world do |request|
      request.sip_method == :OPTIONS ? queue << :pushed : found << queue.pop << Thread.new { :value }.value
      request.reply(200)
    end
    waiting = alice.message("sip:bob@example.com")
    expect(waiting.status).to be_nil
    alice.options("sip:bob@example.com")
    # The thread ends when it ends: only the block's wait for it is simulated.
    Timeout.timeout(5) { world.drain until waiting.status }
    expect([waiting.status, found]).to eq([200, %i[pushed value]])
  end

  it "simulates no other network: sockets, processes and names are real" do
    found = []
    scheduled_world do |request|
      ours, theirs = UNIXSocket.pair
      Thread.new { theirs << "a line\n" }
      found << ours.gets << `echo text` << IPSocket.getaddress("localhost")
      request.reply(200)
    end
    expect(alice.options("sip:bob@example.com").status).to eq(200)
    expect(found).to match(["a line\n", "text\n", /127\.0\.0\.1|::1/])
  end

  it "runs Async in work, and then waits by its own scheduler again", if: ASYNC do
    values = []
    scheduled_world do |request|
      values << OverSIP.await { Async { |task| task.async { :from_async }.wait }.wait }
      sleep 1
      request.reply(200)
    end
    call = alice.options("sip:bob@example.com")
    world.advance(1)
    expect([call.status, values]).to eq([200, %i[from_async]])
  end

  it "refuses Async in a block, which the example then fails by", if: ASYNC do
    scheduled_world { Sync { nil } }
    alice.options("sip:bob@example.com")
    expect(error_texts).to contain_exactly(/takes no Fiber scheduler/)
  end

  it "fails the example by an exception of Fiber.schedule" do
    scheduled_world { |request| Fiber.schedule { sleep(1) && raise("in the Fiber") } && request.reply(200) }
    expect(alice.options("sip:bob@example.com").status).to eq(200)
    world.advance(1)
    expect(error_texts).to contain_exactly("in the Fiber")
  end

  it "does not open where the thread has a scheduler already, and leaves that one in place", if: ASYNC do
    Sync do
      scheduler = Fiber.scheduler
      expect { scheduled_world { nil } }.to raise_error(OverSIP::RuntimeError, /has a Fiber scheduler/)
      expect(Fiber.scheduler).to equal(scheduler)
    end
  end

  it "takes its scheduler away at its end" do
    scheduled_world { |request| sleep(9) && request.reply(200) }
    alice.options("sip:bob@example.com")
    world.close
    expect(Fiber.scheduler).to be_nil
    expect(world.errors).to be_empty
  end
end
