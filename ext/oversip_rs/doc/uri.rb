# frozen_string_literal: true

# Documentation of the classes that are written in Rust, for YARD. Never loaded.
module OverSIP
  module SIP
    # A URI: sip and sips, tel, or any other, which is kept as text and cannot be changed.
    class Uri
      # @param text [String] the whole URI
      # @return [Uri]
      # @raise [OverSIP::ParsingError]
      def self.parse(text); end

      # @param scheme [Symbol]
      def initialize(scheme = :sip, user = nil, host = nil, port = nil); end

      # @return [Symbol, String] :sip, :sips or :tel; a String for any other
      attr_accessor :scheme

      # @return [String, nil] without escapes, with its password
      attr_accessor :user

      # @return [String, nil] of a tel URI: its digits; the same as {#user}
      attr_accessor :number

      # @return [String, nil] in lower case; an IPv6 address in brackets
      attr_accessor :host
      alias domain host
      alias domain= host=

      # @return [Symbol, nil] :domain, :ipv4 or :ipv6_reference
      attr_accessor :host_type

      # @return [Integer, nil]
      attr_accessor :port

      # @return [String, nil] the part from the question mark on
      attr_accessor :headers

      # @return [Hash{String => String, nil}] parameters by name in lower case
      attr_reader :params

      # @return [Boolean]
      def has_param?(name); end

      # @return [String, nil]
      def get_param(name); end

      # @param value [String, nil] nil makes a parameter without a value
      def set_param(name, value); end

      # @return [String, false, nil] its value; false when there was none
      def del_param(name); end

      # @return [Boolean] whether there were parameters
      def clear_params; end

      # @return [Symbol, String, nil] :udp, :tcp, :tls, :sctp, :ws or :wss
      attr_accessor :transport_param

      # @return [String, nil] of a tel URI
      attr_accessor :phone_context_param

      # @return [String, nil] marks Route values of an OverSIP
      attr_reader :ovid_param

      # @return [Boolean]
      def lr_param?; end

      # @return [Boolean]
      def ob_param?; end

      # @return [Boolean] sip or sips
      def sip?; end

      # @return [Boolean]
      def tel?; end

      # @return [Boolean]
      def unknown_scheme?; end

      # @return [Boolean, nil] whether it was changed since its text was made
      def modified?; end

      # @return [String, nil] the URI without port and parameters, always with `sip:` or `tel:`
      def aor; end

      # @return [String]
      def uri; end
      alias to_s uri
    end

    # A URI with a display name, as in From, To, Contact and Route.
    class NameAddr < Uri
      # @param text [String] a whole header value; header parameters are left out
      # @return [NameAddr]
      # @raise [OverSIP::ParsingError]
      def self.parse(text); end

      # The parts are stored as given.
      def initialize(display_name = nil, scheme = :sip, user = nil, host = nil, port = nil); end

      # @return [String, nil] without its quotes
      attr_accessor :display_name

      # @return [Boolean, nil]
      def modified?; end

      # @return [String] with display name and angle brackets
      def to_s; end
    end

    # Targets that are not to be used for a while, a profile's `:blacklist`: a live view by text of the target
    # ("udp:192.0.2.1:5060") of what `on_error` gets.
    class Blacklist
      # @return [Array, nil] status, reason, nil and code
      def [](key); end

      # @return [Array, nil] what was removed
      def delete(key); end

      # Removes everything.
      def clear; end

      # @return [Boolean]
      def any?; end
      # @return [Boolean]
      def empty?; end

      # @return [Integer]
      def size; end
      alias length size

      # @return [Array<String>]
      def keys; end

      # @yieldparam key [String]
      # @yieldparam value [Array]
      def each; end
      alias each_pair each

      # @return [Hash] a copy
      def to_h; end

      # @return [String]
      def to_s; end
    end

    # Destinations that were looked up, a profile's `:dns_cache`: a live view with the methods of {Blacklist}. The keys read
    # `scheme|host|port|transport` as the destination said them, "sip|example.net||" for `sip:example.net`. A value is the
    # list of targets as texts, or the Symbol :no_dns_resolution. The list is what DNS said, before the order of servers of
    # equal priority is drawn, as it is for each request anew.
    class DnsCache
      # @return [Object, nil]
      def [](key); end

      # @return [Object, nil] what was removed
      def delete(key); end

      # Removes everything.
      def clear; end

      # @return [Boolean]
      def any?; end
      # @return [Boolean]
      def empty?; end

      # @return [Integer]
      def size; end
      alias length size

      # @return [Array<String>]
      def keys; end

      # @yieldparam key [String]
      # @yieldparam value [Object]
      def each; end
      alias each_pair each

      # @return [Hash] a copy
      def to_h; end

      # @return [String]
      def to_s; end
    end
  end
end
