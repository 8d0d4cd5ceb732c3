# frozen_string_literal: true

require "oversip/config/collector_address"
require "oversip/config/parameter"
require "oversip/seconds"

module OverSIP
  module Config
    # The parameters of oversip.conf, section by section, in the order in which they are checked and printed.
    #
    # @api private
    SCHEMA = begin
      parameter = Parameter.method(:new)
      index = ->(*list) { list.to_h { |entry| [entry.name, entry] }.freeze }

      addresses = [
        parameter.call(:enable_ipv4, true, :boolean),
        parameter.call(:listen_ipv4, nil, :ipv4),
        parameter.call(:advertised_ipv4, nil, :ipv4),
        parameter.call(:enable_ipv6, true, :boolean),
        parameter.call(:listen_ipv6, nil, :ipv6),
        parameter.call(:advertised_ipv6, nil, :ipv6)
      ]

      core = index.call(
        parameter.call(:nameservers, nil, :nameserver, list: true),
        parameter.call(:syslog_facility, "user",
                       { choices: %w[kern user daemon local0 local1 local2 local3 local4 local5 local6 local7] }),
        parameter.call(:syslog_level, "info", { choices: Logger::THRESHOLDS }),
        parameter.call(:log_format, "text", { choices: Logger::FORMATS }),
        parameter.call(:product, nil, :header_text),
        parameter.call(:control_socket, nil, :socket_path),
        parameter.call(:error_details_on_wire, false, :boolean),
        parameter.call(:termination_grace_time, 0, :fixnum, { greater_equal_than: 0, minor_equal_than: Seconds::MOST }),
        parameter.call(:callback_warning_time, 5, :fixnum, { greater_equal_than: 0 }),
        parameter.call(:await_threads, 16, :fixnum, { greater_equal_than: 1, minor_equal_than: 1_024 }),
        parameter.call(:await_queue, 1_000, :fixnum, { greater_equal_than: 1 }),
        parameter.call(:fiber_scheduler, false, :boolean),
        parameter.call(:max_queued_requests, 10_000, :fixnum, { greater_equal_than: 1 }),
        parameter.call(:max_queued_bytes, 64 * 1024 * 1024, :fixnum, { greater_equal_than: 1 }),
        parameter.call(:max_queued_acks, 5_000, :fixnum, { greater_equal_than: 1 }),
        parameter.call(:max_queued_ack_bytes, 16 * 1024 * 1024, :fixnum, { greater_equal_than: 1 }),
        parameter.call(:max_client_responses, 64, :fixnum, { greater_equal_than: 1 }),
        parameter.call(:max_client_bytes, 1024 * 1024, :fixnum, { greater_equal_than: 1 }),
        parameter.call(:max_response_bytes, 64 * 1024 * 1024, :fixnum, { greater_equal_than: 1 }),
        parameter.call(:max_outgoing_bytes, 256 * 1024 * 1024, :fixnum, { greater_equal_than: 1 }),
        parameter.call(:max_transactions, 200_000, :fixnum, { greater_equal_than: 1 }),
        parameter.call(:max_like_records, 100, :fixnum, { greater_equal_than: 0 })
      )

      sip = index.call(
        parameter.call(:sip_udp, true, :boolean),
        parameter.call(:sip_tcp, true, :boolean),
        parameter.call(:sip_tls, false, :boolean),
        *addresses,
        parameter.call(:listen_port, 5060, :port),
        parameter.call(:listen_port_tls, 5061, :port),
        parameter.call(:use_tls_tunnel, false, :boolean),
        parameter.call(:listen_port_tls_tunnel, nil, :port),
        parameter.call(:callback_on_client_tls_handshake, true, :boolean),
        parameter.call(:local_domains, nil, :domain, list: true),
        parameter.call(:tcp_keepalive_interval, nil, :fixnum, { greater_equal_than: 180 }),
        parameter.call(:record_route_hostname_tls_ipv4, nil, :domain),
        parameter.call(:record_route_hostname_tls_ipv6, nil, :domain),
        parameter.call(:flow_token_key, nil, { min_bytes: 16 }),
        parameter.call(:accept_unsigned_flow_tokens, false, :boolean),
        parameter.call(:require_own_route, false, :boolean),
        parameter.call(:max_body_size, 1024 * 1024, :fixnum, { greater_equal_than: 1 })
      )

      websocket = index.call(
        parameter.call(:sip_ws, false, :boolean),
        parameter.call(:sip_wss, false, :boolean),
        *addresses,
        parameter.call(:listen_port, 10_080, :port),
        parameter.call(:listen_port_tls, 10_443, :port),
        parameter.call(:use_tls_tunnel, false, :boolean),
        parameter.call(:listen_port_tls_tunnel, nil, :port),
        parameter.call(:callback_on_client_tls_handshake, true, :boolean),
        parameter.call(:ask_client_certificate, false, :boolean),
        parameter.call(:max_ws_message_size, 65_536, :fixnum, { greater_equal_than: 125, minor_than: 1_048_576 }),
        parameter.call(:max_ws_frame_size, 65_536, :fixnum, { greater_equal_than: 125, minor_than: 1_048_576 }),
        parameter.call(:ws_keepalive_interval, nil, :fixnum, { greater_equal_than: 180 })
      )

      tls = index.call(
        parameter.call(:public_cert, nil, :readable_file, :tls_pem_chain),
        parameter.call(:private_cert, nil, :readable_file, :tls_pem_private),
        parameter.call(:ca_dir, nil, :readable_dir)
      )

      trace = index.call(
        parameter.call(:enabled, nil, :boolean),
        parameter.call(:calls, 1_000, :fixnum, { greater_equal_than: 1 }),
        parameter.call(:bytes, 16 * 1024 * 1024, :fixnum,
                       { greater_equal_than: 64 * 1024, minor_equal_than: (16 * 1024 * 1024 * 1024) }),
        parameter.call(:sample, 1.0, :number, { greater_equal_than: 0, minor_equal_than: 1 })
      )

      metrics = index.call(
        parameter.call(:listen, nil, :http_address, list: true),
        parameter.call(:calls_page, false, :boolean),
        parameter.call(:token, nil, { min_bytes: 16 }),
        parameter.call(:token_file, nil, :readable_file),
        parameter.call(:hosts, nil, :domain, list: true)
      )

      hep = index.call(
        parameter.call(:collectors, nil, :hep_collector, list: true, identity: CollectorAddress.method(:identity)),
        parameter.call(:capture_id, 2001, :fixnum, { greater_equal_than: 0, minor_equal_than: (2**32) - 1 }),
        parameter.call(:password, nil, { min_bytes: 1 })
      )

      { core: core, sip: sip, websocket: websocket, tls: tls, trace: trace, metrics: metrics, hep: hep }.freeze
    end
  end
end
