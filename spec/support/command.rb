# frozen_string_literal: true

require "open3"
require "rbconfig"

# Runs exe/oversip as a child process.
module Command
  ROOT = File.expand_path("../..", __dir__)

  # @return [Array] stdout, stderr and Process::Status
  def oversip(*arguments)
    Open3.capture3(*command(*arguments))
  end

  # @yieldparam server [Running]
  def running_oversip(*arguments)
    server = Running.new(command(*arguments))
    yield server
  ensure
    server&.kill
  end

  # @return [Array<String>] what to execute
  def command(*arguments)
    include_path = NATIVE ? [] : ["-I", File.join(ROOT, "spec", "support", "without_native")]
    [RbConfig.ruby, *include_path, File.join(ROOT, "exe", "oversip"), *arguments]
  end

  # A server process and what it has said so far.
  class Running
    LIMIT = 15

    attr_reader :output

    def initialize(command)
      @reader, writer = IO.pipe
      @pid = Process.spawn(*command, out: writer, err: writer)
      writer.close
      @output = +""
    end

    # Reads until the output matches.
    def wait_for(pattern)
      deadline = now + LIMIT
      until @output.match?(pattern)
        raise "no #{pattern.inspect} in:\n#{@output}" unless @reader.wait_readable([deadline - now, 0].max)

        @output << @reader.readpartial(65_536)
      end
    rescue EOFError
      raise "the process ended without #{pattern.inspect}:\n#{@output}"
    end

    def signal(name)
      Process.kill(name, @pid)
    end

    # @return [Process::Status] of the process, which has to end by itself
    def status
      @output << @reader.read.to_s
      @status ||= Process.wait2(@pid).last
    end

    def kill
      return if @status

      Process.kill("KILL", @pid)
      Process.wait(@pid)
    end

    private

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
