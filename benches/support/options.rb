# frozen_string_literal: true

require "optparse"
require_relative "contestants"
require_relative "transport"

module Bench
  # The command line of script/bench.
  class Options
    ABOUT = <<~TEXT
      Usage: script/bench [options]

      What a relayed call costs. SIPp calls (INVITE, 180, 200, ACK, BYE, 200) through this project, and through Kamailio if it is
      installed, in turn, and a table shows for each: CPU time, system calls and voluntary context switches a call, the time from
      INVITE to 200, calls that failed, messages that were sent again, and memory for each call whose transactions are still kept.
      A cell has the median of the rounds, with the least and the most. "ratio" is CPU time by that of the first relay in the same
      round. Figures differ between machines; ratios differ less. Nothing else should run meanwhile.

      Needs Linux, SIPp and what the build needs (bin/setup). Optional: perf or strace (system calls), kamailio,
      kamailio-ruby-modules, kamailio-tls-modules.

        script/bench                                       five relays at 200, 500 and 1500 calls a second: about 15 minutes
        script/bench --rates 200 --rounds 1 --seconds 3    a first look in a minute
        script/bench --against main~10 --only every        before and after
        script/bench --highest --slow-block --minutes 10 --json FILE --markdown    everything, for docs/performance.md
        script/bench --plot FILE costs.svg                 a picture of raw figures that --json has written
        script/bench --from FILE --markdown                their tables, without measuring again

      What is measured:
    TEXT

    RELAYS = <<~TEXT.freeze

      Relays for --only: #{Contestants::KEYS.join(", ")}.
      `every` is this project with blocks on every event, `request` with on_request alone. `kamailio` is its native script,
      `kamailio-counting` counts replies as the blocks do, `kamailio-ruby` does both in Ruby (app_ruby).
    TEXT

    Values = Struct.new(:rates, :rounds, :seconds, :counted, :transport, :only, :against, :highest, :slow_block, :waiting,
                        :trace, :minutes, :sustained_rate, :build, :json, :markdown, :from, :plot, keyword_init: true)

    # @param arguments [Array<String>]
    # @return [Values]
    # @raise [OptionParser::ParseError]
    def self.read(arguments)
      values = Values.new(rates: [200, 500, 1500], rounds: 3, seconds: 10, counted: 3, transport: Transport.named("udp"),
                          against: [], minutes: 0.0, sustained_rate: 1500, build: true)
      parser = parser_for(values)
      rest = parser.parse(arguments)
      values.plot = [values.plot, rest.shift] if values.plot
      raise OptionParser::MissingArgument, "--plot FILE.json OUT.svg" if values.plot && values.plot.last.nil?
      raise OptionParser::NeedlessArgument, rest.join(" ") unless rest.empty?

      values
    end

    def self.parser_for(values)
      OptionParser.new do |parser|
        parser.banner = ABOUT
        what(parser, values)
        parser.separator("\nHow it is shown:")
        output(parser, values)
        parser.separator(RELAYS)
      end
    end

    def self.what(parser, values)
      parser.on("--rates LIST", "calls a second, as 200,500,1500; none: no table of costs") do |list|
        values.rates = list == "none" ? [] : list.split(",").map { |rate| positive(rate) }
      end
      parser.on("--rounds N", "turns of each relay (#{values.rounds})") { |text| values.rounds = positive(text) }
      parser.on("--seconds N", "seconds of calls in a turn (#{values.seconds})") { |text| values.seconds = positive(text) }
      parser.on("--transport T", Transport.all.map(&:name), "udp, tcp, tls or ws (#{values.transport})") do |name|
        values.transport = Transport.named(name)
      end
      parser.on("--only LIST", "these relays, in this order") do |list|
        values.only = list.split(",")
        unknown = values.only - Contestants::KEYS
        raise OptionParser::InvalidArgument, unknown.join(",") unless unknown.empty?
      end
      parser.on("--against REF", "another commit of this project too; may be given again") do |reference|
        values.against << reference
      end
      parser.on("--highest", "the highest rate at which no call is lost for 30 s") { values.highest = true }
      parser.on("--slow-block", "500 calls/s with a block that computes 50 ms once a second") { values.slow_block = true }
      parser.on("--waiting", "100 calls/s, and 1000 requests at once whose blocks wait for 1 s") { values.waiting = true }
      parser.on("--trace", "500 calls/s with the trace, the metrics and HEP3 collectors, each beside nothing of it") do
        values.trace = true
      end
      parser.on("--minutes N", Float, "one rate for so long, with the memory; the first relay only") do |value|
        values.minutes = value
      end
      parser.on("--sustained-rate N", "that rate (#{values.sustained_rate})") do |text|
        values.sustained_rate = positive(text)
      end
      parser.on("--no-build", "do not build this checkout first") { values.build = false }
    end

    def self.output(parser, values)
      parser.on("--markdown", "tables as Markdown") { values.markdown = true }
      parser.on("--json FILE", "write raw figures") { |path| values.json = path }
      parser.on("--from FILE", "show raw figures instead of measuring") { |path| values.from = path }
      parser.on("--plot FILE.json OUT.svg", "draw raw figures instead of measuring") { |path| values.plot = path }
    end

    def self.positive(text)
      number = Integer(text, 10, exception: false)
      number&.positive? ? number : raise(OptionParser::InvalidArgument, "#{text} (a number above 0)")
    end
    private_class_method :parser_for, :what, :output, :positive
  end
end
