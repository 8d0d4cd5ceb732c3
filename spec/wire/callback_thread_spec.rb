# frozen_string_literal: true

# Callbacks run on the dispatcher: inside `route` when it is called there, later when it is called elsewhere.
RSpec.describe "The thread of a callback", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:seen) { mailbox }

  def options
    OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: "sip:bob@127.0.0.1:#{bob.port}" })
  end

  # Runs a block on the dispatcher.
  def on_dispatcher(&)
    OverSIP.schedule(&)
  end

  it "is the caller's, and so is its Fiber, when on_request routes to an IP literal" do
    start_oversip do |request|
      here = [Thread.current, Fiber.current]
      steps = [:before]
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_target { steps << (here == [Thread.current, Fiber.current]) }
      proxy.route(request, "127.0.0.1", bob.port)
      seen << (steps << :after)
    end
    call_from(alice, :OPTIONS)
    expect(seen.pop).to eq([:before, true, :after])
  end

  it "is the caller's for a routing that fails at once" do
    start_oversip do |request|
      steps = [:before]
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_error { |_, _, code| steps << code }
      proxy.route(request, "127.0.0.1", bob.port, :sctp)
      seen << (steps << :after)
    end
    call_from(alice, :OPTIONS)
    expect(seen.pop).to eq(%i[before unsupported_transport after])
    expect(alice.receive_final.status).to eq(478)
  end

  it "is the caller's for a routing that on_target aborts" do
    start_oversip do |request|
      steps = []
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_target { steps << :target and proxy.abort_routing }
      proxy.on_error { |_, _, code| steps << code }
      proxy.route(request, "127.0.0.1", bob.port)
      seen << (steps << :after)
    end
    call_from(alice, :OPTIONS)
    expect(seen.pop).to eq(%i[target destination_aborted after])
  end

  it "is the caller's when a callback routes again" do
    start_oversip do |request|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_failure_response do
        steps = []
        proxy.drop_response
        proxy.on_target { steps << :target }
        proxy.route(request, "127.0.0.1", bob.port)
        seen << (steps << :after)
      end
      proxy.route(request, "127.0.0.1", bob.port)
    end
    call_from(alice, :OPTIONS)
    bob.answer(bob.receive, 404, "Not Found")
    expect(seen.pop).to eq(%i[target after])
  end

  it "is the dispatcher when another thread routes: route returns before" do
    start_oversip
    gate = Thread::Queue.new
    on_dispatcher do
      seen << Thread.current
      gate.pop
    end
    dispatcher = seen.pop
    uac = OverSIP::SIP::Uac.new
    uac.on_target { seen << Thread.current }
    uac.on_success_response { seen << Thread.current }
    uac.route(options)
    expect(seen).to be_empty
    gate.close
    expect(seen.pop).to eq(dispatcher)
    bob.answer(bob.receive, 200, "OK")
    expect(seen.pop).to eq(dispatcher)
  end

  it "is the dispatcher for an immediate failure of another thread's route" do
    start_oversip
    on_dispatcher { seen << Thread.current }
    dispatcher = seen.pop
    uac = OverSIP::SIP::Uac.new
    uac.on_error { |_, _, code| seen << [Thread.current, code] }
    uac.route(options, "127.0.0.1", bob.port, :sctp)
    expect(seen.pop).to eq([dispatcher, :unsupported_transport])
  end

  describe "when route is nested in callbacks" do
    # Each on_target routes once more; tells how deep it came and what stopped it.
    def dive(depth = 1)
      uac = OverSIP::SIP::Uac.new
      uac.on_target { dive(depth + 1) }
      uac.route(options)
    rescue OverSIP::RuntimeError => e
      seen << [depth, e.message]
    end

    it "goes 32 deep and no further" do
      start_oversip
      on_dispatcher { dive }
      depth, message = seen.pop
      expect(depth).to eq(33)
      expect(message).to include("32")
      expect(Array.new(32) { bob.receive.method_name }.uniq).to eq(["OPTIONS"])
    end

    describe "that lead to one destination after the other" do
      let!(:alice) { udp_peer }

      # Each destination but the last fails at once, and `on_error` goes on to the next one.
      def hunt(failing)
        start_oversip do |request|
          left = failing
          go_on = lambda do
            proxy = OverSIP::SIP::Proxy.new
            proxy.on_error do
              proxy.drop_response
              go_on.call
            end
            (left -= 1) >= 0 ? proxy.route(request, "127.0.0.1", 5060, :sctp) : proxy.route(request, bob.ip, bob.port)
          end
          go_on.call
        end
        OverSIP::Testing.freeze
        call_from(alice, :MESSAGE)
      end

      it "reaches the 32nd one" do
        hunt(31)
        bob.answer(bob.receive, 200)
        expect(alice.receive_final.status).to eq(200)
      end

      it "is answered 500 beyond, and the record names the limit and the request" do
        records = capture_log(level: :error) do
          hunt(32)
          expect(alice.receive_final.first_line).to eq("SIP/2.0 500 Internal Error")
        end
        expect(records.map(&:body)).to match([/\Aa block of MESSAGE sip:bob@b.example .*nested more than 32 deep .*answered 500\z/])
        dispatcher_caught_up
        expect([messages_at(bob), messages_at(alice)]).to eq([[], []])
      end
    end

    it "counts anew for each event" do
      start_oversip
      2.times { on_dispatcher { dive } }
      expect(Array.new(2) { seen.pop.first }).to eq([33, 33])
    end

    it "counts on in a block whose Fiber was suspended" do
      start_oversip
      go_deeper = lambda do |depth|
        fiber = Fiber.current
        OverSIP.schedule { OverSIP::Dispatcher.go_on(fiber) }
        Fiber.yield
        uac = OverSIP::SIP::Uac.new
        uac.on_target { go_deeper.call(depth + 1) }
        uac.route(options)
      rescue OverSIP::RuntimeError => e
        seen << [depth, e.message]
      end
      on_dispatcher { go_deeper.call(1) }
      expect(seen.pop).to match([33, /32/])
    end

    it "counts no route that has returned" do
      start_oversip
      on_dispatcher do
        seen << Array.new(40) { OverSIP::SIP::Uac.new.route(options) }.size
      end
      expect(seen.pop).to eq(40)
    end
  end
end
