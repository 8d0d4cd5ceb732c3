# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # What DNS knows in a world: the words of the block of {World#zone}. Everything else in the block means what it means
      # around it: methods of the spec, such as `let` values, can be used.
      class Zone
        # @param names [Names]
        # @param native [Engine::World]
        # @param surroundings [Object, nil] what `self` is around the block
        # @api private
        def initialize(names, native, surroundings)
          @names = names
          @native = native
          @surroundings = surroundings
        end

        # Adds SRV records (RFC 2782), in the order in which they are to be tried. Hosts in an Array have the same priority.
        #
        # @example
        #   srv "_sip._udp.example.com", "gw1.example", "gw2.example:5080"
        #   srv "_sip._udp.example.com", ["gw1.example", "gw2.example"], "backup.example"
        # @param name [String] of the service
        # @param hosts [Array<String, Array<String>>] each with its port, if it is another one than that of the service
        # @param weight [Integer] of each
        def srv(name, *hosts, weight: 10)
          port = World.default_port(name.start_with?("_sips.") ? :tls : :udp)
          hosts.each_with_index do |group, index|
            Array(group).each do |host|
              host, own = host.split(":", 2)
              @names.add(name, :srv, (index + 1) * 10, weight, own ? Integer(own, 10) : port, host)
            end
          end
        end

        # Adds a NAPTR record (RFC 3263 4.1) with the flag "s".
        #
        # @example
        #   naptr "example.com", "SIP+D2T", "_sip._tcp.example.com"
        # @param name [String] the domain
        # @param service [String] "SIP+D2U", "SIP+D2T" or "SIPS+D2T"
        # @param replacement [String] the name of the SRV records
        def naptr(name, service, replacement, order: 10, preference: 10)
          @names.add(name, :naptr, order, preference, service, replacement)
        end

        # Adds A records.
        #
        # @param addresses [Array<String>]
        def a(name, *addresses)
          addresses.each { |address| @names.add(name, :a, address) }
        end

        # Adds AAAA records.
        #
        # @param addresses [Array<String>]
        def aaaa(name, *addresses)
          addresses.each { |address| @names.add(name, :aaaa, address) }
        end

        # Makes a name an alias of another one.
        def cname(name, of)
          @names.add(name, :cname, of)
        end

        # How long the records that follow may be kept: 60 s unless this says otherwise.
        #
        # @param seconds [Numeric]
        def ttl(seconds)
          @native.dns_ttl(Seconds.check("ttl", seconds).to_f)
        end

        # Name servers answer questions about a name with SERVFAIL.
        def fails(name)
          @native.trouble(name, :server_failure)
        end

        # Name servers do not answer questions about a name.
        def silent(name)
          @native.trouble(name, :silence)
        end

        private

        def respond_to_missing?(name, include_private = false)
          @surroundings.respond_to?(name, include_private)
        end

        def method_missing(name, ...)
          return super unless @surroundings.respond_to?(name, true)

          @surroundings.__send__(name, ...)
        end
      end
    end
  end
end
