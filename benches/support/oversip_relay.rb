# frozen_string_literal: true

require "rbconfig"
require "yaml"
require_relative "relay"

module Bench
  # This project, or another commit of it, with benches/relay.
  class OversipRelay < Relay
    SCRIPT = File.expand_path("../relay", __dir__)

    # @param tree [String] a checkout with its extension
    # @param blocks [String] "every" or "request"
    # @param slow [Integer] milliseconds that a block computes once a second
    # @param waiting [String] how the block of an OPTIONS waits, see benches/relay/server.rb
    # @param sections [Hash{String => Hash}] of oversip.conf, beside those of benches/relay
    def initialize(place, tree, blocks: "every", slow: 0, waiting: "no", sections: {})
      @tree = tree
      @environment = { "BLOCKS" => blocks, "SLOW_BLOCK_MS" => slow.to_s, "WAITING" => waiting }
      @waiting = waiting
      @sections = sections
      super(place)
    end

    private

    def start
      FileUtils.cp_r("#{SCRIPT}/.", @folder)
      configuration = File.join(@folder, "oversip.conf")
      sections = YAML.safe_load(File.read(configuration).sub("@PORT@", port.to_s))
      File.write(configuration, sections.merge(listeners, waits, @sections) { |_, given, added| given.merge(added) }.to_yaml)
      environment = @environment.merge("CALLEE_PORT" => @place.callee_port.to_s,
                                       "CALLEE_TRANSPORT" => @place.transport.onward)
      spawn(environment, RbConfig.ruby, "#{@tree}/exe/oversip", "--config-dir", @folder) { log.include?("ready\n") }
    end

    # As many threads as there are requests that wait at a time, or the scheduler.
    def waits
      case @waiting
      when "await" then { "core" => { "await_threads" => 1000 } }
      when "sleep" then { "core" => { "fiber_scheduler" => true } }
      else {}
      end
    end

    # Those that benches/relay has not by itself.
    def listeners
      case @place.transport.listener
      when :tls_port
        { "sip" => { "sip_tls" => true, "listen_port_tls" => tls_port, "callback_on_client_tls_handshake" => false },
          "tls" => { "public_cert" => @place.certificate.certificate, "private_cert" => @place.certificate.key } }
      when :websocket_port
        { "websocket" => { "sip_ws" => true, "listen_ipv4" => "127.0.0.1", "enable_ipv6" => false,
                           "listen_port" => websocket_port } }
      else {}
      end
    end
  end
end
