# frozen_string_literal: true

require "resolv"
require "oversip/seconds"

module OverSIP
  module Testing
    # The checks of what a spec hands over. Without them a mistake would send something else than what was meant, or let a
    # negated matcher pass.
    #
    # @api private
    module Arguments
      TRANSPORTS = %i[udp tcp tls ws wss].freeze

      # What is equal to no Integer and matches none.
      NO_NUMBER = [NilClass, TrueClass, FalseClass, Float, String, Symbol, Regexp, Array, Hash].freeze

      # What is equal to no text and matches none.
      NO_TEXT = [NilClass, TrueClass, FalseClass, Numeric, Symbol, Array, Hash].freeze

      IP = { ipv4: Resolv::IPv4::Regex, ipv6: Resolv::IPv6::Regex }.freeze

      # RFC 3261 25.1.
      TOKEN = /\A[A-Za-z0-9\-.!%*_+`'~]+\z/

      class << self
        # @return [Integer] the status of a response
        # @raise [ArgumentError]
        def status(value)
          return value if value.is_a?(Integer) && value.between?(100, 699)

          raise ArgumentError, "a status is an Integer from 100 to 699, not #{shown(value)}"
        end

        # @return [Integer, Range, Object] a status, or what matches one
        # @raise [ArgumentError] no status can fit it
        def status_pattern(value)
          return status(value) if value.is_a?(Integer) || none_of?(NO_NUMBER, value)
          return value unless value.is_a?(Range)
          return value if (100..699).any? { |status| value.cover?(status) }

          raise ArgumentError, "a range of statuses has Integers from 100 to 699, #{shown(value)} has none"
        rescue TypeError
          raise ArgumentError, "a range of statuses has Integers from 100 to 699, #{shown(value)} has none"
        end

        # @param what [String] for the message, such as "a reason phrase"
        # @return [String, Regexp, Object] a text, or what matches one
        # @raise [ArgumentError] no text can fit it
        def text_pattern(what, value)
          return value unless none_of?(NO_TEXT, value) || (value.is_a?(Range) && !value.begin.is_a?(String))

          raise ArgumentError, "#{what} is a String, a Regexp or a matcher, not #{shown(value)}"
        end

        # @return [Symbol] a method as messages have it: its letter case tells (RFC 3261 7.1)
        # @raise [ArgumentError]
        def method_pattern(value)
          return value.to_sym if text?(value) && value.to_s.b.match?(TOKEN) && !value.to_s.b.match?(/[a-z]/)

          raise ArgumentError, "a method is written as in the message, such as :INVITE, not #{shown(value)}"
        end

        # @return [Symbol] the method of a request that is sent: any letter case
        # @raise [ArgumentError]
        def sip_method(value)
          return value.to_sym if text?(value) && value.to_s.b.match?(/\A[^ [:cntrl:]]+\z/)

          raise ArgumentError, "a method is a Symbol such as :INVITE, not #{shown(value)}"
        end

        # @param what [String] for the message
        # @return [String] something with a scheme; whether it is well-formed behind that, is for the element to find out
        # @raise [ArgumentError]
        def uri(what, value)
          text = value.respond_to?(:scheme) ? value.to_s : value
          return text if text.is_a?(String) && text.b.match?(/\A[A-Za-z][A-Za-z0-9+.-]*:[^ [:cntrl:]]+\z/)

          raise ArgumentError, "#{what} is an URI such as \"sip:bob@example.com\", not #{shown(value)} " \
                               "(send_raw sends any text)"
        end

        # @return [String, Symbol] the name of a header
        # @raise [ArgumentError]
        def header_name(value)
          return value if text?(value) && value.to_s.b.match?(TOKEN)

          raise ArgumentError, "the name of a header is a String or a Symbol, such as \"Via\", not #{shown(value)}"
        end

        # @return [Hash] headers with those that were named by Symbols
        # @raise [ArgumentError]
        def headers(value, more = {})
          raise ArgumentError, "headers: is a Hash of names and values, not #{shown(value)}" unless value.is_a?(Hash)

          value.merge(more).each_key { |name| header_name(name) }
        end

        # @return [String, nil] the body of a message
        # @raise [ArgumentError]
        def body(value)
          return value if value.nil? || value.is_a?(String)

          raise ArgumentError, "a body is a String or nil, not #{shown(value)}"
        end

        # @return [Integer] a number of times
        # @raise [ArgumentError]
        def count(value)
          return value if value.is_a?(Integer) && !value.negative?

          raise ArgumentError, "how often is an Integer from 0 on, not #{shown(value)}"
        end

        # @return [Numeric] seconds
        # @raise [ArgumentError]
        def seconds(value)
          Seconds.check("seconds", value)
          value
        end

        # @param what [String] for the message
        # @return [String] not empty
        # @raise [ArgumentError]
        def word(what, value)
          return value.to_s if text?(value) && value.to_s.b.match?(/\A[^ [:cntrl:]]+\z/)

          raise ArgumentError, "#{what} is a String without spaces, not #{shown(value)}"
        end

        # @param what [String] for the message
        # @return [String] a host name, or an IP address; one of IPv6 without brackets
        # @raise [ArgumentError]
        def host(what, value)
          text = word(what, value).sub(/\A\[(.+)\]\z/, '\1')
          return text if !text.include?(":") || IP.fetch(:ipv6).match?(text.b)

          raise ArgumentError, "#{what} is a host name or an IP address without port and scheme, not #{shown(value)}"
        end

        # @return [Symbol]
        # @raise [ArgumentError]
        def transport(value, known = TRANSPORTS)
          return value if known.include?(value)

          raise ArgumentError, "a transport is one of #{known.map(&:inspect).join(", ")}, not #{shown(value)}"
        end

        # @return [Integer]
        # @raise [ArgumentError]
        def port(value)
          return value if value.is_a?(Integer) && value.between?(1, 65_535)

          raise ArgumentError, "a port is an Integer from 1 to 65535, not #{shown(value)}"
        end

        # @return [String] "192.0.2.1:5060"
        # @raise [ArgumentError]
        def address(value)
          return value if value.is_a?(String) && value.b.match?(/\A(?:\[[\h:.]+\]|\d+(?:\.\d+){3}):\d+\z/)

          raise ArgumentError, "an address is like \"192.0.2.1:5060\", not #{shown(value)}"
        end

        # @param family [Symbol] :ipv4 or :ipv6
        # @return [String] an IP address
        # @raise [ArgumentError]
        def ip(value, family)
          return value if value.is_a?(String) && IP.fetch(family).match?(value.b)

          like = { ipv4: "192.0.2.1", ipv6: "2001:db8::1" }.fetch(family)
          raise ArgumentError, "an address is like #{like.inspect}, not #{shown(value)}"
        end

        # @return [Integer] of what is drawn
        # @raise [ArgumentError]
        def seed(value)
          return value if value.is_a?(Integer) && value.between?(0, (2**64) - 1)

          raise ArgumentError, "seed must be an Integer from 0 to 2**64 - 1, not #{shown(value)}"
        end

        # @param what [String] for the message
        # @return [Integer] a share in thousandths
        # @raise [ArgumentError]
        def thousandths(what, value)
          found = (value * 1000).round if value.is_a?(Numeric) && value.real? && (0..1).cover?(value)
          return found if found && (found.positive? || value.zero?)

          raise ArgumentError, "#{what} is a share from 0 to 1, in thousandths, not #{shown(value)}"
        end

        # @return [String] an object of a spec may hold a world
        def shown(value)
          text = value.inspect
          text.size > 200 ? "#{text[0, 200]}..." : text
        end

        private

        def text?(value)
          value.is_a?(String) || value.is_a?(Symbol)
        end

        # A matcher, or a double of a spec, may say that it is anything.
        def none_of?(kinds, value)
          kinds.any? { |kind| kind === value } # rubocop:disable Style/CaseEquality -- asks the class, not the object
        end
      end
    end
  end
end
