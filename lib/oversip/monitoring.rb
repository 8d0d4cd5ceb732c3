# frozen_string_literal: true

require "oversip/calls_page"
require "oversip/control_socket"
require "oversip/monitor_thread"

module OverSIP
  # What a server shows to who looks at it: begins it where the configuration says so.
  #
  # @api private
  module Monitoring
    extend Logger

    class << self
      # @return [String, nil] the control socket of this process
      attr_reader :control_socket

      # @param configuration [Hash] {OverSIP.configuration}; the ports that were taken are noted in it
      # @param default [String, nil] the control socket where it says nothing of one
      # @param folder [String, nil] that of the server's files
      # @raise [OverSIP::RuntimeError] a place that it names cannot be used
      def open(configuration, default:, folder: nil)
        @folder = folder
        configured = configuration.dig(:core, :control_socket)
        listen = Listeners.metrics(configuration)
        @control_socket = nil
        @hosts = configuration.dig(:metrics, :hosts) || []
        @calls_page = CallsPage.settings(configuration)
        @collectors = configuration.dig(:hep, :collectors)&.any?
        return if !configured && listen.empty? && !@collectors && (configured == false || default.nil?)

        ports = configured.nil? && default ? open_with_default(default, listen) : open_at(configured || nil, listen)
        note(configuration, listen, ports)
        MonitorThread.start(:state, :gauges, *(:ladder if @calls_page)) if @control_socket || ports.any?
      end

      private

      # Without a control socket the server serves all the same.
      def open_with_default(path, listen)
        ControlSocket.make_folder(path)
        open_at(path, listen)
      rescue ControlSocketError => e
        log_system_warn "no control socket for oversip status, trace and top: #{e.message}; " \
                        "core[control_socket] names another path, or no"
        open_at(nil, listen)
      end

      # @return [Array<Integer>] the ports
      def open_at(path, listen)
        return [] if path.nil? && listen.empty? && !@collectors

        name = OverSIP.master_name || PROGRAM_NAME.downcase
        ports = Engine.open_monitor({ version: VERSION, name: name, folder: @folder, control_socket: path,
                                      listen: listen, hosts: @hosts, calls_page: @calls_page })
        @control_socket = path
        ports
      end

      def note(configuration, listen, ports)
        places = listen.map(&:first).zip(ports)
        configuration[:metrics][:listen] = places.map { |place| Config::HttpAddress.text(*place) } unless places.empty?
        log_system_info "control socket #{@control_socket}" if @control_socket
        places.each { |host, port| say(host, Config::HttpAddress.text(host, port)) }
      end

      def say(host, place)
        log_system_info "metrics on http://#{place}/metrics"
        CallsPage.say(place, Config::HttpAddress.loopback?(host)) if @calls_page
        return if Config::HttpAddress.loopback?(host)

        log_system_warn "metrics[listen]: #{place} is no loopback address: whoever reaches it reads the figures of " \
                        "this server; let a firewall admit only who collects them"
      end
    end
  end
end
