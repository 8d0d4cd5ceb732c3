# frozen_string_literal: true

require_relative "machine"
require_relative "measurements"
require_relative "numbers"
require_relative "statistics"
require_relative "table"
require_relative "transport"

module Bench
  # Raw figures as text or Markdown.
  class Report
    # Heads with what they show of a sample, and by what it is multiplied.
    COLUMNS = { "system calls" => [:system_calls, 1], "switches" => [:voluntary, 1], "p50 ms" => [:p50_ms, 1],
                "p99 ms" => [:p99_ms, 1], "p99.9 ms" => [:p999_ms, 1], "failed" => [:failed, 1],
                "sent again" => [:retransmissions, 1], "KB held" => [:held_bytes, 1 / 1000.0] }.freeze
    LEGEND = "CPU time, system calls and voluntary context switches of the relay for each call; time from INVITE to " \
             "200; calls that failed, messages that caller or callee sent again; memory for each call whose transactions " \
             "it keeps."

    # @param figures [Hash{Symbol => Object}] as {Runner} makes them
    def initialize(figures, markdown: false)
      @figures = figures
      @markdown = markdown
    end

    def to_s
      parts = [introduction, *costs, *highest, *slow_block, *waiting, *trace, *sustained]
      "#{parts.compact.join("\n\n")}\n"
    end

    private

    def introduction
      machine = @figures[:machine]
      transport = Transport.named(@figures[:transport])
      ["Measured at #{machine[:time]} on #{machine[:processor]}, #{machine[:cores]} cores, Linux #{machine[:kernel]}, " \
       "Ruby #{machine[:ruby]}, SIPp #{machine[:sipp]}, Kamailio #{machine[:kamailio] || "not installed"}; commit " \
       "#{machine[:commit]}; transport #{transport}; load #{machine[:load]} before the start#{noise}.",
       ("SIPp's response times are in steps of 4 ms: there is no C compiler." unless @figures[:fine_clock]),
       counter(machine[:counter]),
       transport.remark,
       *@figures[:missing].map { |title, reason| "Not measured: #{title}: #{reason}." }].compact.join(separator)
    end

    def noise
      ", so the machine was not quiet: the figures are no more than a trial" if @figures[:machine][:load] > Machine::QUIET
    end

    def counter(means)
      case means&.to_sym
      when :strace then "System calls are counted by strace, which slows the relays down: under load they make fewer."
      when nil then "System calls are not counted: neither perf nor strace may do it here."
      end
    end

    def costs
      section("What a call costs", @figures[:costs]) { |samples| [cost_table(samples), LEGEND].join("\n\n") }
    end

    def slow_block
      section("A slow block", @figures[:slow_block]) do |samples|
        [cost_table(samples, "received again" => [:repeats, 1], "longest ms" => [:longest_ms, 1]),
         "The calls of the slow blocks themselves, one a second, are among the others."].join("\n\n")
      end
    end

    def waiting
      section("Blocks that wait", @figures[:waiting]) do |samples|
        table = Table.new("the block of each request", "answered after s", "p50 ms", "p99 ms", "longest ms", "failed")
        columns = %i[answered_after p50_ms p99_ms longest_ms failed]
        samples.group_by { |sample| sample[:contestant] }.each do |key, own|
          table.add(title(key), *columns.map { |name| spread(own.map { |sample| sample[name] }) })
        end
        requests, rate = samples.first.values_at(:requests, :rate)
        ["#{requests} requests come at once, among #{rate} calls a second. The times in ms are those of the calls, from " \
         "INVITE to 200.", show(table)].join("\n\n")
      end
    end

    def trace
      section("What it costs to show calls", @figures[:trace]) { |samples| [cost_table(samples), LEGEND].join("\n\n") }
    end

    def cost_table(samples, more = {})
      columns = COLUMNS.merge(more).select { |_, (name, _)| samples.any? { |sample| sample[name] } }
      table = Table.new("calls/s", "relay", "CPU us", "ratio", *columns.keys)
      samples.group_by { |sample| sample[:rate] }.each do |rate, at_rate|
        by_contestant = at_rate.group_by { |sample| sample[:contestant] }
        firsts = by_round(by_contestant.values.first)
        by_contestant.each do |key, own|
          cells = columns.values.map { |name, factor| spread(own.map { |sample| sample[name] && (sample[name] * factor) }) }
          table.add(rate.to_s, title(key), spread(own.map { |sample| sample[:cpu_us] }),
                    Numbers.spread(Statistics.ratio(by_round(own), firsts)), *cells)
        end
      end
      show(table)
    end

    def by_round(samples)
      samples.to_h { |sample| [sample[:round], sample[:cpu_us]] }
    end

    def highest
      seconds = Measurements::TRIALS.fetch(true)
      section("The highest rate without a lost call for #{seconds} s", @figures[:highest]) do |searches|
        table = Table.new("relay", "calls/s", "p99 ms", "CPU us", "CPU us of SIPp as caller", "the next rate above")
        searches.each do |search|
          best = search[:trials].reverse.find { |trial| trial[:passed] && trial[:rate] == search[:rate] } || {}
          table.add(title(search[:contestant]), search[:rate].to_s,
                    *best.values_at(:p99_ms, :cpu_us, :caller_cpu_us).map { |value| Numbers.short(value) }, end_of(search))
        end
        show(table)
      end
    end

    # What ended the search.
    def end_of(search)
      above = search[:trials].select { |trial| trial[:rate] > search[:rate] && !trial[:passed] }
      failure = above.min_by { |trial| trial[:rate] }
      return "not tried" unless failure

      reason = failure[:failed].zero? ? "SIPp reached #{failure[:reached].round}/s" : "#{failure[:failed]} calls lost"
      "#{failure[:rate]}/s: #{reason}"
    end

    def sustained
      section("Sustained", @figures[:sustained]) do |runs|
        columns = { "calls/s" => :rate, "minutes" => :minutes, "calls" => :calls, "failed" => :failed,
                    "sent again" => :retransmissions, "CPU us" => :cpu_us, "p99 ms" => :p99_ms, "p99.9 ms" => :p999_ms }
        table = Table.new("relay", *columns.keys, "MiB after #{Measurements::LEVEL_AFTER} s", "MiB at the end",
                          "MiB a minute in between")
        runs.each do |run|
          cells = run.values_at(*columns.values).map { |value| Numbers.short(value) }
          table.add(title(run[:contestant]), *cells, *level(run[:memory]))
        end
        show(table)
      end
    end

    # @param memory [Array<Array(Float, Float)>] seconds and bytes
    def level(memory)
      late = memory.select { |second, _| second >= Measurements::LEVEL_AFTER }
      return [Numbers::NONE] * 3 if late.empty?

      mib = late.map { |second, bytes| [second / 60, bytes / 1_048_576] }
      [mib.first.last, mib.last.last, Statistics.slope(mib)].map { |value| Numbers.short(value) }
    end

    # @return [Array<String>] nothing for what has not been measured
    def section(head, figures)
      return [] if figures.nil? || figures.empty?

      [@markdown ? "### #{head}" : "#{head}\n#{"=" * head.size}", yield(figures)]
    end

    def spread(values)
      Numbers.spread(Statistics.spread(values))
    end

    def title(key)
      @figures[:titles].fetch(key.to_sym)
    end

    def show(table)
      @markdown ? table.to_markdown : table.to_text
    end

    def separator
      @markdown ? "\n\n" : "\n"
    end
  end
end
