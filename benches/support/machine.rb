# frozen_string_literal: true

require "etc"
require "open3"
require_relative "commit_build"
require_relative "kamailio_relay"

module Bench
  # Where and with what was measured.
  module Machine
    # Processes that want to run, above which figures depend on who else runs.
    QUIET = 0.5

    # @return [Hash{Symbol => Object}] for the raw figures
    def self.describe
      { processor: processor, cores: Etc.nprocessors, kernel: Etc.uname[:release], ruby: RUBY_VERSION,
        commit: CommitBuild.present_name, load: load, sipp: version("sipp", "-v")[/SIPp v([\w.]+)/, 1],
        kamailio: KamailioRelay::PROGRAM && version(KamailioRelay::PROGRAM, "-v")[/kamailio ([\d.]+)/, 1],
        counter: SystemCalls.means, time: Time.now.utc.strftime("%Y-%m-%d %H:%M UTC") }
    end

    # @return [Float] the mean of the last minute
    def self.load
      File.read("/proc/loadavg").to_f
    end

    def self.processor
      File.read("/proc/cpuinfo")[/^model name\s*:\s*(.*)$/, 1] || Etc.uname[:machine]
    end

    def self.version(*command)
      Open3.capture2e(*command).first
    rescue Errno::ENOENT
      ""
    end
    private_class_method :processor, :version
  end
end
