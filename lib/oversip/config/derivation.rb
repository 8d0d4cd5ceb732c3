# frozen_string_literal: true

module OverSIP
  module Config
    # What follows from the values once each of them is valid: transports that are off lose their ports and addresses,
    # and addresses that were not given are found.
    #
    # @api private
    class Derivation
      # section => [transports without TLS, transport with TLS]
      TRANSPORTS = { sip: [%i[sip_udp sip_tcp], :sip_tls], websocket: [%i[sip_ws], :sip_wss] }.freeze

      FAMILIES = %i[ipv4 ipv6].freeze

      def initialize(configuration, scope, command: false)
        @configuration = configuration
        @scope = scope
        @command = command
      end

      # @return [Hash] the configuration
      def apply
        tls_without_certificate
        obsolete_tunnels
        codes_without_key
        unset = FAMILIES.select { |family| @configuration.dig(:sip, :"listen_#{family}").nil? }
        TRANSPORTS.each do |section, (plain, secure)|
          close_ports(@configuration.fetch(section), plain, secure)
          find_addresses(section, plain + [secure])
        end
        sip = @configuration.fetch(:sip)
        # Requests to other hosts may leave from any address of this machine.
        sip[:loopback_by_default] = unset if @scope == :loopback
        sip[:local_domains] = sip[:local_domains]&.map(&:downcase)
        trace_and_calls_page(@configuration.fetch(:trace), @configuration.fetch(:metrics))
        # null: the one that the command makes by itself.
        core = @configuration.fetch(:core)
        core[:control_socket] = false if core[:control_socket].nil? && !@command
        @configuration
      end

      private

      # The page of calls turns the trace on where nothing is said of it.
      def trace_and_calls_page(trace, metrics)
        if metrics[:calls_page] && Array(metrics[:listen]).empty?
          calls_page_off(metrics, "metrics[listen] names no address to serve it on")
        elsif metrics[:calls_page] && trace[:enabled] == false
          calls_page_off(metrics, "trace[enabled] is no, so that there are no calls to show")
        end
        trace[:enabled] = @command || metrics[:calls_page] if trace[:enabled].nil?
      end

      def calls_page_off(metrics, reason)
        Config.log_system_warn "metrics[calls_page] is off: #{reason}"
        metrics[:calls_page] = false
      end

      def tls_without_certificate
        tls = @configuration.fetch(:tls)
        return if tls[:public_cert] && tls[:private_cert]

        TRANSPORTS.each do |section, (_, secure)|
          values = @configuration.fetch(section)
          next unless values[secure]

          Config.log_system_warn "#{section}[#{secure}] is off: tls[public_cert] and tls[private_cert] are not both set"
          values[secure] = false
        end
      end

      def obsolete_tunnels
        TRANSPORTS.each do |section, (_, secure)|
          values = @configuration.fetch(section)
          next unless values[secure] && values[:use_tls_tunnel]

          Config.log_system_warn "#{section}[use_tls_tunnel] is obsolete: TLS is served on listen_port_tls directly, " \
                                 "clients are not asked for certificates and on_client_tls_handshake does not run"
        end
      end

      def codes_without_key
        sip = @configuration.fetch(:sip)
        return unless sip[:require_own_route] && !sip[:flow_token_key]

        Config.log_system_warn "sip[require_own_route] without sip[flow_token_key]: requests of calls that were up before " \
                               "a restart, or that came by another server, get 403; set a key of 16 bytes or more"
      end

      def close_ports(values, plain, secure)
        values[:listen_port] = nil if plain.none? { |transport| values[transport] }
        values[:listen_port_tls] = nil unless values[secure]
        values[:listen_port_tls_tunnel] = nil unless values[:use_tls_tunnel]
      end

      def find_addresses(section, transports)
        values = @configuration.fetch(section)
        active = transports.any? { |transport| values[transport] }
        wanted = FAMILIES.select { |family| values[:"enable_#{family}"] && active }
        FAMILIES.each do |family|
          values[:"enable_#{family}"] = nil unless active
          next forget(values, family) unless values[:"enable_#{family}"]

          values[:"listen_#{family}"] ||= Addresses.default(family, @scope)
          values[:"enable_#{family}"] = false unless values[:"listen_#{family}"]
        end
        warn_of_no_address(section, wanted) if wanted.any? && wanted.none? { |family| values[:"listen_#{family}"] }
      end

      # A machine without a network, for example.
      def warn_of_no_address(section, wanted)
        names = wanted.map { |family| "#{section}[listen_#{family}]" }.join(" or ")
        where = @scope == :loopback ? "has such a loopback address" : "faces a network"
        Config.log_system_warn "#{section} listens nowhere: no address of this machine #{where}; set #{names}" \
                               "#{": 127.0.0.1 for clients on this machine" if wanted.include?(:ipv4)}"
      end

      def forget(values, family)
        %w[listen advertised record_route_hostname_tls].each do |prefix|
          key = :"#{prefix}_#{family}"
          values[key] = nil if values.key?(key)
        end
      end
    end
  end
end
