# frozen_string_literal: true

# server.rb: what happens to requests. HUP makes a running server evaluate it again.
#
# As it stands, this server is an edge in front of one SIP server: what clients send goes there, what comes from there goes
# where its Request-URI says. docs/events.md has all events, `rake doc` the classes.

# The SIP server behind this one: its IP address and port.
HOME_SERVER = ["127.0.0.1", 5070].freeze unless defined?(HOME_SERVER)

module OverSIP
  module SystemEvents
    def self.on_started
      log_notice "ready, the home server is #{HOME_SERVER.join(":")}"
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

      def from_home?(request)
        request.source_ip == HOME_SERVER.first
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
        if from_home?(request)
          proxy(request).route(request)
        else
          proxy(request).route(request, *HOME_SERVER)
        end
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
