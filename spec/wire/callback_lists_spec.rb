# frozen_string_literal: true

require_relative "../support/callbacks"

# Which blocks run, and in which order.
RSpec.describe "The blocks of a Client", :native do
  let(:seen) { mailbox }

  CallbackHelpers::EVENTS.each do |event|
    describe "given to on_#{event}" do
      it "run in the order in which they were given" do
        provoke(event) { |proxy| 3.times { |number| proxy.public_send(:"on_#{event}") { seen << number } } }
        expect(seen.all).to eq([0, 1, 2])
      end

      it "do not run after clear_on_#{event}, those given later do" do
        provoke(event) do |proxy|
          proxy.public_send(:"on_#{event}") { seen << :cleared }
          proxy.public_send(:"clear_on_#{event}")
          proxy.public_send(:"on_#{event}") { seen << :later }
        end
        expect(seen.all).to eq([:later])
      end

      it "do not run after clear_callbacks" do
        provoke(event) do |proxy|
          record(proxy, into: seen)
          proxy.clear_callbacks
        end
        expect(seen.all).to be_empty
      end

      it "stay when those of the other events are cleared" do
        provoke(event) do |proxy|
          proxy.public_send(:"on_#{event}") { seen << :stays }
          (CallbackHelpers::EVENTS - [event]).each { |other| proxy.public_send(:"clear_on_#{other}") }
        end
        expect(seen.all).to eq([:stays])
      end

      it "may give another one to on_#{event}: it runs in the same round, as with Array#each" do
        provoke(event) do |proxy|
          proxy.public_send(:"on_#{event}") do
            seen << :first
            proxy.public_send(:"on_#{event}") { seen << :added }
          end
          proxy.public_send(:"on_#{event}") { seen << :second }
        end
        expect(seen.all).to eq(%i[first second added])
      end

      it "may clear their own list: the rest of it does not run" do
        provoke(event) do |proxy|
          proxy.public_send(:"on_#{event}") do
            seen << :first
            proxy.public_send(:"clear_on_#{event}")
          end
          proxy.public_send(:"on_#{event}") { seen << :second }
        end
        expect(seen.all).to eq([:first])
      end

      it "have no return value that matters" do
        finals = [:abort, nil, false].map do |value|
          provoke(event) { |proxy| proxy.public_send(:"on_#{event}") { value } }.status.tap { OverSIP.stop(timeout: 0) }
        end
        expect(finals.uniq.size).to eq(1)
      end
    end
  end

  it "go on as Array#each does when one clears the list and gives others" do
    steps = [
      ->(list, add) { list.clear && add.call(:a) },
      ->(list, add) { 2.times { |number| add.call(number) } && list },
      ->(list, add) { list.clear && 3.times { |number| add.call(number) } }
    ]
    steps.each do |step|
      expected = []
      list = []
      list << lambda {
        expected << :first
        step.call(list, ->(name) { list << -> { expected << name } })
      }
      list.each(&:call)

      provoke(:success_response) do |proxy|
        cleared = Object.new
        cleared.define_singleton_method(:clear) { proxy.clear_on_success_response || true }
        proxy.on_success_response do
          seen << :first
          step.call(cleared, ->(name) { proxy.on_success_response { seen << name } || true })
        end
      end
      expect(seen.all).to eq(expected)
      OverSIP.stop(timeout: 0)
    end
  end

  it "given in on_target to other lists run when their event comes" do
    provoke(:provisional_response) do |proxy|
      proxy.on_target { record(proxy, into: seen) }
    end
    # on_target itself: its list was running when the block was added, so that it runs in this round.
    expect(seen.all).to match([[:target, start_with("udp:127.0.0.1:")], [:provisional_response, 180], [:success_response, 200]])
  end

  it "cleared in on_target for other lists do not run when their event comes" do
    provoke(:provisional_response) do |proxy|
      record(proxy, into: seen, only: %i[provisional_response success_response])
      proxy.on_target { proxy.clear_on_provisional_response }
    end
    expect(seen.all).to eq([[:success_response, 200]])
  end

  it "given in on_provisional_response to on_success_response run for the 200" do
    provoke(:provisional_response) do |proxy|
      proxy.on_provisional_response { record(proxy, into: seen, only: [:success_response]) }
    end
    expect(seen.all).to eq([[:success_response, 200]])
  end

  it "get as many of the arguments as they name" do
    provoke(:error) do |proxy|
      proxy.on_error { |status| seen << [status] }
      proxy.on_error { |status, reason| seen << [status, reason] }
      proxy.on_error { |status, reason, code| seen << [status, reason, code] }
      proxy.on_error { |status, _reason, _code, more| seen << [status, more] }
      proxy.on_error { seen << [] }
    end
    expect(seen.all).to eq([[478], [478, "Unsupported transport"], [478, "Unsupported transport", :unsupported_transport],
                            [478, nil], []])
  end

  it "get the response of the event, with its request and the request's tvars" do
    tvars = nil
    final = provoke(:success_response) do |proxy|
      proxy.on_target { proxy.request.tvars[:mark] = tvars = Object.new }
      proxy.on_success_response { |response| seen << [response.request.equal?(proxy.request), response.tvars[:mark].equal?(tvars)] }
    end
    expect([final.status, seen.pop]).to eq([200, [true, true]])
  end

  it "find the target of the moment in current_target, nil before route" do
    provoke(:success_response) do |proxy|
      seen << proxy.current_target
      proxy.on_target { |target| seen << (proxy.current_target == target) }
      proxy.on_success_response { seen << proxy.current_target.to_a.first(3) }
    end
    expect(seen.all).to eq([nil, true, [:udp, "127.0.0.1", :ipv4]])
  end
end
