# frozen_string_literal: true

# A script that fails in on_request: its client gets an answer that says nothing about why.
RSpec.describe "on_request that fails", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }

  # Gives a request to the script; @log has the records of the library.
  def failing(method = :OPTIONS, configuration: {}, **options, &script)
    @log = capture_log(level: :error) do
      start_oversip(configuration: { core: { syslog_level: "error" } }.merge(configuration), &script)
      OverSIP::Testing.freeze
      call_from(alice, method, **options)
      engine_caught_up
      dispatcher_caught_up
      engine_caught_up
    end
    messages_at(alice)
  end

  def orphan
    proc { return :nowhere }
  end

  ways = {
    "raises" => ->(_) { raise ArgumentError, "the secret" },
    "raises a ScriptError" => ->(_) { raise NotImplementedError, "the secret" },
    "throws what nobody catches" => ->(_) { throw :the_secret },
    "calls a method that is not there" => ->(request) { request.the_secret },
    "raises an exception of no ordinary kind" => ->(_) { raise SecurityError, "the secret" },
    "exhausts the stack" => ->(request) { ways_deeper(request) }
  }

  def self.ways_deeper(request)
    ways_deeper(request)
  end

  ways.each do |way, script|
    it "because it #{way} is answered 500 without a body, and logged" do
      responses = failing(&script)
      expect(responses.map(&:first_line)).to eq(["SIP/2.0 500 Internal Error"])
      expect(responses.first.body).to be_empty
      expect(responses.first.header("Content-Type")).to be_nil
      expect(responses.first.text).not_to match(/secret|Error\b(?<!Internal Error)|#{File.basename(__FILE__)}/)
      expect(@log.map(&:body).join).to include("on_request").and include("OPTIONS sip:bob@b.example")
    end
  end

  it "because it returns from a method that has ended is answered 500" do
    left = orphan
    expect(failing { |_| left.call }.map(&:status)).to eq([500])
    expect(@log.map(&:body).join).to include("LocalJumpError")
  end

  it "leaves the dispatcher at work" do
    failing { |request| request.sip_method == :OPTIONS ? raise("once") : request.reply(200) }
    call_from(alice, :MESSAGE)
    expect(alice.receive.status).to eq(200)
  end

  it "has answered already: the transaction takes no second answer" do
    responses = failing do |request|
      request.create_transaction
      request.reply(404)
      raise "late"
    end
    expect(responses.map(&:status)).to eq([404])
  end

  it "has routed already: the client gets the 500" do
    bob_port = bob.port
    responses = failing(:INVITE) do |request|
      OverSIP::SIP::Proxy.new.route(request, "127.0.0.1", bob_port)
      raise "late"
    end
    expect(responses.map(&:status)).to eq([100, 500])
  end

  describe "after it has routed" do
    # Routes to bob and fails when the request is there.
    def fail_after_routing(&setup)
      failing(:INVITE) do |request|
        proxy = OverSIP::SIP::Proxy.new
        setup&.call(proxy, request)
        proxy.route(request, "127.0.0.1", bob.port)
        @invite = bob.receive
        raise "late"
      end
    end

    it "has the branch cancelled, and the callee's answer runs no callback and is not forwarded" do
      seen = mailbox
      responses = fail_after_routing do |proxy, _|
        proxy.on_failure_response { seen << :failure }
        proxy.on_error { seen << :error }
        proxy.on_provisional_response { seen << :provisional }
      end
      expect(responses.map(&:status)).to eq([100, 500])
      bob.answer(@invite, 180)
      cancel = bob.receive
      expect([cancel.method_name, cancel.branch]).to eq(["CANCEL", @invite.branch])
      bob.answer(@invite, 487)
      expect(bob.receive.method_name).to eq("ACK")
      engine_caught_up
      dispatcher_caught_up
      expect([seen.all, messages_at(alice)]).to eq([[], []])
    end

    it "gets no answer of a silent callee" do
      seen = mailbox
      fail_after_routing { |proxy, _| proxy.on_error { seen << :error } }
      OverSIP::Testing.advance(32)
      dispatcher_caught_up
      expect(seen.all).to be_empty
      eventually { OverSIP.stats[:client_transactions].zero? }
    end

    it "sends nothing when the request was still held back in on_target" do
      port = bob.port
      failing(:INVITE) do |request|
        proxy = OverSIP::SIP::Proxy.new
        # Routed by another thread, so that on_target does not run inside on_request; it goes on when that has failed.
        proxy.on_target do
          @held = Fiber.current
          Fiber.yield
        end
        Thread.new { proxy.route(request, "127.0.0.1", port) }.join
        eventually { OverSIP.stats[:dispatcher_queue].positive? }
        raise "late"
      end
      eventually { @held }
      OverSIP.schedule { @held.resume }
      dispatcher_caught_up
      engine_caught_up
      expect(messages_at(bob)).to be_empty
    end
  end

  it "fails in an ACK: nothing is sent" do
    expect(failing(:ACK, to_tag: "elsewhere") { |_| raise "the secret" }).to be_empty
    expect(@log).not_to be_empty
  end

  it "tells the client why where the configuration says so" do
    response = failing(configuration: { core: { error_details_on_wire: true } }) { |_| raise ArgumentError, "the reason" }.first
    expect(response.first_line).to eq("SIP/2.0 500 Internal Error")
    expect([response.header("Content-Type"), response.body]).to eq(["text/plain", "ArgumentError: the reason"])
  end
end
