# frozen_string_literal: true

# Documentation of the classes that are written in Rust, for YARD. Never loaded.
module OverSIP
  module SIP
    # What {Proxy} and {Uac} have in common: blocks for what happens to a request, and the choice of its targets.
    #
    # Any number of blocks may be given for each event; they run in their order on the dispatcher, each event's in a Fiber of
    # its own. An error in a block is logged and the next one runs. Blocks may add and clear blocks.
    class Client
      include Logger

      # @param profile [Symbol, String] a profile of proxies.conf
      # @raise [OverSIP::RuntimeError] there is no such profile
      def initialize(profile = :default_proxy); end

      # For responses 101 to 199.
      # @yieldparam response [Response]
      def on_provisional_response(&block); end

      # For responses 200 to 299.
      # @yieldparam response [Response]
      def on_success_response(&block); end

      # For responses 300 to 699.
      # @yieldparam response [Response]
      def on_failure_response(&block); end

      # For the CANCEL of the caller. The library has answered it and cancels the request by itself.
      def on_canceled(&block); end

      # For an INVITE without a final response when Timer C ends. The caller gets 408.
      def on_invite_timeout(&block); end

      # For a request that could not be sent, or that nobody answered.
      # @yieldparam status_code [Integer] what the caller gets
      # @yieldparam reason_phrase [String]
      # @yieldparam code [Symbol] :client_timeout, :connection_error, :tls_validation_failed, :flow_failed, :no_dns_resolution,
      #   :unsupported_uri_scheme, :unsupported_transport, :no_ipv4, :no_ipv6, :no_dns, :destination_aborted,
      #   :destination_blacklisted or :service_unavailable
      def on_error(&block); end

      # Before the request is sent to a target. What the block changes in the request is sent. Not for a request that goes
      # over a connection which its client has opened (RFC 5626).
      # @yieldparam target [RFC3263::Target]
      def on_target(&block); end

      # Forgets the blocks of one event.
      def clear_on_provisional_response; end
      # (see #clear_on_provisional_response)
      def clear_on_success_response; end
      # (see #clear_on_provisional_response)
      def clear_on_failure_response; end
      # (see #clear_on_provisional_response)
      def clear_on_canceled; end
      # (see #clear_on_provisional_response)
      def clear_on_invite_timeout; end
      # (see #clear_on_provisional_response)
      def clear_on_error; end
      # (see #clear_on_provisional_response)
      def clear_on_target; end

      # Forgets all blocks.
      def clear_callbacks; end

      # In a block of {#on_target}: the request goes nowhere, `on_error` gets 403 "Destination Aborted".
      def abort_routing; end

      # In a block of {#on_target}: later requests to the same transport, address and port are not sent; `on_error` gets this
      # instead, with the code :destination_blacklisted, or the next target is tried. The present request goes on, unless
      # {#abort_routing} is called as well. Given again, it replaces what was said before, its time included. Works with
      # `use_blacklist` off too, which is about entries that the library makes by itself.
      # @param timeout [#to_i, nil] whole seconds, 2 to 600; nil takes the profile's blacklist_time
      # @param status_code [Integer] 300 to 699
      # @param reason_phrase [String]
      # @return [Boolean] false when there is no target
      # @raise [OverSIP::RuntimeError] the time or the status is out of range
      # @raise [TypeError] the time is nothing that has seconds
      def add_target_to_blacklist(timeout = nil, status_code = 403, reason_phrase = "Destination Blacklisted"); end

      # @return [Request, UacRequest, nil] what `route` was last given
      def request; end

      # @return [RFC3263::Target, nil] the target in use, or the last one; nil before the first and for requests that only went
      #   over a connection which its client has opened
      def current_target; end
    end

    # Forwards a request that came from the network, and its responses back (RFC 3261 16).
    class Proxy < Client
      # Sends the request to a host, or where its Route or its Request-URI says. Returns at once; blocks tell the rest.
      # @param request [Request]
      # @param dst_host [String, nil] a name or an address
      # @param dst_port [Integer, nil]
      # @param dst_transport [Symbol, nil] :udp or :tcp
      # @raise [OverSIP::RuntimeError] this is no Request, or nothing is started
      def route(request, dst_host = nil, dst_port = nil, dst_transport = nil); end

      # In a block: the response of this event does not go to the caller. Elsewhere: the next one does not.
      # @param response [Response, nil] a failure whose early dialog ends: a caller that supports it gets 199 (RFC 6228)
      def drop_response(response = nil); end
    end

    # Sends requests of its own.
    class Uac < Client
      # Sends the request to a host, or where its Request-URI says. Returns at once; blocks tell the rest.
      # @param request [UacRequest, Request]
      # @param dst_host [String, nil] a name or an address
      # @param dst_port [Integer, nil]
      # @param dst_transport [Symbol, nil] :udp or :tcp
      # @raise [OverSIP::RuntimeError] this is no request, or nothing is started
      def route(request, dst_host = nil, dst_port = nil, dst_transport = nil); end

      # Gives up the INVITE that is on its way: sends CANCEL (RFC 3261 9.1).
      def cancel; end
    end
  end
end
