# frozen_string_literal: true

module OverSIP
  module SIP
    # Where a request goes: the outcome of RFC 3263 ("Locating SIP Servers").
    module RFC3263
      # One destination of a request, as `on_target` callbacks see it.
      #
      # @!attribute transport
      #   @return [Symbol] :udp, :tcp, :tls, :ws or :wss
      # @!attribute ip
      #   @return [String] the address, an IPv6 one without brackets
      # @!attribute ip_type
      #   @return [Symbol] :ipv4 or :ipv6
      # @!attribute port
      #   @return [Integer]
      Target = Struct.new(:transport, :ip, :ip_type, :port) do
        # @return [String] `udp:192.0.2.1:5060`, `tls:[2001:db8::1]:5061`: also the key of the blacklist
        def to_s
          host = ip_type == :ipv6 ? "[#{ip}]" : ip
          "#{transport}:#{host}:#{port}"
        end
      end
    end
  end
end
