# frozen_string_literal: true

require "oversip/nearest"

module OverSIP
  module Testing
    module Matchers
      # How a matcher is told of a party or a target, and what a party is called.
      #
      # @api private
      module Party
        ADDRESS = /\A(?:(?<transport>udp|tcp|tls|wss?):)?(?:\d+(?:\.\d+){3}|\[[\h:.]+\])(?<port>:\d+)?\z/

        # A bare address of IPv6.
        IPV6 = /\A\h*:\h*:[\h:.]*\z/

        class << self
          # @param party [Object] a persona, or what matches its name or its address; `:element` for the element
          # @return [Object] the name, or what matches it
          # @raise [ArgumentError] it can match none
          def matched(party)
            return party.name.to_s if party.is_a?(Persona)
            return World::ELEMENT if party == :element

            party = party.to_s if party.is_a?(Symbol)
            Arguments.text_pattern("a party", party)
          end

          # A name that nobody has would let a negated matcher pass.
          #
          # @param expected [Object] from {matched}
          # @param addresses [Boolean] whether addresses are looked at
          # @raise [ArgumentError] it is a name or an address that nothing in the world has
          def check(world, expected, addresses: true)
            return if !expected.is_a?(String) || world.party_names.include?(expected)
            return if addresses && address?(expected)

            raise ArgumentError, "nobody in this world is called #{expected.inspect}" \
                                 "#{hint(expected, world.party_names, addresses)}"
          end

          # @param world [World]
          # @param target [String] "udp:192.0.2.1:5060"
          # @return [Array<String>] all that it is called
          def names(world, target)
            address = target.split(":", 2).last
            ip = address.sub(/:\d+\z/, "")
            [target, *world.names_of(target), address, ip, *(ip[1..-2] if ip.start_with?("["))]
          end

          private

          def address?(text)
            return true if text.match?(IPV6)

            parts = ADDRESS.match(text) or return false
            parts[:transport].nil? || !parts[:port].nil?
          end

          def hint(expected, names, addresses)
            if addresses && expected.include?(":")
              return ": an address is like \"udp:192.0.2.1:5060\" or \"192.0.2.1\", a name stands alone"
            end

            near = Nearest.hint(expected, names)
            near.empty? ? ": sip.target(#{expected.inspect}) puts somebody there" : near
          end
        end
      end
    end
  end
end
