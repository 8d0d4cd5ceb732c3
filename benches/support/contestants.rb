# frozen_string_literal: true

require_relative "collector"
require_relative "commit_build"
require_relative "kamailio_relay"
require_relative "oversip_relay"

module Bench
  # What is measured in turn.
  #
  # key    as on the command line and in the raw figures
  # title  as in tables
  # holds  seconds that it keeps the transactions of an answered call (RFC 6026: 64 T1; Kamailio's tm: wt_timer)
  # start  makes a relay
  Contestant = Struct.new(:key, :title, :holds, :start, keyword_init: true)

  # Those that a measurement takes, and those that it would take if they were installed.
  class Contestants
    KEYS = %w[every request kamailio kamailio-counting kamailio-ruby].freeze
    OVERSIP_HOLDS = 32
    KAMAILIO_HOLDS = 5

    # @param keys [Array<String>] in the order of their turns
    # @param against [Array<String>] other commits, each measured behind the present one
    # @param build [Boolean] whether the present checkout is built first
    def initialize(keys, transport, against: [], build: true)
      @missing = {}
      @all = keys.flat_map do |key|
        case key
        when "every", "request" then oversips(key, against, build)
        else kamailio(key, transport)
        end
      end
    end

    # @return [Array<Contestant>]
    attr_reader :all

    # @return [Hash{String => String}] reasons by title
    attr_reader :missing

    # The same commits with a block on every event, each without and with a block that computes.
    #
    # @param milliseconds [Integer]
    # @return [Array<Contestant>]
    def self.with_slow_block(milliseconds, against: [], build: true)
      trees(against, build).flat_map do |name, tree|
        [[name, 0], ["#{name}, a block of #{milliseconds} ms each second", milliseconds]].map do |title, slow|
          Contestant.new(key: title, title: title, holds: OVERSIP_HOLDS,
                         start: ->(place, &block) { OversipRelay.run(place, tree, slow: slow, &block) })
        end
      end
    end

    # This checkout, in each way in which the block of a request may wait.
    #
    # @return [Array<Contestant>]
    def self.that_wait(build: true)
      tree = build ? CommitBuild.present : CommitBuild::ROOT
      { "no" => "nothing waits", "await" => "OverSIP.await { sleep 1 }", "sleep" => "sleep 1 under the Fiber scheduler",
        "computing" => "nothing waits, a thread of the pool computes" }.map do |waiting, title|
        Contestant.new(key: title, title: title, holds: OVERSIP_HOLDS,
                       start: ->(place, &block) { OversipRelay.run(place, tree, waiting: waiting, &block) })
      end
    end

    # What this checkout shows of its calls, from nothing to everything.
    SHOWN = {
      "nothing is kept" => { "trace" => { "enabled" => false } },
      "trace" => { "trace" => { "enabled" => true } },
      "trace and metrics" => { "trace" => { "enabled" => true }, "metrics" => { "listen" => "127.0.0.1:0" } },
      "trace, metrics, HEP3 to a collector that reads" => :reads,
      "trace, metrics, HEP3 to a collector that does not" => :stalls
    }.freeze
    private_constant :SHOWN

    # This checkout, with all that it may show of its calls.
    #
    # @return [Array<Contestant>]
    def self.that_show(build: true)
      tree = build ? CommitBuild.present : CommitBuild::ROOT
      SHOWN.map do |title, sections|
        start = lambda do |place, &block|
          with_collector(sections) { |all| OversipRelay.run(place, tree, sections: all, &block) }
        end
        Contestant.new(key: title, title: title, holds: OVERSIP_HOLDS, start: start)
      end
    end

    def self.with_collector(sections)
      return yield(sections) if sections.is_a?(Hash)

      Collector.run(sections) { |address| yield({ **SHOWN["trace and metrics"], "hep" => { "collectors" => address } }) }
    end
    private_class_method :with_collector

    # @return [Hash{String => String}] folders of checkouts by the titles of their commits
    def self.trees(against, build)
      here = { "oversip-rs" => build ? CommitBuild.present : CommitBuild::ROOT }
      against.each { |reference| here["oversip-rs #{CommitBuild.short(reference)}"] = CommitBuild.at(reference) }
      here
    end

    private

    def oversips(key, against, build)
      (@trees ||= self.class.trees(against, build)).map.with_index do |(name, tree), at|
        title = "#{name}, #{key == "every" ? "blocks on every event" : "on_request alone"}"
        Contestant.new(key: at.zero? ? key : "#{key} #{name.split.last}", title: title, holds: OVERSIP_HOLDS,
                       start: ->(place, &block) { OversipRelay.run(place, tree, blocks: key, &block) })
      end
    end

    def kamailio(key, transport)
      ruby = key == "kamailio-ruby"
      counting = key != "kamailio"
      title = "Kamailio #{ruby ? "in Ruby" : "native"}, #{counting ? "counting replies" : "replies not counted"}"
      reason = KamailioRelay.missing(transport, ruby: ruby)
      if reason
        @missing[title] = reason
        return []
      end

      start = ->(place, &block) { KamailioRelay.run(place, counting: counting, ruby: ruby, &block) }
      [Contestant.new(key: key, title: title, holds: KAMAILIO_HOLDS, start: start)]
    end
  end
end
