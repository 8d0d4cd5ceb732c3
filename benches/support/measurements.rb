# frozen_string_literal: true

require_relative "rate_search"
require_relative "sample"
require_relative "waiting_requests"

module Bench
  # The measurements that script/bench can make. Each returns raw figures and says on the way what it does.
  class Measurements
    # Seconds of a long and of a short trial for the highest rate.
    TRIALS = { true => 30, false => 5 }.freeze
    # Part of the asked rate that SIPp must reach, else the trial says nothing of the relay.
    REACHED = 0.95
    # Seconds after which the memory under a constant load has to be level: the time of its transactions and some more.
    LEVEL_AFTER = 40

    # @param say [#call] takes a line
    def initialize(stage, say:)
      @stage = stage
      @say = say
    end

    # Each contestant in turn in each round.
    #
    # @return [Array<Hash>] samples
    def rounds(contestants, rate:, rounds:, seconds:, counted:)
      (1..rounds).flat_map do |round|
        contestants.map do |contestant|
          sample = Sample.new(@stage, rate: rate, seconds: seconds, counted: counted).take(contestant)
          @say.call(format("%<rate>d/s round %<round>d: %<title>s: %<cpu>.0f us a call, p99 %<p99>.1f ms, %<failed>d failed",
                           rate: rate, round: round, title: contestant.title, cpu: sample[:cpu_us],
                           p99: sample[:p99_ms] || Float::NAN, failed: sample[:failed]))
          sample.merge(round: round)
        end
      end
    end

    # Calls at a rate, and in their midst many requests at once whose blocks wait for a second each.
    #
    # @return [Array<Hash>] samples, with the seconds until the last of those requests was answered
    def waiting(contestants, rate:, requests:, rounds:, seconds:)
      (1..rounds).flat_map do |round|
        contestants.map do |contestant|
          sample = with_requests(contestant, rate, requests, seconds)
          @say.call(format("%<requests>d requests, round %<round>d: %<title>s: answered after %<after>.2f s, " \
                           "p99 of the calls %<p99>.1f ms, %<failed>d failed",
                           requests: requests, round: round, title: contestant.title, failed: sample[:failed],
                           after: sample[:answered_after] || Float::NAN, p99: sample[:p99_ms] || Float::NAN))
          sample.merge(contestant: contestant.key, rate: rate, round: round, requests: requests)
        end
      end
    end

    # The highest rate without a lost call.
    #
    # @return [Hash] the rate and all trials
    def highest(contestant, from: 1000)
      trials = []
      rate = RateSearch.new(from: from) do |asked, long|
        trials << trial(contestant, asked, TRIALS.fetch(long))
        trials.last[:passed]
      end.run
      { contestant: contestant.key, rate: rate, trials: trials }
    end

    # One rate for minutes, with the memory at each second.
    #
    # @return [Hash]
    def sustained(contestant, rate:, minutes:)
      seconds = (minutes * 60).round
      @stage.with(contestant, warm_up: 1000) do |relay, load|
        memory = []
        before = relay.family.used
        begun = Waiting.now
        run = Thread.new { load.run(rate: rate, calls: rate * seconds) }
        until run.join(1)
          at = Waiting.now - begun
          # What comes later is the end of the last calls.
          memory << [at, relay.family.memory] if at <= seconds
        end
        used = relay.family.used - before
        run.value.to_h.merge(contestant: contestant.key, rate: rate, minutes: minutes, memory: memory,
                             cpu_us: used.cpu * 1e6 / [run.value.successful, 1].max)
      end
    end

    private

    def with_requests(contestant, rate, requests, seconds)
      @stage.with(contestant, warm_up: 500) do |relay, load|
        before = relay.family.used
        run = Thread.new { load.run(rate: rate, calls: rate * seconds) }
        # SIPp has begun by then.
        run.join(seconds / 4.0)
        answered_after = WaitingRequests.new(relay.port).run(requests)
        calls = run.value
        used = relay.family.used - before
        calls.to_h.merge(answered_after: answered_after, cpu_us: used.cpu * 1e6 / [calls.successful, 1].max)
      end
    end

    def trial(contestant, rate, seconds)
      sample = Sample.new(@stage, rate: rate, seconds: seconds, counted: 0).take(contestant)
      kept_up = sample[:reached] >= rate * REACHED
      trial = sample.merge(seconds: seconds, kept_up: kept_up, passed: sample[:failed].zero? && kept_up)
      @say.call("#{contestant.title}: #{rate}/s for #{seconds} s: #{sample[:failed]} of #{sample[:calls]} failed, " \
                "SIPp reached #{sample[:reached].round}/s")
      trial
    end
  end
end
