# frozen_string_literal: true

# A small relay: initial requests go to RELAY_TARGET (host:port or tcp:host:port, 127.0.0.1:5090 if it is not set), requests
# inside a dialog follow their Route headers. Requests for the user "failover" try RELAY_FIRST_TARGET before
# (tcp:127.0.0.1:5091), where nobody should listen. Every block logs and counts what it sees; USR1 prints the counts.

module Relay
  extend OverSIP::Logger

  # HUP evaluates this file again: Ruby warns of a constant that is set once more.
  ADDRESS = /\A(?:(?<transport>udp|tcp):)?(?:\[(?<ipv6>.+)\]|(?<host>[^:]+)):(?<port>\d+)\z/ unless const_defined?(:ADDRESS)

  @counts ||= Hash.new(0)

  class << self
    attr_reader :counts

    # Logs an event and counts it.
    def note(event, details)
      @counts[event] += 1
      log_info "#{event}: #{details}"
    end

    # @return [Array] host, port and transport; nil leaves the transport to the request
    def destination(variable, default)
      text = ENV.fetch(variable, default)
      address = ADDRESS.match(text) or raise OverSIP::ConfigurationError, "#{variable} must be host:port, not #{text}"
      [address[:ipv6] || address[:host], address[:port].to_i, address[:transport]&.to_sym]
    end

    def target
      @target ||= destination("RELAY_TARGET", "127.0.0.1:5090")
    end

    # TCP says at once that nobody listens there.
    def first_target
      @first_target ||= destination("RELAY_FIRST_TARGET", "tcp:127.0.0.1:5091")
    end

    def proxy_for(request)
      proxy = OverSIP::SIP::Proxy.new(:default_proxy)
      proxy.on_target { |target| note "on_target", "#{request.sip_method} to #{target}" }
      proxy.on_provisional_response { |response| note "on_provisional_response", line(response, request) }
      proxy.on_success_response { |response| note "on_success_response", line(response, request) }
      proxy.on_failure_response { |response| note "on_failure_response", line(response, request) }
      proxy.on_canceled { note "on_canceled", request.sip_method }
      proxy.on_invite_timeout { note "on_invite_timeout", request.sip_method }
      proxy.on_error { |status, reason, code| note "on_error", "#{status} #{reason} (#{code}) to #{request.sip_method}" }
      proxy
    end

    # Tries the first destination; when the request could not be sent there, the second.
    def route_with_failover(request)
      proxy = proxy_for(request)
      proxy.on_error do
        proxy.drop_response
        note "failover", "#{request.sip_method} goes to the next destination"
        proxy_for(request).route(request, *target)
      end
      proxy.route(request, *first_target)
    end

    private

    def line(response, request)
      "#{response.status_code} #{response.reason_phrase} to #{request.sip_method}"
    end
  end
end

module OverSIP
  module SystemEvents
    def self.on_started
      log_info "relaying to #{Relay.target.first}:#{Relay.target[1]}"
    end

    def self.on_user_reload
      Relay.counts.each { |event, count| log_info "#{event}: #{count}" }
      OverSIP.stats.each { |name, count| log_info "#{name}: #{count}" }
    end
  end

  module SipEvents
    def self.on_request(request)
      Relay.note "on_request", "#{request.sip_method} #{request.ruri} from #{request.source_ip}:#{request.source_port}"

      # Replies 483 itself when the request has come too far.
      return unless request.check_max_forwards(10)

      if request.in_dialog?
        # Only for dialogs that came by here: this is no relay for everybody.
        if request.loose_route && request.own_route?
          Relay.proxy_for(request).route(request)
        elsif request.sip_method != :ACK
          Relay.note "refused", "#{request.sip_method} without the Record-Route of its dialog as Route"
          request.reply 404, "In-dialog Request without Route to Here"
        end
      elsif request.sip_method == :ACK
        nil # for a response that nobody here has sent
      elsif request.ruri.user == "failover"
        Relay.route_with_failover(request)
      else
        Relay.proxy_for(request).route(request, *Relay.target)
      end
    end
  end
end
