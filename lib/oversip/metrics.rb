# frozen_string_literal: true

require "oversip/metrics/counter"
require "oversip/metrics/gauge"
require "oversip/metrics/gauge_blocks"
require "oversip/metrics/histogram"

# Figures of scripts.
module OverSIP
  # What a script counts beside the figures of the library, see {OverSIP.metrics}. A metric belongs to the process: it can
  # be made and counted at any time, also without an engine and in worlds; `/metrics` shows it while a server runs.
  #
  # A metric may have labels, which tell its values apart: each combination of their values has a value of its own. A metric
  # has 1000 such combinations at most, and all metrics together have 20000 samples. What further ones count goes to one
  # whose labels are all `other`, and the log says so once. Of a label's value the first 128 characters count; what is no
  # UTF-8 is replaced, and control characters are shown by their numbers, such as `\x1B`.
  #
  # A forked child counts anew, from 0.
  class Metrics
    # @api private
    def initialize
      @gauge_blocks = GaugeBlocks.new
    end

    # A number that only grows.
    #
    # @example
    #   LOGINS = OverSIP.metrics.counter(:logins, labels: [:outcome], help: "Logins by what came of them.")
    #   LOGINS.increment(outcome: "ok")
    # @param name [Symbol, String] 1 to 128 letters, digits and `_`, no digit first, not `oversip_`, `process_` or `scrape_`
    #   first, and not `up`, which Prometheus gives by itself. `_total` is added where it is missing, as Prometheus wants it
    # @param labels [Array<Symbol, String>] the names of its labels
    # @param help [String] what it counts, not empty
    # @return [Counter] of the same metric each time
    # @raise [OverSIP::RuntimeError] a name cannot be used, or another metric has it or a sample of that name
    # @raise [TypeError] an argument is of another type
    def counter(name, labels: [], help: "Of the script.")
      Counter.new(:counter, name, labels, help)
    end

    # A number that grows and falls. With a block it is asked for each time that somebody looks, on a thread of the block's
    # own, the same one each time: what belongs to a thread, such as a connection of a pool, is kept from one time to the
    # next. All blocks together have half a second: one that takes too long is ended with its thread (`Thread#kill`), is not
    # begun anew before it has come to its end, and is asked last the next time. One that others have left too little time
    # keeps its value, and is asked first the next time.
    #
    # A gauge whose block fails, by an exception, by `exit` or in any other way, keeps its value. The log says once that it
    # has begun to fail, with the place of the block, and that it works again; `oversip_metric_failures_total` counts each
    # time.
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
      @gauge_blocks.add(gauge, block) if block
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
    # @return [void]
    def ask_gauges
      @gauge_blocks.ask
    end

    # @api private
    # @return [Integer] how often a block has not set its gauge
    def failures
      @gauge_blocks.failures
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
