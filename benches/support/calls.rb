# frozen_string_literal: true

require_relative "statistics"

module Bench
  # What SIPp says of one run, from the files that it leaves.
  class Calls
    # @param asked [Integer] calls
    # @param caller [Hash{String => String}] the last line of the caller's statistics
    # @param counts [Array<Hash{String => String}>] the last lines of both sides' message counts
    # @param times [Array<Float>] milliseconds from INVITE to 200
    # @param generator [Float] seconds of CPU that the caller used
    # @param ended [Boolean] whether SIPp ended before its limit
    def initialize(asked:, caller:, counts:, times:, generator:, ended:)
      @asked = asked
      @caller = caller
      @counts = counts
      @times = times.sort
      @generator = generator
      @ended = ended
    end

    attr_reader :asked, :generator

    def successful
      @caller.fetch("SuccessfulCall(C)", 0).to_i
    end

    # Calls that did not end as the scenario has it, and those that had not ended when the time was over.
    def failed
      @asked - successful
    end

    # Messages that caller or callee sent again.
    def retransmissions
      again("Sent")
    end

    # Messages that caller or callee received again: the other side's retransmissions, as far as the relay passes them on,
    # and the relay's own.
    def repeats
      again("Recv")
    end

    # Calls a second that SIPp really made.
    def reached
      @caller.fetch("CallRate(C)", 0).to_f
    end

    # @param part [Float]
    # @return [Float, nil] milliseconds from INVITE to 200
    def answered(part)
      Statistics.percentile(@times, part)
    end

    # @return [Hash{Symbol => Numeric, nil}] for the raw figures
    def to_h
      { calls: asked, failed: failed, retransmissions: retransmissions, repeats: repeats, reached: reached, ended: @ended,
        p50_ms: answered(0.5), p99_ms: answered(0.99), p999_ms: answered(0.999), longest_ms: @times.last,
        caller_cpu_us: @generator * 1e6 / asked }
    end

    private

    # SIPp names its columns NUMBER_MESSAGE_WHAT; a message is sent or received.
    def again(direction)
      @counts.sum do |counts|
        messages = counts.keys.grep(/_#{direction}\z/).map { |name| name.delete_suffix(direction) }
        messages.sum { |message| counts["#{message}Retrans"].to_i }
      end
    end
  end
end
