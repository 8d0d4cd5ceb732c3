# frozen_string_literal: true

module OverSIP
  module Config
    # An address and a port to serve HTTP on, as `metrics: listen` has it.
    #
    # @api private
    module HttpAddress
      LOOPBACK = "127.0.0.1"
      FORM = /\A(?:(?:\[(?<ipv6>[^\]]+)\]|(?<ipv4>[^:\[\]]+))?:)?(?<port>\d{1,5})\z/
      private_constant :FORM

      class << self
        # @param value [String, Integer] an address and a port, or a port alone
        # @return [Array(String, Integer), nil] nil: it is none
        def parse(value)
          match = FORM.match(value.to_s) or return
          [match[:ipv6] || match[:ipv4] || LOOPBACK, match[:port].to_i]
        end

        # @return [String]
        def text(host, port)
          host.include?(":") ? "[#{host}]:#{port}" : "#{host}:#{port}"
        end

        # @return [Boolean] whether only this machine reaches it
        def loopback?(host)
          IPAddr.new(host).loopback?
        end
      end
    end
  end
end
