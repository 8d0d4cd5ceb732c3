# frozen_string_literal: true

# Documentation of the classes that are written in Rust, for YARD. Never loaded.
module OverSIP
  module SIP
    # What {Proxy} and {Uac} have in common: blocks for what happens to a request, and the choice of its targets.
    #
    # Any number of blocks may be given for each event; they run in their order on the dispatcher, each event's in a Fiber of
    # its own. An error in a block is logged and the next one runs. Blocks may add and clear blocks, also of the event that is
    # being told. Without a block for an event nothing of Ruby runs for it.
    #
    # A Client may have several requests under way. In a block, {#request}, {#current_target}, {#abort_routing}, `drop_response`
    # and `cancel` mean the request of the event; that holds for a Fiber that the block suspends or makes, and not for a Thread
    # that it starts.
    #
    # Subclasses may override methods and call `super`; their `initialize` has to.
    #
    # @example
    #   proxy = OverSIP::SIP::Proxy.new
    #   proxy.on_target { |target| log_info "trying #{target}" }
    #   proxy.on_success_response { |response| log_info "answered by #{response.contact}" }
    #   proxy.on_error { |status, reason, code| log_warn "#{status} #{reason} (#{code})" }
    #   proxy.route request
    class Client
      include Logger

      # @param profile [Symbol, String] a profile of proxies.conf
      # @raise [OverSIP::RuntimeError] there is no such profile
      def initialize(profile = :default_proxy); end

      # For responses 101 to 199. Those of a request other than INVITE go no further (RFC 4320).
      # @example
      #   proxy.on_provisional_response { |response| log_info "ringing" if response.status_code == 180 }
      # @yieldparam response [Response]
      def on_provisional_response(&block); end

      # For responses 200 to 299. A repeated one does not run it again, one of another callee (with a new To tag) does.
      # @example The client is told another name
      #   proxy.on_success_response { |response| response.set_header "Server", "Example" }
      # @yieldparam response [Response]
      def on_success_response(&block); end

      # For responses 300 to 699. A 503 leads to the next target first, if the profile says so. Not after CANCEL, when a Proxy
      # passes on what comes without a word.
      # @example Another destination for a busy callee
      #   proxy.on_failure_response do |response|
      #     next unless response.status_code == 486
      #     proxy.drop_response
      #     OverSIP::SIP::Proxy.new.route request, "voicemail.example.net"
      #   end
      # @yieldparam response [Response]
      def on_failure_response(&block); end

      # For the CANCEL of the caller, which the library has answered; it cancels the request by itself. For {Uac#cancel} of an
      # INVITE. Once for each request; its outcome is told after it.
      def on_canceled(&block); end

      # For an INVITE without a final response when Timer C ends. The caller gets 408, unless the block drops that; the callee
      # gets CANCEL. A 2xx that comes nevertheless runs {#on_success_response}.
      def on_invite_timeout(&block); end

      # For a request that could not be sent, or that nobody answered. `docs/client.md` lists all errors.
      # @example
      #   proxy.on_error do |status, reason, code|
      #     log_warn "no way to #{request.ruri}: #{status} #{reason}" unless code == :destination_aborted
      #   end
      # @yieldparam status_code [Integer] what the caller gets
      # @yieldparam reason_phrase [String]
      # @yieldparam code [Symbol] :client_timeout, :connection_error, :tls_validation_failed, :message_too_large, :flow_failed,
      #   :no_dns_resolution, :unsupported_uri_scheme, :unsupported_transport, :no_ipv4, :no_ipv6, :no_dns, :invalid_maddr,
      #   :no_unicast, :destination_aborted, :destination_blacklisted, :canceled or :service_unavailable
      def on_error(&block); end

      # Before the request is sent to a target. What the block changes in the request is sent. Not for a request that goes
      # over a connection which its client has opened (RFC 5626), nor for one that goes out again after a challenge.
      # @example
      #   proxy.on_target { |target| proxy.abort_routing if target.ip.start_with?("10.") }
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

      # In a block of {#on_target}: the request goes nowhere, `on_error` gets 403 "Destination Aborted". In other blocks no further
      # target is tried for the request of the event, or for its next `route` in that block. Outside of blocks it does the same
      # for requests that wait, else for the next target that is chosen.
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

      # @return [Request, UacRequest, nil] in a block the request of its event, elsewhere what `route` was last given
      def request; end

      # @return [RFC3263::Target, nil] in a block the target in use for the request of its event, or the last one; elsewhere the
      #   last one of all requests. nil before the first and for requests that only went over a connection which its client has
      #   opened
      def current_target; end
    end

    # Forwards a request that came from the network, and its responses back (RFC 3261 16).
    #
    # @example A second destination
    #   first = OverSIP::SIP::Proxy.new
    #   first.on_error do
    #     first.drop_response
    #     OverSIP::SIP::Proxy.new.route request, "backup.example.net"
    #   end
    #   first.route request, "primary.example.net"
    class Proxy < Client
      # Sends the request to a host, or where its Route or its Request-URI says. Returns at once; blocks tell the rest.
      #
      # A request without hops left is answered 483 without a block. A second `route` of the same request gives up what this
      # Proxy has pending for it; after that has failed it simply goes on elsewhere. Another Proxy makes one more branch, see
      # `docs/client.md`. In blocks that route inside of each other, 32 deep, a further one is not sent: the request is
      # answered 500, and a record says so.
      # @param request [Request]
      # @param dst_host [String, nil] a name or an address; it goes before Route and Request-URI, and before a flow
      # @param dst_port [Integer, nil]
      # @param dst_transport [Symbol, nil] :udp, :tcp or :tls; without it a request whose Request-URI is a sips URI goes by TLS
      # @raise [OverSIP::RuntimeError] this is no Request, or nothing is started
      def route(request, dst_host = nil, dst_port = nil, dst_transport = nil); end

      # Sends the request like {#route} and waits until this route has ended: all blocks run, and the final response goes to the
      # caller unless a block drops it. In a block its Fiber is suspended meanwhile, so that other events run. Under a Fiber
      # scheduler the Fiber waits, elsewhere the thread.
      #
      # When the time is up, and when the wait is ended by an exception, the request is given up: an INVITE is cancelled and a
      # 2xx that comes all the same goes to the caller. The caller has no answer by that alone: the script replies, or routes
      # the request once more.
      #
      # @example One destination after the other
      #   %w[gw1.example.net gw2.example.net].each do |gateway|
      #     proxy = OverSIP::SIP::Proxy.new
      #     proxy.on_failure_response { proxy.drop_response } unless gateway == "gw2.example.net"
      #     break if proxy.call(request, gateway).status_code < 300
      #   end
      # @param request [Request] any but an ACK
      # @param dst_host [String, nil] a name or an address; it goes before Route and Request-URI, and before a flow
      # @param dst_port [Integer, nil]
      # @param dst_transport [Symbol, nil] :udp, :tcp or :tls; without it a request whose Request-URI is a sips URI goes by TLS
      # @param timeout [Numeric, nil] seconds; nil waits as long as the transaction does
      # @return [Response] the final response as it came, whatever its status; 500 in place of a 503 that leads to no other target
      # @raise [ClientError] there was none, after `on_error`, `on_invite_timeout` or `on_canceled` has run: what `on_error` is told, or
      #   408 :call_timeout, 408 :invite_timeout (Timer C), 483 :too_many_hops, 487 :canceled (by the caller, by {#cancel}, by
      #   another {#route} of the same request, or the request was answered before), 500 :internal_error (a defect of this library)
      # @raise [StoppedError] OverSIP has ended meanwhile
      # @raise [OverSIP::RuntimeError] this is no Request, or an ACK; nothing is started; the Fiber is one that the script or a library
      #   has made in a block; too many blocks wait
      def call(request, dst_host = nil, dst_port = nil, dst_transport = nil, timeout: nil); end

      # Gives up what this Proxy has pending, in a block for the request of its event: sends CANCEL for an INVITE, as soon as a
      # provisional response has come, and tries no further target. The caller gets no reply by this alone: the 487 of the
      # callee runs {#on_failure_response} and goes to the caller, unless that drops it; where nothing was sent, {#on_error} gets
      # 487 :canceled. A 2xx that crosses the CANCEL is a 2xx.
      # @example Voicemail after 20 seconds
      #   OverSIP.schedule(after: 20) { proxy.cancel }
      #   proxy.on_failure_response do |response|
      #     next unless response.status_code == 487
      #     proxy.drop_response response
      #     OverSIP::SIP::Proxy.new.route request, "voicemail.example.net"
      #   end
      # @return [nil]
      # @raise [OverSIP::RuntimeError] nothing is started
      def cancel; end

      # In a block: the response of this event does not go to the caller. Elsewhere: the next one does not. The call that a 2xx
      # has begun is ended: the callee gets ACK and BYE.
      # @example
      #   proxy.on_failure_response { |response| proxy.drop_response response }
      # @param response [Response, nil] a failure whose early dialog ends: a caller that supports it gets 199 (RFC 6228)
      def drop_response(response = nil); end
    end

    # Sends requests of its own.
    #
    # A Uac may have several requests under way. A second {#route} or {#call} of the same request object cancels what it has
    # pending for that; a call that is accepted nevertheless is ended with BYE.
    #
    # @example A registration that waits for its answer
    #   uac = OverSIP::SIP::Uac.new(credentials: { username: "alice", password: "secret" })
    #   register = OverSIP::SIP::UacRequest.new({ sip_method: :REGISTER, ruri: "sip:example.net", from: "<sip:alice@example.net>",
    #                                             to: "<sip:alice@example.net>" },
    #                                           ["Contact: <sip:alice@192.0.2.1>", "Expires: 600"])
    #   response = uac.call(register, timeout: 10)
    #   puts "#{response.status_code} #{response.reason_phrase}"
    #
    # @example A call
    #   uac = OverSIP::SIP::Uac.new
    #   uac.on_success_response { |response| uac.ack response }
    #   uac.route invite
    class Uac < Client
      # @param profile [Symbol, String] a profile of proxies.conf
      # @param credentials [Hash, Array<Hash>, nil] see {#credentials=}
      # @raise [OverSIP::RuntimeError] there is no such profile
      # @raise [ArgumentError, TypeError] these are no credentials
      def initialize(profile = :default_proxy, credentials: nil); end

      # @return [Hash, Array<Hash>, nil] what was set; those of the profile are not shown
      def credentials; end

      # What a 401 or 407 is answered with (digest authentication, RFC 7616 and RFC 8760: MD5, SHA-256 and SHA-512-256, their
      # `-sess` forms, `qop` auth, auth-int or none). A request's own `credentials:` go before these, these before the
      # profile's `credentials`.
      #
      # The request goes once more to the same target, with the next CSeq number (`request.cseq` shows it) and a new branch;
      # no block runs for the 401 or 407. A realm that does not accept its answer is told to `on_failure_response`; one that
      # only finds the nonce stale is answered once more. Proxies and servers on the way are answered one after the other.
      #
      # @example
      #   uac.credentials = { username: "alice", password: "secret" }
      #   uac.credentials = [{ username: "alice", password: "secret", realm: "proxy.example.net" },
      #                      { username: "alice@example.com", password: "other", realm: "example.com" }]
      # @param credentials [Hash, Array<Hash>, nil] `:username`, `:password` and, unless they are for any, `:realm`
      # @raise [ArgumentError, TypeError] these are no credentials
      def credentials=(credentials); end

      # Sends the request to a host, or where its Request-URI says. Returns at once; blocks tell the rest.
      # @param request [UacRequest, Request]
      # @param dst_host [String, nil] a name or an address
      # @param dst_port [Integer, nil]
      # @param dst_transport [Symbol, nil] :udp, :tcp or :tls; without it a request whose Request-URI is a sips URI goes by TLS
      # @raise [OverSIP::RuntimeError] this is no request, or nothing is started
      def route(request, dst_host = nil, dst_port = nil, dst_transport = nil); end

      # Sends the request like {#route} and waits for its final response. In a block its Fiber is suspended meanwhile, so that
      # other events run. Under a Fiber scheduler the Fiber waits, elsewhere the thread. Blocks that are set run as well, before
      # this returns. A 2xx to an INVITE is acknowledged.
      #
      # When the time is up, and when the wait is ended by an exception or the thread is killed, the request is given up: an
      # INVITE is cancelled, and a 2xx that comes all the same is acknowledged and ended with BYE.
      #
      # @example
      #   begin
      #     response = uac.call(request, timeout: 5)
      #     puts response.status_code
      #   rescue OverSIP::SIP::ClientError => e
      #     puts "no answer: #{e.status} #{e.reason} (#{e.code})"
      #   end
      # @param request [UacRequest, Request] any but an ACK
      # @param dst_host [String, nil] a name or an address
      # @param dst_port [Integer, nil]
      # @param dst_transport [Symbol, nil] :udp, :tcp or :tls; without it a request whose Request-URI is a sips URI goes by TLS
      # @param timeout [Numeric, nil] seconds; nil waits as long as the transaction does
      # @return [Response] the final response, whatever its status
      # @raise [ClientError] there was none: what `on_error` would be told, or 408 :call_timeout, 408 :invite_timeout (Timer C),
      #   487 :canceled, 500 :internal_error (a defect of this library)
      # @raise [StoppedError] OverSIP has ended meanwhile
      # @raise [OverSIP::RuntimeError] this is no request, or an ACK; nothing is started; the Fiber is one that the script or a library
      #   has made in a block; too many blocks wait
      def call(request, dst_host = nil, dst_port = nil, dst_transport = nil, timeout: nil); end

      # Sends the ACK for a 2xx to this Uac's INVITE: to the Contact of the response, along the route that it recorded. When the
      # 2xx is repeated the ACK is sent again by itself. (Failures are acknowledged by the library.) It returns before the ACK is
      # sent; if that fails, a record in the log says why.
      #
      # @example An answer to the offer that the 2xx brought
      #   uac.on_success_response { |response| uac.ack response, body: answer_to(response.body) }
      # @param response [Response]
      # @param body [String, nil]
      # @param content_type [String] of the body
      # @return [true]
      # @raise [OverSIP::RuntimeError] the response is no 2xx to an INVITE
      def ack(response, body: nil, content_type: "application/sdp"); end

      # Gives up what is pending, in a block the request of its event, else all. For an INVITE `on_canceled` runs at once, and
      # CANCEL is sent as soon as a provisional response has come (RFC 3261 9.1). Its final response is told like any other, mostly
      # 487 to `on_failure_response`; a 2xx may have crossed the CANCEL and makes a call. Other requests cannot be cancelled once
      # they are sent: their answer is told.
      #
      # A request that has not left is not sent, no further target is tried, and `on_error` gets 487 :canceled. After the final
      # response this does nothing.
      def cancel; end
    end
  end
end
