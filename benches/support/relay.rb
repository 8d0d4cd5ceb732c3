# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "../../spec/support/ports"
require_relative "process_family"
require_relative "waiting"

module Bench
  # A relay under measurement, as a running process.
  class Relay
    # Seconds until it has to listen.
    LIMIT = 20

    # Starts one for the time of a block.
    #
    # @param place [Place]
    # @param settings [Hash] as the class's own `initialize` has them
    # @yield [Relay] once it listens
    def self.run(place, *checkout, **settings)
      relay = new(place, *checkout, **settings)
      yield relay
    ensure
      relay&.close
    end

    # Where a relay works: its files are in `folder`, and initial requests go to `callee_port`.
    Place = Struct.new(:folder, :transport, :callee_port, :certificate, keyword_init: true)

    def initialize(place)
      @place = place
      @folder = Dir.mktmpdir("relay", place.folder)
      @port = Ports.free
      @tls_port = Ports.free
      @websocket_port = Ports.free
      start
    rescue Failure
      close
      raise
    end

    attr_reader :port, :tls_port, :websocket_port

    # @return [ProcessFamily]
    def family
      @family ||= ProcessFamily.new(@pid)
    end

    # @return [String] what it has said
    def log
      File.exist?(log_file) ? File.read(log_file) : ""
    end

    def close
      Waiting.end_of(@pid, whole_group: true) if @pid
      @pid = nil
      FileUtils.rm_rf(@folder)
    end

    private

    def log_file
      File.join(@folder, "log")
    end

    # @yieldreturn [Boolean] whether it listens
    def spawn(environment, *command)
      @pid = Process.spawn(environment, *command, chdir: @folder, in: File::NULL, out: log_file, err: log_file, pgroup: true)
      Waiting.until("#{command.first} does not listen", limit: LIMIT) do
        Process.wait(@pid, Process::WNOHANG) and ended(command)
        yield
      end
    end

    def ended(command)
      @pid = nil
      raise Failure, "#{command.join(" ")} ended:\n#{log}"
    end
  end
end
