# frozen_string_literal: true

# A block that waits for a time, with its Fiber suspended.
RSpec.describe "OverSIP.sleep", :native do
  let!(:alice) { udp_peer }
  let!(:bob) { udp_peer }
  let!(:seen) { mailbox }

  # Lets everything happen that is due.
  def settle
    engine_caught_up
    dispatcher_caught_up
  end

  it "holds up no other event, and ends by the engine's clock" do
    start_oversip do |request|
      OverSIP.sleep 2 if request.sip_method == :MESSAGE
      request.reply(200)
    end
    OverSIP::Testing.freeze
    call_from(alice, :MESSAGE)
    call_from(bob, :OPTIONS)
    expect(bob.receive_final.status).to eq(200)
    expect(messages_at(alice)).to be_empty
    OverSIP::Testing.advance(2)
    expect(alice.receive_final.status).to eq(200)
  end

  it "lets the next event of the same Proxy wait, and others go on" do
    start_relay_to(bob) do |proxy, _|
      proxy.on_provisional_response { OverSIP.sleep 1 }
      proxy.on_success_response { seen << :success }
    end
    OverSIP::Testing.freeze
    call_from(alice)
    forwarded = bob.receive
    bob.answer(forwarded, 180)
    eventually { OverSIP.stats[:waiting_blocks] == 1 }
    bob.answer(forwarded, 200)
    settle
    expect(seen).to be_empty
    OverSIP::Testing.advance(1)
    expect(seen.pop).to eq(:success)
  end

  it "is not ended by a script that resumes the Fiber" do
    start_oversip
    OverSIP::Testing.freeze
    fibers = mailbox
    outcome = begin_event do
      fibers << Fiber.current
      OverSIP.sleep 5
      :slept
    end
    fiber = fibers.pop
    in_event { fiber.resume }
    settle
    expect(outcome).to be_empty
    expect(OverSIP.stats).to include(waiting_blocks: 1)
    OverSIP::Testing.advance(5)
    expect(outcome.pop).to eq(:slept)
  end

  it "leaves no timer behind when it is left by an exception" do
    start_oversip
    OverSIP::Testing.freeze
    fibers = mailbox
    outcome = begin_event do
      fibers << Fiber.current
      OverSIP.sleep 5
    end
    fiber = fibers.pop
    before = OverSIP.stats[:timers]
    in_event { fiber.raise(IOError, "enough") }
    expect(outcome.pop).to be_a(IOError)
    expect(OverSIP.stats).to include(waiting_blocks: 0, timers: before - 1)
  end

  it "is shown in the stats with its age" do
    start_oversip
    OverSIP::Testing.freeze
    expect(OverSIP.stats).to include(waiting_blocks: 0, longest_wait: 0.0)
    outcomes = [2, 5].map do |seconds|
      OverSIP::Testing.advance(1)
      begin_event { OverSIP.sleep seconds }.tap { dispatcher_caught_up }
    end
    OverSIP::Testing.advance(1.5)
    dispatcher_caught_up
    expect(OverSIP.stats).to include(waiting_blocks: 1, longest_wait: 1.5)
    OverSIP::Testing.advance(4)
    expect(outcomes.map(&:pop)).to eq([nil, nil])
  end

  it "is named by the record of a Fiber that is suspended for long, with the line of the script" do
    line = nil
    said = capture_log(level: :warn) do |log|
      start_oversip
      OverSIP::Testing.freeze
      begin_event { (line = __LINE__) && OverSIP.sleep(100) }
      dispatcher_caught_up
      OverSIP::Testing.advance(5)
      eventually { OverSIP::Logger.flush && !log.empty? }
    end
    expect(said.map(&:body)).to include(
      /\Aa block given to OverSIP.schedule has been suspended for 5 s and waits for OverSIP.sleep\(100.0\); it stands at #{Regexp.escape(__FILE__)}:#{line}:/
    )
  end

  describe "with hooks that are told of suspensions" do
    let(:hook) do
      Struct.new(:name, :said, :error) do
        def leave
          raise error if error

          said << [:leave, name]
        end

        def enter
          said << [:enter, name]
        end
      end
    end

    after { OverSIP::Dispatcher.suspending.clear }

    def hooks(*errors)
      said = []
      OverSIP::Dispatcher.suspending.concat(errors.each_with_index.map { |error, name| hook.new(name, said, error) })
      said
    end

    it "is left inside out and entered outside in" do
      start_oversip
      said = hooks(nil, nil)
      in_event { OverSIP.sleep 0.001 }
      expect(said).to eq([[:leave, 1], [:leave, 0], [:enter, 0], [:enter, 1]])
    end

    it "does not begin when one of them refuses, and the others are entered again" do
      start_oversip
      said = hooks(IOError, nil)
      expect(in_event { OverSIP.sleep 100 }).to be_a(IOError)
      expect(said).to eq([[:leave, 1], [:enter, 1]])
      expect(OverSIP.stats).to include(waiting_blocks: 0)
    end

    it "tells nobody where nothing is suspended" do
      start_oversip
      said = hooks(nil)
      in_event { OverSIP.async { 1 }.tap { |task| Thread.pass until task.done? }.value }
      OverSIP.sleep 0
      expect(said).to be_empty
    end
  end

  it "refuses what is no time" do
    start_oversip
    expect { OverSIP.sleep("1") }.to raise_error(TypeError, /seconds must be a number of seconds/)
    expect(in_event { OverSIP.sleep(-1) }).to be_an(ArgumentError)
  end

  describe "in a Fiber that the script has made" do
    it "really waits, and says so once, with the place" do
      outcomes = []
      said = capture_log(level: :warn) do
        start_oversip
        2.times { outcomes << in_event { Fiber.new { OverSIP.sleep(0.01) || :slept }.resume } }
      end
      expect(outcomes).to eq(%i[slept slept])
      expect(said.map(&:body)).to contain_exactly(/OverSIP.sleep\(0.01\) holds up all events, at #{Regexp.escape(__FILE__)}:\d+/)
    end

    it "lets work run, of an Enumerator too" do
      said = capture_log(level: :warn) do
        start_oversip
        numbers = in_event { Enumerator.new { |to| 3.times { |number| to << OverSIP.await { number } } }.then { |all| [all.next, all.next] } }
        expect(numbers).to eq([0, 1])
      end
      expect(said.size).to eq(1)
    end
  end
end
