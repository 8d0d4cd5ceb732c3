# frozen_string_literal: true

# Documentation of the classes that are written in Rust, for YARD. Never loaded.
module OverSIP
  module SIP
    # A SIP message as it came. Readers tell what was received: changing a header does not change them.
    #
    # Header names are accepted in any spelling, short forms too.
    class Message
      # @return [String] the usual spelling of a header name: "call-id" and "i" give "Call-ID"
      def self.headerize(name); end

      # @!group The first line and the sender

      # @return [Symbol, String] :INVITE and its like; a String when the method is unknown. Of a response: the CSeq's
      attr_reader :sip_method

      # @return [String] as received: "SIP/2.0"
      attr_reader :sip_version

      # @return [true, nil]
      def unknown_method?; end

      # @return [Boolean]
      def request?; end

      # @return [Boolean]
      def response?; end

      # @return [Symbol] :udp, :tcp, :tls, :ws or :wss
      attr_accessor :transport

      # @return [String] the address that the message came from
      attr_accessor :source_ip

      # @return [Integer]
      attr_accessor :source_port

      # @return [Symbol] :ipv4 or :ipv6
      attr_accessor :source_ip_type

      # @return [Connection]
      attr_accessor :connection

      # Closes the connection once what is due on it has been sent.
      # @return [Boolean] false for UDP
      def close_connection; end

      # @return [Boolean] whether it came by this transport; websocket? is ws? or wss?
      def udp?; end
      # (see #udp?)
      def tcp?; end
      # (see #udp?)
      def tls?; end
      # (see #udp?)
      def ws?; end
      # (see #udp?)
      def wss?; end
      # (see #udp?)
      def websocket?; end

      # @return [true, nil] whether the method makes dialogs
      def dialog_forming?; end

      # @return [true, nil] whether a proxy records its route in requests of this method
      def record_routing_aware?; end

      # @return [true, nil] whether requests of this method may ask for an Outbound flow (RFC 5626)
      def outbound_aware?; end

      # @!endgroup
      # @!group Headers

      # @return [Hash{String => Array<String>}] by usual spelling, in the order of the message. Changes in it are sent
      attr_reader :headers

      # @return [true, nil]
      def has_header?(name); end

      # @return [String, nil] the first value
      def header(name); end
      alias header_top header

      # @return [Array<String>] all values, or an empty frozen Array
      def header_all(name); end

      # Replaces all values; a new header goes last.
      # @param value [String, Array<String>]
      # @return [Array<String>]
      # @raise [OverSIP::RuntimeError] the name is no token
      def set_header(name, value); end

      # Puts a value before the others; a new header goes first.
      def insert_header(name, value); end

      # Puts a value behind the others; a new header goes last.
      # @return [Array<String>]
      def append_header(name, value); end

      # Replaces the first value; a new header goes last.
      def replace_header_top(name, value); end

      # @return [Array<String>, nil] what was removed
      def delete_header(name); end

      # Removes the first value.
      # @return [String, nil] what was removed
      def delete_header_top(name); end

      # @return [String, nil]
      attr_accessor :body

      # @!endgroup
      # @!group Parsed headers

      # @return [NameAddr, nil] what a script changes in it is sent, the caller sees its own again
      attr_accessor :from, :to

      # @return [String, nil]
      attr_reader :from_tag, :to_tag

      # @return [String, nil] the first value as received
      attr_reader :hdr_from, :hdr_to

      # @return [NameAddr, nil] when the message has exactly one
      attr_reader :contact

      # @return [String, nil] parameters of the Contact header as received, with their semicolon
      attr_reader :contact_params

      # @return [true, nil] whether the Contact has `reg-id` (RFC 5626)
      def contact_reg_id?; end

      # @return [String, nil]
      attr_reader :call_id

      # @return [Integer, nil] the CSeq's number; of a request that a {Uac} sent again as it was challenged, the number that it went
      #   out with (replies to it carry the one received)
      attr_reader :cseq

      # @return [Integer, nil]
      attr_reader :max_forwards, :content_length

      # @return [Array<NameAddr>, nil] the Route values
      attr_reader :routes

      # @return [Array<String>, nil] the Route values as text
      attr_reader :hdr_route

      # @return [Array<String>, nil] option tags in lower case
      attr_reader :require, :proxy_require, :supported

      # @!endgroup
      # @!group Via

      # @return [Array<String>] all Via values
      attr_reader :hdr_via

      # @return [Integer] how many there are
      attr_reader :num_vias

      # @return [String, nil] of the top Via
      attr_reader :via_sent_by_host, :via_branch, :via_received, :via_core_value

      # @return [Integer, nil] of the top Via
      attr_reader :via_sent_by_port

      # @return [true, nil] whether the branch begins with the cookie of RFC 3261, in any letter case
      attr_reader :via_branch_rfc3261

      # @return [String, nil] the branch without the cookie; nil if it has none, as elements of RFC 2543 write it
      attr_accessor :via_branch_id

      # @return [Integer, nil] the port that responses go to (RFC 3581)
      attr_accessor :via_rport

      # @return [true, nil] whether the top Via has the parameter
      attr_reader :via_has_rport, :via_has_alias

      # @return [true, nil] whether the top Via has the parameter
      def via_rport?; end
      # (see #via_rport?)
      def via_alias?; end

      # @return [Hash{String => String, nil}, nil] other parameters of the top Via
      attr_reader :via_params

      # @!endgroup
    end

    # What a {Request} can do about routing.
    module Core
      # Makes the server transaction: retransmissions are absorbed from here on, an INVITE gets 100.
      # @return [Boolean, nil] false when there is one already, nil for ACK
      def create_transaction; end

      # Counts the hop down to this limit at most; replies 483 when the request has none left.
      # @return [Boolean] whether the request may go on
      def check_max_forwards(max_forwards); end

      # Removes this server's own values from the top of the Route. A strict router sends the first of them as Request-URI; the
      # target is back there when the script gets the request (RFC 3261 16.4), and that value counts as removed.
      # @return [Boolean] whether there is a route to follow: in a dialog that one of ours was removed, else that others
      #   remain
      def loose_route; end

      # Whether the dialog of the request came by here. Our Record-Route values carry a code, made with `sip: flow_token_key` from
      # the Call-ID and the tag of whoever sent the request that got the value. The Route at the top (or one of those that
      # {loose_route} removes) has to be ours and show the code for the Call-ID and for the From or the To tag of this request. The
      # request counts as it was received, with the Request-URI that a strict router gave it: neither {loose_route} nor an edit
      # changes the answer. A request from text ({Request.parse}) is judged by the Routes in it, with the names and the key of the running server.
      #
      # A request inside a dialog for which this is false can come from anybody: `sip: require_own_route` answers it with 403.
      # @return [Boolean]
      # @raise [OverSIP::RuntimeError] nothing is started
      def own_route?; end

      # By the `maddr` of the URI if it has one, else by its host (RFC 3263 4), and by the port.
      # @return [Boolean] whether a sip or sips URI leads to this server
      def local_uri?(uri); end

      # A Request-URI with a `maddr` does not: the request has to be sent there (RFC 3261 16.5). One that led here is gone before the
      # script sees the request.
      # @return [Boolean] whether the Request-URI names this server
      def destination_myself?; end

      # Sends responses to where the request came from, and asks for requests of the dialog to come back the same way.
      def fix_nat; end

      # @return [Boolean] whether the client wants to be reached over the flow that it used (RFC 5626)
      def outgoing_outbound_requested?; end

      # @return [true, nil] whether the Route leads to a flow (RFC 5626)
      def incoming_outbound_requested?; end

      # @return [String, nil] the token of the flow that the request came by; nil when this server opened the connection
      def connection_outbound_flow_token; end
    end

    # A request from the network.
    class Request < Message
      include Core
      include Logger

      # @param text [String] a whole request
      # @return [Request]
      # @raise [OverSIP::ParsingError]
      def self.parse(text); end

      # @return [Uri] takes a Uri or a String
      # @raise [ParsingError] (as writer) the text is no URI
      attr_accessor :ruri

      # @return [Boolean] whether it is outside of a dialog
      def initial?; end

      # @return [String, nil] the To tag, so true in a dialog
      def in_dialog?; end

      # @return [Boolean] whether it came by TLS or secure WebSocket
      def secure?; end

      # Sends a response made by this server. A request without a way back ({parse}, {MessageParser}) hands it to its
      # `connection` where the script has set one: an object with `send_sip_msg(text, ip, port)`.
      # @param status_code [Integer] 100 to 699
      # @param reason_phrase [String, nil] nil takes the usual one
      # @param extra_headers [Array<String>] whole lines, without their end
      # @param body [String, nil]
      # @return [Boolean] false for an ACK, and when a final response was sent before. True does not say that the client has
      #   it: where its connection was lost, a response goes by a new one to where its Via says (RFC 3261 18.2.2), or nowhere
      def reply(status_code, reason_phrase = nil, extra_headers = [], body = nil); end

      # Sends a whole response.
      # @param response [Response]
      # @return [Boolean] as {#reply}
      def reply_full(response); end

      # Sends bytes to where responses to this request go, past its transaction.
      # @param text [String] a whole response
      # @return [Boolean] false for a request without a way back
      def send_response(text); end

      # @return [Hash] the script's own values for this request and its responses
      attr_accessor :tvars

      # @return [Hash] the script's own values for the connection
      attr_accessor :cvars

      # @return [ServerTransaction, nil]
      attr_reader :server_transaction

      # @return [Integer, nil] what {Core#check_max_forwards} has found
      attr_reader :new_max_forwards

      # @return [Boolean, nil] whether the request was sent with another From or To than received
      attr_reader :from_was_modified, :to_was_modified

      # @return [String] marks branches of this request, so that it is recognised when it comes back
      attr_accessor :antiloop_id

      # @return [String, nil] the flow token that {Core#loose_route} has found
      attr_accessor :route_outbound_flow_token

      # @return [Boolean, nil] whether a Proxy has sent it
      attr_accessor :proxied

      # @return [Symbol, nil] which Record-Route or Path the Proxy has added
      attr_accessor :in_rr

      # Overrides what the request itself asks for.
      attr_writer :outgoing_outbound_requested, :incoming_outbound_requested

      # @return [String] with the branch; with the Call-ID where an element of RFC 2543 wrote the branch
      def log_id; end

      # @return [String] the request as it would be sent
      def to_s; end
    end

    # A response from the network. What a block changes in it is sent to the caller.
    class Response < Message
      # @param text [String] a whole response
      # @return [Response]
      # @raise [OverSIP::ParsingError]
      def self.parse(text); end

      # @return [Integer] settable: 101 to 199 of a provisional response, 200 to 699 of a final one, but 300 to 699 of a refusal
      #   of an INVITE, SUBSCRIBE or REFER; ArgumentError for others
      attr_accessor :status_code

      # @return [String]
      attr_accessor :reason_phrase

      # @return [Request, UacRequest, nil] what it answers
      attr_accessor :request

      # @return [Hash] the request's
      attr_reader :tvars

      # @return [String] the response as it would be sent
      def to_s; end
    end
  end
end
