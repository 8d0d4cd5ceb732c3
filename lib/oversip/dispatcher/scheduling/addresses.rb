# frozen_string_literal: true

require "socket"

module OverSIP
  module Dispatcher
    module Scheduling
      # Look-ups of names, as part of {FiberScheduler}.
      #
      # @api private
      module Addresses
        # @param name [String] of a host
        # @return [Array<String>] its addresses
        # @raise [SocketError] there are none
        def address_resolve(name)
          Waiting.run("the addresses of #{name}") do
            Addrinfo.getaddrinfo(name, nil, nil, :STREAM).map(&:ip_address).uniq
          end
        end
      end
    end
  end
end
