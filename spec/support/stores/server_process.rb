# frozen_string_literal: true

require "fileutils"
require "tmpdir"

module Stores
  # A server in a folder of its own, which ends with its process.
  class ServerProcess
    # Seconds that a server has for its start.
    LIMIT = 60

    # Debian keeps servers where a user's PATH may not look.
    FOLDERS = [*ENV.fetch("PATH").split(":"), "/usr/sbin", *Dir["/usr/lib/postgresql/*/bin"]].freeze

    attr_reader :folder

    def self.program(name)
      FOLDERS.map { |folder| File.join(folder, name) }.find { |path| File.executable?(path) } or
        raise "there is no #{name}: bin/setup installs it"
    end

    def initialize(name)
      @folder = Dir.mktmpdir("oversip-#{name}")
    end

    # @yieldreturn [Object, nil] what the server says when it answers; nil or SystemCallError until then
    def start(*command, &)
      @pid = Process.spawn(*command, in: File::NULL, out: log, err: %i[child out])
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + LIMIT
      until answers?(&)
        if ended? || Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
          raise "#{command.first} does not answer:\n#{File.read(log)}"
        end

        RelayHelpers.pause
      end
    rescue StandardError
      close
      raise
    end

    def close
      unless ended?
        Process.kill("KILL", @pid)
        Process.wait(@pid)
        @pid = nil
      end
      FileUtils.rm_rf(@folder)
    end

    def signal(name)
      Process.kill(name, @pid)
    end

    def log
      File.join(@folder, "log")
    end

    private

    def answers?
      yield
    rescue StandardError
      false
    end

    def ended?
      return true unless @pid

      @pid = nil if Process.wait(@pid, Process::WNOHANG)
      @pid.nil?
    end
  end
end
