# frozen_string_literal: true

# server.rb: the routing logic. HUP makes a running server evaluate it again.
#
# This server is an edge proxy in front of one SIP server, the home server. Requests of clients go to the home server.
# Requests of the home server go to their Request-URI, or over the flow of the client that their Route names. The home server
# decides who may register and who may call: it has to authenticate clients. docs/events.md has all events, `rake doc` the
# classes.
#
# The home server has to store the Path of registrations (RFC 3327), also for clients that do not support it. In Kamailio:
#   modparam("registrar", "use_path", 1)
#   modparam("registrar", "path_mode", 0)
#
# These can make this server send a request to any address (see docs/security.md):
# - The home server. It is recognised by its address, port and transport, so it has to send over the transport below, from
#   its listening port. This is usual over UDP; over TCP and TLS it is a setting (Kamailio: tcp_reuse_port=yes). Other
#   programs on its machine are ordinary clients, as long as the home server has that port.
# - The parties of a call, within that call: their requests go to the Request-URI. Other in-dialog requests get 403 from the
#   server itself, before on_request, because of `require_own_route` in oversip.conf.
# - A sender that forges the home server's address in a datagram: UDP does not prove the sender. If the home server is on
#   another machine, the network between has to filter forged addresses.

# The home server: IP address, port and transport (:udp, :tcp or :tls). Large requests use this transport too, in both
# directions. A peer with the same port of another transport is not the home server.
HOME_SERVER = ["127.0.0.1", 5070, :udp].freeze unless defined?(HOME_SERVER)

module OverSIP
  module SystemEvents
    def self.on_started
      log_notice "ready, the home server is #{HOME_SERVER.first(2).join(":")}"
    end

    # USR1. (HUP reads the files again.)
    def self.on_user_reload
      log_notice OverSIP.stats
    end
  end

  module SipEvents
    class << self
      def on_request(request)
        # Replies 483 itself when Max-Forwards is 0.
        return unless request.check_max_forwards(10)

        # Clients behind NAT: responses and later requests have to use the way of this request.
        request.fix_nat unless from_home?(request)

        if request.in_dialog?
          within_dialog(request)
        elsif request.sip_method == :ACK
          nil # to a response of another element
        elsif request.sip_method == :OPTIONS && !request.ruri.user
          request.reply 200 # a check whether this server is available
        else
          initial(request)
        end
      end

      private

      # Other programs on that machine have its address too, and UDP and TCP have separate ports.
      def from_home?(request)
        HOME_SERVER == [request.source_ip, request.source_port, request.transport]
      end

      def within_dialog(request)
        if request.loose_route
          proxy(request).route(request)
        elsif request.sip_method != :ACK
          request.reply 404, "In-dialog Request without Route to Here"
        end
      end

      def initial(request)
        request.loose_route # removes our own Route, and finds the client's flow in it
        return proxy(request).route(request) if from_home?(request)

        # A client's Route behind ours would make the home server forward the request. (Clients with a Service-Route from the
        # home server need it: then the home server has to check it.)
        request.delete_header("Route")
        proxy(request).route(request, *HOME_SERVER)
      end

      def proxy(request)
        proxy = OverSIP::SIP::Proxy.new(:default_proxy)
        proxy.on_error do |status, reason, code|
          log_warn "#{request.sip_method} #{request.ruri}: #{status} #{reason} (#{code})"
        end
        proxy
      end
    end
  end
end
