# frozen_string_literal: true

require "ipaddr"

module OverSIP
  module Config
    # `udp:HOST:PORT` and `tcp:HOST:PORT` of `hep: collectors`.
    #
    # @api private
    module CollectorAddress
      FORM = /\A(udp|tcp):(?:\[(.+)\]|([^:]+)):(\d{1,5})\z/
      private_constant :FORM

      class << self
        # @param text [String]
        # @return [Array, nil] carrier, IPv6 address, name or IPv4 address, and port; one of the two in the middle is nil
        def parse(text)
          carrier, address, name, port = text.match(FORM)&.captures
          port && [carrier, address, name, port.to_i]
        end

        # @param text [String] that is valid
        # @return [Array] what two spellings of one collector have in common
        def identity(text)
          carrier, address, name, port = parse(text)
          [carrier, address ? IPAddr.new(address).to_s : name.downcase, port]
        end
      end
    end
  end
end
