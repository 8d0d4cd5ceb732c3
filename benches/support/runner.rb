# frozen_string_literal: true

require "json"
require_relative "contestants"
require_relative "machine"
require_relative "measurements"
require_relative "plot"
require_relative "report"
require_relative "stage"

module Bench
  # What script/bench does for its options.
  class Runner
    # Of the measurement with a slow block.
    SLOW_RATE = 500
    SLOW_MS = 50
    # Of the measurement with blocks that wait.
    WAITING_RATE = 100
    WAITING_REQUESTS = 1000
    WAITING_SECONDS = 20
    # Of the measurement of what the trace, the metrics and collectors cost.
    TRACE_RATE = 500

    # @param options [Options::Values]
    # @param say [#call] takes lines about the progress
    def initialize(options, say: ->(line) { warn line })
      @options = options
      @say = say
    end

    # @return [String] what is to be shown
    def run
      return draw(*@options.plot) if @options.plot

      figures = @options.from ? read(@options.from) : measure
      Report.new(figures, markdown: @options.markdown).to_s
    end

    private

    def read(path)
      JSON.parse(File.read(path), symbolize_names: true)
    rescue Errno::ENOENT, JSON::ParserError => e
      raise Failure, "#{path}: #{e.message}"
    end

    def draw(source, target)
      File.write(target, Plot.new(read(source)).to_s)
      "#{target}\n"
    end

    def measure
      system("sipp", "-v", out: File::NULL, err: File::NULL).nil? and raise Failure, "SIPp is missing: bin/setup installs it"
      @figures = { machine: machine, transport: @options.transport.name, titles: {} }
      contestants = chosen
      Stage.open(@options.transport) do |stage|
        @figures[:fine_clock] = stage.fine_clock?
        measurements = Measurements.new(stage, say: @say)
        costs(measurements, contestants)
        slow_block(measurements) if @options.slow_block
        waiting(measurements) if @options.waiting
        trace(measurements) if @options.trace
        highest(measurements, contestants) if @options.highest
        sustained(measurements, contestants.first) if @options.minutes.positive?
      end
      # In the form in which they are read again.
      JSON.parse(JSON.generate(@figures), symbolize_names: true)
    end

    # The load is that of the others: it is read before this program builds or measures.
    def machine
      found = Machine.describe
      noise = found[:load] > Machine::QUIET
      @say.call("The machine is not quiet (load #{found[:load]}): the figures are no more than a trial") if noise
      found
    end

    def chosen
      found = Contestants.new(@options.only || Contestants::KEYS, @options.transport, against: @options.against,
                                                                                      build: @options.build)
      found.missing.each { |title, reason| @say.call("Not measured: #{title}: #{reason}") }
      @figures[:missing] = found.missing
      raise Failure, "nothing to measure" if found.all.empty?

      name(found.all)
    end

    def name(contestants)
      contestants.each { |one| @figures[:titles][one.key] = one.title }
    end

    def costs(measurements, contestants)
      @figures[:costs] = []
      @options.rates.each do |rate|
        @figures[:costs] += measurements.rounds(contestants, rate: rate, rounds: @options.rounds, seconds: @options.seconds,
                                                             counted: @options.counted)
        save
      end
    end

    def slow_block(measurements)
      # The checkouts are built already.
      contestants = name(Contestants.with_slow_block(SLOW_MS, against: @options.against, build: false))
      @figures[:slow_block] = measurements.rounds(contestants, rate: SLOW_RATE, rounds: @options.rounds,
                                                               seconds: @options.seconds, counted: 0)
      save
    end

    def waiting(measurements)
      contestants = name(Contestants.that_wait(build: @options.build))
      @figures[:waiting] = measurements.waiting(contestants, rate: WAITING_RATE, requests: WAITING_REQUESTS,
                                                             rounds: @options.rounds, seconds: WAITING_SECONDS)
      save
    end

    def trace(measurements)
      contestants = name(Contestants.that_show(build: @options.build))
      @figures[:trace] = measurements.rounds(contestants, rate: TRACE_RATE, rounds: @options.rounds,
                                                          seconds: @options.seconds, counted: 0)
      save
    end

    def highest(measurements, contestants)
      @figures[:highest] = []
      contestants.each do |contestant|
        @figures[:highest] << measurements.highest(contestant)
        save
      end
    end

    def sustained(measurements, contestant)
      @say.call("#{contestant.title}: #{@options.sustained_rate}/s for #{@options.minutes} minutes")
      @figures[:sustained] = [measurements.sustained(contestant, rate: @options.sustained_rate, minutes: @options.minutes)]
      save
    end

    # After each part, so that a long measurement that is broken off leaves what it has.
    def save
      File.write(@options.json, JSON.pretty_generate(@figures)) if @options.json
    end
  end
end
