# frozen_string_literal: true

require "tempfile"

module Bench
  # Counts the system calls of processes while a block runs: by the kernel's counter (perf), else by strace, which slows them
  # down and so changes how many calls they make under load.
  module SystemCalls
    EVENT = "raw_syscalls:sys_enter"
    # Seconds until a counter has to be attached.
    LIMIT = 10

    # @return [Symbol, nil] the means on this machine: :perf, :strace or none
    def self.means
      return @means if defined?(@means)

      @means = if quietly("perf", "stat", "-e", EVENT, "true") then :perf
               elsif quietly("strace", "-c", "-o", File::NULL, "true") then :strace
               end
    end

    # @param pids [Array<Integer>]
    # @return [Integer, nil] how many they made during the block
    def self.during(pids, &)
      case means
      when :perf then by_perf(pids, &)
      when :strace then by_strace(pids, &)
      else
        yield
        nil
      end
    end

    def self.by_perf(pids, &)
      output = counted(["perf", "stat", "-x", ",", "-e", EVENT, "-p", pids.join(",")],
                       ->(counter) { Dir.glob("/proc/#{counter}/fd/*").any? { |fd| perf_event?(fd) } }, &)
      output[/^(\d+),/, 1]&.to_i
    end

    def self.by_strace(pids, &)
      output = counted(["strace", "-f", "-c", *pids.flat_map { |pid| ["-p", pid.to_s] }],
                       ->(_) { pids.all? { |pid| File.read("/proc/#{pid}/status")[/^TracerPid:\s+(\d+)/, 1] != "0" } }, &)
      output[/^\s*100\.00\s+\S+\s+(?:\d+\s+)?(\d+)\s.*total$/, 1]&.to_i
    end

    # Runs the block between the counter's beginning and its end.
    #
    # @return [String] what the counter says
    def self.counted(command, attached)
      Tempfile.create("system-calls") do |file|
        counter = Process.spawn(*command, "-o", file.path, in: File::NULL, out: File::NULL, err: File::NULL)
        begin
          Waiting.until("#{command.first} does not attach", limit: LIMIT) { attached.call(counter) }
          yield
        ensure
          Process.kill("INT", counter)
          Process.wait(counter)
        end
        file.read
      end
    end

    def self.perf_event?(link)
      File.readlink(link).include?("perf_event")
    rescue Errno::ENOENT
      false
    end

    def self.quietly(*command)
      system(*command, out: File::NULL, err: File::NULL)
    end
    private_class_method :by_perf, :by_strace, :counted, :perf_event?, :quietly
  end
end
