# frozen_string_literal: true

require "io/wait"
require "open3"
require "rbconfig"
require "tmpdir"

# Runs exe/oversip, or any Ruby, as a child process.
module Command
  ROOT = File.expand_path("../..", __dir__)

  # @return [Array] stdout, stderr and Process::Status
  def oversip(*arguments)
    Open3.capture3(*command(*arguments))
  end

  # @param environment [Hash{String => String}] beside the inherited one
  # @yieldparam server [Running]
  def running_oversip(*arguments, environment: {})
    server = Running.new(command(*arguments), environment: environment)
    yield server
  ensure
    server&.kill
  end

  # @return [Array<String>] what to execute
  def command(*arguments)
    stand_in = NATIVE ? [] : ["-r", File.join(ROOT, "spec", "support", "without_native")]
    [RbConfig.ruby, *stand_in, File.join(ROOT, "exe", "oversip"), *arguments]
  end

  # A child process and its output so far. The output is read continuously, so that the process never blocks. Its default
  # control socket is in a folder of its own: another server on this machine may have the default of all others.
  class Running
    LIMIT = 30

    attr_reader :pid

    def initialize(command, environment: {})
      @reader, writer = IO.pipe
      @sockets = Dir.mktmpdir("oversip")
      # Also for a server that gives up root's rights.
      File.chmod(0o711, @sockets)
      environment = { "XDG_RUNTIME_DIR" => @sockets, **environment }
      @pid = Process.spawn(environment, *command, in: File::NULL, out: writer, err: writer, pgroup: true)
      writer.close
      @waiter = Process.detach(@pid)
      @lock = Mutex.new
      @said = ConditionVariable.new
      @output = +""
      @listener = Thread.new { listen }
    end

    # @return [String] everything that it wrote to stdout and stderr until now
    def output
      @lock.synchronize { @output.dup }
    end

    # Waits until the output matches.
    #
    # @param from [Integer] how many characters of the output to leave out
    def wait_for(pattern, from: 0, limit: LIMIT)
      deadline = now + limit
      @lock.synchronize do
        until @output.match?(pattern, from)
          raise "the process ended without #{pattern.inspect}:\n#{@output}" if @ended
          raise "no #{pattern.inspect} within #{limit} s in:\n#{@output}" unless now < deadline

          @said.wait(@lock, deadline - now)
        end
      end
    end

    def signal(name)
      Process.kill(name, @pid)
    end

    # @return [Process::Status] of the process, which has to end by itself
    def status(limit: LIMIT)
      @waiter.join(limit) or raise "the process still runs after #{limit} s:\n#{output}"
      @listener.join(limit)
      @waiter.value
    end

    # Ends the process and those that it started, as far as they are there.
    def kill
      Process.kill("KILL", -@pid)
    rescue Errno::ESRCH
      nil
    ensure
      @waiter.join
      @listener.join
      FileUtils.rm_rf(@sockets)
    end

    private

    # Without `readpartial`, which Ruby 3.4 with M:N threads can wake with an IO::TimeoutError though no time is set.
    def listen
      while (text = @reader.read_nonblock(65_536, exception: false))
        text == :wait_readable ? @reader.wait_readable : hear(text)
      end
      @lock.synchronize do
        @ended = true
        @said.broadcast
      end
    ensure
      @reader.close
    end

    def hear(text)
      @lock.synchronize do
        @output << text.force_encoding(Encoding::UTF_8)
        @said.broadcast
      end
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
