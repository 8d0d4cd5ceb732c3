# frozen_string_literal: true

# An edge proxy in the manner of the scripts that people have for OverSIP 2: NAT, Max-Forwards, loose routing, Outbound clients,
# registrations with flow mangling and assertion of users, certificates of clients and servers, methods that are not for it.
# HOME is the port of the registrar and proxy behind it.

module Edge
  unless defined?(HOME)
    HOME = ["127.0.0.1", Integer(ENV.fetch("HOME_PORT")), ENV.fetch("HOME_TRANSPORT", "udp").to_sym].freeze
  end
  unless defined?(ALLOWED)
    ALLOWED = %w[INVITE ACK CANCEL BYE OPTIONS MESSAGE SUBSCRIBE NOTIFY PUBLISH REFER INFO UPDATE REGISTER PRACK].freeze
  end
  FRIENDS = %w[friend.example].freeze unless defined?(FRIENDS)
end

module OverSIP
  module SystemEvents
    def self.on_initialize
      log_info "on_initialize"
    end

    def self.on_started
      log_notice "on_started"
    end

    def self.on_user_reload
      log_notice "on_user_reload"
    end

    def self.on_terminated(error)
      log_notice "on_terminated #{error}"
    end
  end

  module SipEvents
    def self.on_request(request)
      log_info "#{request.log_id}: #{request.sip_method} #{request.ruri} (#{request.transport}) #{request.source_ip}:#{request.source_port}"

      return unless request.check_max_forwards(10)

      # A client whose Via names another address than the one it sends from.
      unless request.via_sent_by_host == request.source_ip && (request.via_sent_by_port || 5060) == request.source_port
        request.fix_nat
      end

      if request.initial?
        initial_request(request)
      else
        in_dialog_request(request)
      end
    end

    def self.initial_request(request)
      # Our own Route goes away; whose flow it names is found here.
      request.loose_route

      case request.sip_method
      when :INVITE, :MESSAGE, :OPTIONS, :SUBSCRIBE, :NOTIFY, :PUBLISH, :REFER, :INFO, :UPDATE
        outgoing(request)
      when :REGISTER
        register(request)
      when :ACK
        nil
      when :BYE, :PRACK
        request.reply 403, "Forbidden Initial Request"
      else
        request.reply 405, "Method Not Allowed", ["Allow: #{Edge::ALLOWED.join(", ")}"]
      end
    end

    def self.outgoing(request)
      from_home = request.source_port == Edge::HOME[1]
      proxy = Proxy.create(from_home ? :proxy_in : :proxy_out, request)

      if from_home
        # A client that was registered with its flow in the Contact.
        M::OutboundMangling.extract_outbound_from_ruri(request)
        return proxy.route(request)
      end

      M::UserAssertion.add_pai(request)
      return proxy.route(request) if request.ruri.user == "friend"

      proxy.route(request, *Edge::HOME)
    end

    def self.register(request)
      proxy = Proxy.create(:proxy_out, request)
      # Outbound clients (RFC 5626) get a Path; the others' flow travels in their Contact.
      unless request.outgoing_outbound_requested? && request.contact_reg_id?
        M::OutboundMangling.add_outbound_to_contact(proxy)
      end
      proxy.on_success_response do |_response|
        M::UserAssertion.assert_connection(request) unless request.contact.nil?
      end
      proxy.on_failure_response { |_response| M::UserAssertion.revoke_assertion(request) }
      proxy.route(request, *Edge::HOME)
    end

    def self.in_dialog_request(request)
      if request.loose_route
        Proxy.create(:proxy_in_dialog, request).route(request)
      elsif request.sip_method != :ACK
        request.reply 403, "Forbidden Request without Route to Here"
      end
    end

    # Proxy objects that say what they see.
    module Proxy
      extend OverSIP::Logger

      def self.create(profile, request)
        proxy = OverSIP::SIP::Proxy.new(profile)
        proxy.on_provisional_response { |response| log_info "#{response.status_code} #{response.reason_phrase} to #{request.sip_method}" }
        proxy.on_success_response { |response| log_info "#{response.status_code} #{response.reason_phrase} to #{request.sip_method}" }
        proxy.on_failure_response { |response| log_info "#{response.status_code} #{response.reason_phrase} to #{request.sip_method}" }
        proxy.on_error { |status, reason, code| log_notice "#{request.sip_method}: #{status} #{reason} (#{code})" }
        proxy.on_invite_timeout { log_notice "INVITE timeout" }
        proxy
      end
    end

    def self.on_client_tls_handshake(connection, pems)
      judge("client", connection, pems) { true }
    end

    def self.on_server_tls_handshake(connection, pems)
      judge("server", connection, pems) { |identities| identities.intersect?(Edge::FRIENDS) }
    end

    def self.judge(kind, connection, pems)
      cert, validated, _code, reason = TLS.validate(pems)
      identities = TLS.get_sip_identities(cert)
      if validated && yield(identities)
        log_info "#{kind} #{connection.remote_desc} is #{identities.join(", ")}"
      elsif validated
        log_notice "#{kind} #{connection.remote_desc} is only #{identities.join(", ")}"
        connection.close
      elsif cert.nil? && kind == "client"
        log_info "client without certificate"
      else
        log_notice "#{kind} #{connection.remote_desc}: #{reason}"
        connection.close
      end
    end
  end

  module WebSocketEvents
    def self.on_connection(connection, http_request)
      connection.cvars[:origin] = http_request.hdr_origin
      return connection.http_reject(403) unless http_request.hdr_origin == "https://example.net"

      log_info "WebSocket of #{http_request.hdr_origin} from #{connection.remote_desc}"
    end

    def self.on_disconnection(connection, client_closed)
      log_info "WebSocket of #{connection.cvars[:origin]} closed by the client: #{client_closed}"
    end
  end
end
