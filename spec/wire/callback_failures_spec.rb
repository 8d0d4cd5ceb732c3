# frozen_string_literal: true

require_relative "../support/callbacks"

# Blocks that end otherwise than by returning.
RSpec.describe "A block of a Client", :native do
  let(:seen) { mailbox }

  # A method that is left before its block runs: `return` and `break` in the block have nowhere to go.
  def orphan_return(proxy, event)
    proxy.public_send(:"on_#{event}") { return :nowhere }
  end

  def orphan_break(proxy, event)
    proxy.public_send(:"on_#{event}") { break :nowhere }
  end

  ways = {
    "raises" => [->(proxy, event) { proxy.public_send(:"on_#{event}") { raise ArgumentError, "secret" } }, "ArgumentError"],
    "raises a ScriptError" => [
      ->(proxy, event) { proxy.public_send(:"on_#{event}") { raise NotImplementedError, "secret" } }, "NotImplementedError"
    ],
    "throws what nobody catches" => [->(proxy, event) { proxy.public_send(:"on_#{event}") { throw :secret } }, "UncaughtThrowError"],
    "breaks" => [->(proxy, event) { orphan_break(proxy, event) }, "LocalJumpError"],
    "returns from a method that is over" => [->(proxy, event) { orphan_return(proxy, event) }, "LocalJumpError"]
  }

  CallbackHelpers::EVENTS.each do |event|
    describe "given to on_#{event}" do
      ways.each do |way, (failing, exception)|
        it "that #{way} is logged, the next one runs, and the routing goes on" do
          untroubled = provoke(event) { |proxy| proxy.public_send(:"on_#{event}") { seen << :ran } }
          OverSIP.stop(timeout: 0)
          seen.pop
          final = nil
          log = capture_log(level: :error) do
            final = provoke(event) do |proxy|
              instance_exec(proxy, event, &failing)
              proxy.public_send(:"on_#{event}") { seen << :next }
            end
          end
          expect(seen.all).to eq([:next])
          expect(final.first_line).to eq(untroubled.first_line)
          expect(final.text).not_to include("secret")
          expect(log.map(&:body)).to match([include("on_#{event}"), include(exception)])
        end
      end
    end
  end

  it "that raises is logged with message and backtrace" do
    log = capture_log(level: :error) do
      provoke(:target) { |proxy| proxy.on_target { raise "the reason" } }
    end
    expect(log.last.body).to include("the reason").and include("RuntimeError").and include(File.basename(__FILE__))
  end

  it "that exhausts the stack is logged, and the next one runs" do
    capture_log(level: :error) do
      endless = ->(depth) { endless.call(depth + 1) }
      final = provoke(:success_response) do |proxy|
        proxy.on_success_response { endless.call(0) }
        proxy.on_success_response { seen << :next }
      end
      expect([final.status, seen.all]).to eq([200, [:next]])
    end
  end

  it "that raised has dropped the response when it said so before" do
    callee = udp_peer
    caller = udp_peer
    capture_log(level: :error) do
      start_relay_to(callee) do |proxy, _|
        proxy.on_success_response do
          proxy.drop_response
          raise "late"
        end
        proxy.on_success_response { seen << :end }
      end
      call_from(caller, :MESSAGE)
      callee.answer(callee.receive, 200)
      seen.pop
      dispatcher_caught_up
    end
    expect(messages_at(caller)).to be_empty
  end

  it "is asked for: each of the seven methods raises ArgumentError without one" do
    start_oversip
    [OverSIP::SIP::Client, OverSIP::SIP::Proxy, OverSIP::SIP::Uac].each do |kind|
      CallbackHelpers::EVENTS.each do |event|
        expect { kind.new.public_send(:"on_#{event}") }.to raise_error(ArgumentError, "no block given")
      end
    end
  end
end
