# frozen_string_literal: true

# Documentation of the modules that are written in Rust, for YARD. Never loaded.
module OverSIP
  module Utils
    # @param text [String]
    # @return [Boolean] whether the whole text is an IPv4 address, an IPv6 address, or one in square brackets
    # @raise [TypeError] it is no String; this goes for all functions here
    def self.ip?(text); end

    # @return [Boolean] the same, but an address in square brackets is none
    def self.pure_ip?(text); end

    # @return [Symbol, false] :ipv4, :ipv6 or :ipv6_reference (in square brackets)
    def self.ip_type(text); end

    # Compares by value: IPv6 in any spelling, with or without brackets.
    # @return [Boolean, nil] nil when either is no IP address; false for addresses of different families
    def self.compare_ips(ip1, ip2); end

    # @return [Boolean, nil] the same, but an address in square brackets is none
    def self.compare_pure_ips(ip1, ip2); end

    # The one form of an IPv6 address (RFC 5952).
    # @param ip [String]
    # @param pure [Object] anything true takes the square brackets off
    # @return [String, false] false for what is no IPv6 address
    # @raise [ArgumentError] it contains NUL
    def self.normalize_ipv6(ip, pure = nil); end

    # @param host [String]
    # @param type [Symbol] :ipv6 and :ipv6_reference are normalised as {normalize_ipv6} does, all others given back
    # @param pure [Object] as for {normalize_ipv6}
    # @return [String, false]
    def self.normalize_host(host, type, pure = nil); end

    # @return [String] the text without its square brackets; the same object where it has none
    def self.to_pure_ip(text); end

    # Reads `IP_PORT`, which is inside the unsigned flow tokens of OverSIP 2.
    # @return [Array(Symbol, String, Integer), false] :ipv4 or :ipv6, address and port
    def self.parse_outbound_udp_flow_token(text); end

    # Reads the first line of a PROXY protocol connection, version 1, TCP4 or TCP6.
    # @return [Array(Integer, Symbol, String, Integer), false] length of the line, :ipv4 or :ipv6, source address and port
    def self.parse_haproxy_protocol(text); end
  end

  # STUN (RFC 5389), as far as a SIP server needs it.
  module Stun
    # Makes the response to a Binding request: what the UDP listeners do by themselves.
    #
    # @param data [String] the datagram
    # @param source_ip [String] where it came from
    # @param source_port [Integer]
    # @return [String, false, nil] nil when it is not STUN at all; false when it is, but gets no response
    # @raise [TypeError]
    def self.parse_request(data, source_ip, source_port); end
  end
end
