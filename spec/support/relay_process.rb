# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "command"
require_relative "ports"

# exe/oversip with examples/relay, as a user runs it, on a port of its own.
module RelayProcess
  include Command

  EXAMPLE = File.join(Command::ROOT, "examples", "relay")

  # A relay that serves.
  class Relay
    attr_reader :port, :server

    def initialize(server, port)
      @server = server
      @port = port
    end

    # @return [Hash{Symbol => Integer}] what its blocks have counted, and its OverSIP.stats
    def counts
      seen = @server.output.size
      @server.signal("USR1")
      @server.wait_for(/engine_relayed_responses: \d+\n/, from: seen)
      @server.output[seen..].scan(/ (\w+): (\d+)$/).to_h { |name, count| [name.to_sym, count.to_i] }
    end
  end

  # Its log has every record: specs count them.
  #
  # @param target [String] RELAY_TARGET: where initial requests go
  # @param script [String] the path of another server.rb
  # @param core [String] further lines of that section of its oversip.conf
  # @yieldparam relay [Relay]
  def running_relay(target:, port: Ports.free, script: File.join(EXAMPLE, "server.rb"), core: "")
    Dir.mktmpdir("relay") do |folder|
      FileUtils.cp(Dir[File.join(EXAMPLE, "*.conf")], folder)
      FileUtils.cp(script, File.join(folder, "server.rb"))
      configuration = File.join(folder, "oversip.conf")
      text = File.read(configuration).sub(/listen_port: \d+/, "listen_port: #{port}").sub("core:\n", "core:\n  max_like_records: 0\n#{core}")
      File.write(configuration, text)
      running_oversip("--config-dir", folder, environment: { "RELAY_TARGET" => target }) do |server|
        server.wait_for(/running, process/)
        yield Relay.new(server, port)
      end
    end
  end
end
