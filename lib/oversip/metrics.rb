# frozen_string_literal: true

require "timeout"
require "oversip/deadline"
require "oversip/metrics/counter"
require "oversip/metrics/gauge"
require "oversip/metrics/histogram"

# Figures of scripts.
module OverSIP
  # What a script counts beside the figures of the library, see {OverSIP.metrics}. A metric belongs to the process: it can
  # be made and counted at any time, also without an engine and in worlds; `/metrics` shows it while a server runs.
  #
  # A metric may have labels, which tell its values apart: each combination of their values has a value of its own. A metric
  # has 1000 such combinations at most, and all metrics together have 20000 samples. What further ones count goes to one
  # whose labels are all `other`, and the log says so once. Of a label's value the first 128 characters count; what is no
  # UTF-8 is replaced.
  #
  # A forked child counts anew, from 0.
  class Metrics
    # Seconds that the blocks of all gauges may take together. The monitor waits for a second.
    PATIENCE = 0.5
    private_constant :PATIENCE

    # @api private
    def initialize
      @gauges = {}
      @lock = Mutex.new
    end

    # A number that only grows.
    #
    # @example
    #   LOGINS = OverSIP.metrics.counter(:logins, labels: [:outcome], help: "Logins by what came of them.")
    #   LOGINS.increment(outcome: "ok")
    # @param name [Symbol, String] letters, digits and `_`, no digit first, not `oversip_` or `process_` first. `_total` is
    #   added where it is missing, as Prometheus wants it
    # @param labels [Array<Symbol, String>] the names of its labels
    # @param help [String] what it counts
    # @return [Counter] of the same metric each time
    # @raise [OverSIP::RuntimeError] a name cannot be used, or another metric has it or a sample of that name
    # @raise [TypeError] an argument is of another type
    def counter(name, labels: [], help: "Of the script.")
      Counter.new(:counter, name, labels, help)
    end

    # A number that grows and falls. With a block it is asked for each time that somebody looks, on a thread for such blocks
    # alone. All of them together have half a second: who takes too long is asked last the next time.
    #
    # @example
    #   OverSIP.metrics.gauge(:registered_users, help: "Users with a binding.") { Bindings.count }
    # @param name [Symbol, String] see {#counter}
    # @param labels [Array<Symbol, String>] none with a block
    # @param help [String]
    # @yieldreturn [Numeric] its value
    # @return [Gauge] of the same metric each time
    # @raise [OverSIP::RuntimeError] see {#counter}
    # @raise [TypeError] see {#counter}
    # @raise [ArgumentError] labels with a block
    def gauge(name, labels: [], help: "Of the script.", &block)
      raise ArgumentError, "a gauge with a block has no labels" if block && !Array(labels).empty?

      gauge = Gauge.new(:gauge, name, labels, help)
      # A script that is loaded again hands over another block.
      @lock.synchronize { @gauges = @gauges.merge(gauge.name => [gauge, block]) } if block
      gauge
    end

    # Values that are sorted into buckets, such as times in seconds.
    #
    # @example
    #   LOOK_UP = OverSIP.metrics.histogram(:look_up_seconds, help: "How long the database takes.")
    #   user = LOOK_UP.time { Users.find(name) }
    # @param name [Symbol, String] see {#counter}
    # @param labels [Array<Symbol, String>]
    # @param help [String]
    # @param buckets [Array<Numeric>, nil] the upper bounds, growing; nil: 0.005 to 10
    # @return [Histogram] of the same metric each time
    # @raise [OverSIP::RuntimeError] see {#counter}
    # @raise [TypeError] see {#counter}
    def histogram(name, labels: [], help: "Of the script.", buckets: nil)
      Histogram.new(:histogram, name, labels, help, buckets || [])
    end

    # Asks the blocks of gauges.
    #
    # @api private
    def ask_gauges
      deadline = Deadline.new(PATIENCE)
      slow, *unasked = @gauges.keys.drop_while { |name| ask_gauge(*@gauges.fetch(name), deadline) }
      return unless slow

      # Those that had no time come first the next time.
      @lock.synchronize { @gauges = @gauges.slice(*unasked, *(@gauges.keys - [slow]), slow) }
      Logger.record(:error, "metrics", "the blocks of all gauges have #{PATIENCE} s together: that of #{slow} was ended" \
                                       "#{", and #{unasked.size} others were not asked" if unasked.any?}", [:gauges, slow])
    end

    private

    # @return [Boolean] whether it was in time
    def ask_gauge(gauge, block, deadline)
      left = deadline.left
      return false unless left.positive?

      gauge.set(Timeout.timeout(left, &block))
      true
    rescue StandardError, ScriptError, SystemStackError => e
      return false if e.is_a?(Timeout::Error) && deadline.over?

      Logger.record(:error, "metrics", "the block of the gauge #{gauge.name} has failed: #{e.message} (#{e.class})",
                    [:gauge, gauge.name, e.class])
      true
    end
  end

  @metrics = Metrics.new

  class << self
    # What the script counts, for `/metrics` and so for Prometheus.
    #
    # @return [Metrics]
    attr_reader :metrics
  end
end
