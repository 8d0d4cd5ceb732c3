# frozen_string_literal: true

require "oversip/rspec"

# Blocks that wait, in a world: on its clock, in the thread of the example.
RSpec.describe "A block that waits", :sip do
  let(:users) { Hash.new { |all, name| all[name] = "#{name}@home.example" } }
  let(:bob) { sip.target("gw1.example").tap { |target| target.answers 180, 200 } }

  def exchange
    sip.client(:alice).options("sip:bob@example.com")
  end

  describe "with a limit of time by Timeout.timeout" do
    sip_script do |request|
      Timeout.timeout(2) { OverSIP.sleep(request.sip_method == :OPTIONS ? 3 : 1) }
      request.reply 200
    rescue Timeout::Error
      request.reply 503
    end

    it "meets it on the world's clock, and others do not" do
      asked = exchange
      told = sip.client(:carol).message("sip:bob@example.com")
      sip.advance 1.999
      expect([asked.status, told.status]).to eq([nil, 200])
      sip.advance 0.001
      expect(asked.status).to eq(503)
    end
  end

  describe "by OverSIP.await" do
    sip_script do |request|
      found = OverSIP.await(timeout: 5) { users[request.from.user] }
      request.reply(200, nil, ["X-User: #{found}"])
    rescue OverSIP::AwaitTimeout
      request.reply 503
    rescue KeyError
      request.reply 404
    end

    it "has the work done in the example's thread at once, so that doubles and let work" do
      threads = []
      allow(users).to receive(:[]) { (threads << Thread.current) && "double" }
      expect(exchange.responses.last.header("X-User")).to eq("double")
      expect(threads).to eq([Thread.current])
      expect(sip.now).to eq(0)
    end

    it "waits as long as the example says that such work takes" do
      sip.await_takes 2
      asked = exchange
      sip.advance 1.999
      expect(asked.status).to be_nil
      expect(OverSIP.stats).to include(waiting_blocks: 1)
      sip.advance 0.001
      expect(asked.status).to eq(200)
    end

    it "has its time-out on the world's clock, and the late work is counted" do
      sip.await_takes 6
      asked = exchange
      sip.advance 5
      expect(asked.status).to eq(503)
      expect(OverSIP.stats).to include(await_timeouts: 1)
    end

    it "meets the exceptions of the work" do
      allow(users).to receive(:[]).and_raise(KeyError)
      expect(exchange.status).to eq(404)
    end

    it "lets a failed expectation of the work fail the example" do
      sip.await_takes 1
      allow(users).to receive(:[]) { expect(1).to eq(2) }
      exchange
      sip.advance 1
      expect(sip.errors).to match([an_instance_of(RSpec::Expectations::ExpectationNotMetError)])
      sip.expect_script_error(RSpec::Expectations::ExpectationNotMetError)
    end

    it "lets the events of others come first" do
      sip.await_takes 2
      first = exchange
      sip.await_takes 0
      second = sip.client(:carol).options("sip:bob@example.com")
      expect([first.status, second.status]).to eq([nil, 200])
      sip.advance 2
      expect(first.status).to eq(200)
    end
  end

  describe "by OverSIP.sleep" do
    sip_script do |request|
      if request.initial?
        OverSIP.sleep 3
        OverSIP::SIP::Proxy.new.route(request, "gw1.example")
      else
        request.loose_route
        OverSIP::SIP::Proxy.new.route(request)
      end
    end

    it "goes on when the clock comes there" do
      bob
      call = sip.client(:alice).invite("sip:bob@example.com")
      sip.advance 2.999
      expect(bob.received).to be_empty
      sip.advance 0.001
      expect(call).to be_answered.by("gw1.example").after(3)
    end

    it "may outlive the request that it is about" do
      bob
      call = sip.client(:alice).invite("sip:bob@example.com")
      sip.advance 1
      call.cancel
      sip.advance 5
      expect(call.status).to eq(487)
      expect(bob.received).to be_empty
    end
  end

  describe "inside of work" do
    sip_script do |request|
      tasks = [2, 3].map { |seconds| OverSIP.async { OverSIP.sleep(seconds) || 200 } }
      request.reply(tasks.map(&:value).max)
    end

    it "does two things at the same time" do
      asked = exchange
      sip.advance 2.999
      expect(asked.status).to be_nil
      sip.advance 0.001
      expect(asked.status).to eq(200)
    end
  end

  describe "and whose Task nobody asks for" do
    sip_script do |request|
      OverSIP.async { raise IOError, "no disk" }
      request.reply 200
    end

    it "fails the example with the exception" do
      expect(exchange.status).to eq(200)
      expect(sip.errors).to match([an_instance_of(IOError)])
      sip.expect_script_error(IOError)
    end
  end

  describe "when the example ends" do
    let(:ended) { [] }

    sip_script do |_request|
      OverSIP.sleep 100
    rescue OverSIP::StoppedError => e
      ended << e
      raise
    end

    it "meets StoppedError, which fails nothing" do
      exchange
      sip.close
      expect(ended.size).to eq(1)
      expect(sip.errors).to be_empty
    end
  end

  describe "outside of blocks" do
    sip_script { |request| request.reply(200) }

    it "is the example itself: the world goes on meanwhile" do
      OverSIP.sleep 2
      expect(sip.now).to eq(2)
      expect(OverSIP.async { OverSIP.sleep(1) || :value }.value).to eq(:value)
      expect(sip.now).to eq(3)
      expect(OverSIP.await { Thread.current }).to eq(Thread.current)
    end
  end
end
