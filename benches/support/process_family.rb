# frozen_string_literal: true

module Bench
  # A process with its descendants, as Linux counts them.
  class ProcessFamily
    # What it has used so far: seconds on a processor of all threads, and how often they gave it up or lost it.
    Used = Struct.new(:cpu, :voluntary, :involuntary) do
      def -(other)
        self.class.new(*to_a.zip(other.to_a).map { |mine, others| mine - others })
      end
    end

    def initialize(pid)
      @pid = pid
    end

    # @return [Array<Integer>]
    def pids
      parents = Dir.glob("/proc/[0-9]*/stat").filter_map { |path| parent(path) }.to_h
      found = [@pid]
      found.each { |one| found.concat(parents.select { |_, parent| parent == one }.keys) }
    end

    # @return [Used]
    def used
      tasks = pids.flat_map { |pid| Dir.glob("/proc/#{pid}/task/*") }
      states = tasks.map { |task| read("#{task}/status") }
      Used.new(tasks.sum { |task| read("#{task}/schedstat").to_i } / 1e9,
               states.sum { |state| state[/^voluntary_ctxt_switches:\s+(\d+)/, 1].to_i },
               states.sum { |state| state[/^nonvoluntary_ctxt_switches:\s+(\d+)/, 1].to_i })
    end

    # @return [Float] bytes; a page that several processes share counts in parts (PSS)
    def memory
      pids.sum { |pid| read("/proc/#{pid}/smaps_rollup")[/^Pss:\s+(\d+)/, 1].to_i } * 1024.0
    end

    private

    def parent(path)
      stat = read(path)
      [stat.to_i, stat[/.*\) \S (\d+)/m, 1].to_i] unless stat.empty?
    end

    # Threads and processes end while they are looked at.
    def read(path)
      File.read(path)
    rescue Errno::ENOENT, Errno::ESRCH
      ""
    end
  end
end
