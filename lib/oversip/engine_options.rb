# frozen_string_literal: true

require "oversip/listeners"
require "oversip/proxies_config"

module OverSIP
  # The configuration as the engine takes it.
  #
  # @api private
  module EngineOptions
    # The bounds of waiting messages.
    LIMITS = %i[
      max_queued_requests max_queued_bytes max_queued_acks max_queued_ack_bytes max_client_responses max_client_bytes
      max_response_bytes max_outgoing_bytes max_transactions
    ].freeze
    private_constant :LIMITS

    class << self
      # @param configuration [Hash{Symbol => Hash}] {OverSIP.configuration}
      # @param profiles [Hash{Symbol => Hash}] {OverSIP.proxies}
      # @return [Hash{Symbol => Object}]
      def build(configuration, profiles)
        {
          **opening(profiles),
          listeners: Listeners.wanted(configuration),
          tunnels: Listeners.tunnels(configuration),
          product: OverSIP.product(configuration),
          **core(configuration.fetch(:core)), **sip(configuration.fetch(:sip)), **tls(configuration),
          websocket: websocket(configuration.fetch(:websocket)),
          trace: trace(configuration.fetch(:trace)),
          metrics: metrics?(configuration),
          hep: hep(configuration.fetch(:hep))
        }
      end

      private

      # How long a connection may take that is opened for a response and so for no profile: as the default one has it.
      def opening(profiles)
        profile = profiles.fetch(ProxiesConfig::DEFAULT_PROFILE) { ProxiesConfig.defaults }
        profile.slice(:connect_timeout, :tls_handshake_timeout)
      end

      def core(core)
        { nameservers: core[:nameservers], **core.slice(*LIMITS) }
      end

      def sip(sip)
        {
          advertised_ipv4: sip[:advertised_ipv4], advertised_ipv6: sip[:advertised_ipv6],
          local_domains: sip[:local_domains] || [],
          flow_token_key: sip[:flow_token_key],
          accept_unsigned_flow_tokens: sip[:accept_unsigned_flow_tokens],
          require_own_route: sip[:require_own_route],
          max_body_size: sip[:max_body_size],
          tcp_keepalive_interval: sip[:tcp_keepalive_interval],
          sending: sip[:loopback_by_default]
        }
      end

      def websocket(websocket)
        {
          advertised_ipv4: websocket[:advertised_ipv4], advertised_ipv6: websocket[:advertised_ipv6],
          max_frame_size: websocket[:max_ws_frame_size], max_message_size: websocket[:max_ws_message_size],
          keepalive_interval: websocket[:ws_keepalive_interval]
        }
      end

      # nil: no call is kept.
      def trace(trace)
        trace.slice(:calls, :bytes, :sample) if trace[:enabled]
      end

      # @return [Boolean] whether somebody may look at figures
      def metrics?(configuration)
        configuration.dig(:core, :control_socket) != false || Listeners.metrics(configuration).any?
      end

      # @return [Hash, nil] nil when there is no collector
      def hep(hep)
        hep.slice(:collectors, :capture_id, :password) if hep[:collectors]&.any?
      end

      def tls(configuration)
        sip, websocket = configuration.values_at(:sip, :websocket)
        {
          tls: tls_identity(configuration.fetch(:tls)),
          client_certificates: client_certificates(sip, ask: true),
          websocket_client_certificates: client_certificates(websocket, ask: websocket[:ask_client_certificate]),
          tls_hostname_ipv4: sip[:record_route_hostname_tls_ipv4],
          tls_hostname_ipv6: sip[:record_route_hostname_tls_ipv6]
        }
      end

      # The files are read here with the rights of the start, and at HUP by {TLS.renew}.
      def tls_identity(tls)
        TLS.load(tls) if tls.values_at(:public_cert, :private_cert).all?
      end

      # Behind a proxy that ended TLS there were neither certificates nor the callback.
      def client_certificates(section, ask:)
        return :ignored if section[:use_tls_tunnel]
        return ask ? :reported : :unasked if section[:callback_on_client_tls_handshake]

        ask ? :asked : :ignored
      end
    end
  end
end
