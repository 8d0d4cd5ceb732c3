# frozen_string_literal: true

require_relative "system_calls"

module Bench
  # One contestant in one round: a run that is timed, then a short one whose system calls are counted.
  class Sample
    # @param seconds [Integer] of the timed run
    # @param counted [Integer] of the other one; 0: none
    # @param warm_up [Integer] calls
    def initialize(stage, rate:, seconds:, counted:, warm_up: 1000)
      @stage = stage
      @rate = rate
      @seconds = seconds
      @counted = counted
      @warm_up = warm_up
    end

    # @param contestant [Contestant]
    # @return [Hash{Symbol => Object}] raw figures
    def take(contestant)
      @stage.with(contestant, warm_up: @warm_up) do |relay, load|
        timed(contestant, relay.family, load).merge(contestant: contestant.key, rate: @rate,
                                                    system_calls: system_calls(relay.family, load))
      end
    end

    private

    def timed(contestant, family, load)
      memory = family.memory
      before = family.used
      calls = load.run(rate: @rate, calls: @rate * @seconds)
      used = family.used - before
      after = family.memory
      done = [calls.successful, 1].max.to_f
      calls.to_h.merge(cpu_us: used.cpu * 1e6 / done, voluntary: used.voluntary / done, involuntary: used.involuntary / done,
                       memory: after, held_bytes: held(contestant, after - memory))
    end

    # Bytes that the relay has taken for each call that it still keeps. The calls of a run that is longer than it keeps them
    # are no measure: their memory is used again.
    def held(contestant, bytes)
      bytes / (@rate * [@seconds, contestant.holds].min) if @seconds <= Contestants::OVERSIP_HOLDS
    end

    def system_calls(family, load)
      return if @counted.zero?

      calls = nil
      counted = SystemCalls.during(family.pids) { calls = load.run(rate: @rate, calls: @rate * @counted) }
      counted / [calls.successful, 1].max.to_f if counted
    end
  end
end
