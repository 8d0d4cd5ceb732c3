# frozen_string_literal: true

# server.rb: what happens to requests. HUP makes a running server evaluate it again.
#
# As it stands, this server is an edge in front of one SIP server, home: what clients send goes there, what comes from there
# goes where its Request-URI says, or over the flow of the client that its Route names. Who may register and who may call
# whom is home's business: it has to ask clients for passwords. docs/events.md has all events, `rake doc` the classes.
#
# Home has to keep the Path of registrations (RFC 3327), for clients that know nothing of it as well. For Kamailio that is
#   modparam("registrar", "use_path", 1)
#   modparam("registrar", "path_mode", 0)
#
# Who can have this server send a request to an address of his choice, and who cannot (docs/security.md says more):
# - Home can. It is known by its address, port and transport, so it has to send by the transport below, from the port that it
#   listens on. Over UDP servers do; over TCP and TLS they have to be told (Kamailio: tcp_reuse_port=yes). Other programs on
#   home's machine are clients like any other, as long as home has that port.
# - Whoever takes part in a call can, within that call: its requests go where their Request-URI says. All others get 403 from
#   the server itself, before on_request, for `require_own_route` stands in oversip.conf.
# - Whoever can write home's address into a datagram can: nothing in UDP proves who has sent it. Where home is on another
#   machine, the network in between has to see to it that nobody else uses that address.

# The SIP server behind this one: IP address, port and transport (:udp, :tcp or :tls), which large requests go by as well, in
# both directions: whoever has the port of home by another transport is not home.
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
        # Replies 483 itself when the request has come too far.
        return unless request.check_max_forwards(10)

        # Clients behind NAT: responses and later requests have to come back the way this one came.
        request.fix_nat unless from_home?(request)

        if request.in_dialog?
          within_dialog(request)
        elsif request.sip_method == :ACK
          nil # for a response that nobody here has sent
        elsif request.sip_method == :OPTIONS && !request.ruri.user
          request.reply 200 # somebody wants to know whether we are there
        else
          initial(request)
        end
      end

      private

      # Any program on home's machine has its address, and a port of UDP is another one than that of TCP.
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
        request.loose_route # takes our own Route away, and finds the flow of a client that it names
        return proxy(request).route(request) if from_home?(request)

        # What a client has put behind our Route would lead home on to somebody else. (Clients that got a Service-Route from
        # home need it: then home has to look at it.)
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
