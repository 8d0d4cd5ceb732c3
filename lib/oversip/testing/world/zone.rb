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
          @zone_names = names
          @zone_native = native
          @zone_surroundings = surroundings
        end

        # Evaluates a block. Instance variables in it are those of its surroundings.
        #
        # @return [nil]
        # @api private
        def evaluate(&)
          own = instance_variables
          carry(@zone_surroundings, self)
          instance_exec(&)
          nil
        ensure
          carry(self, @zone_surroundings, except: own)
        end

        # The words of the block.
        WORDS = %i[srv naptr a aaaa cname ttl delay fails silent forget].freeze
        private_constant :WORDS

        # Adds SRV records (RFC 2782), in the order in which they are to be tried. Hosts in an Array have the same priority.
        #
        # @example
        #   srv "_sip._udp.example.com", "gw1.example", "gw2.example:5080"
        #   srv "_sip._udp.example.com", ["gw1.example", "gw2.example"], "backup.example"
        # @param name [String] of the service
        # @param hosts [Array<String, Array<String>>] each with its port, if it is another one than that of the service
        # @param weight [Integer] of each
        # @raise [ArgumentError] the name is none of a service, or there is no such host, port or weight
        def srv(name, *hosts, weight: 10)
          check_service(name)
          check_any("host", hosts)
          check_number("weight", weight)
          port = World.default_port(name.start_with?("_sips.") ? :tls : :udp)
          hosts.each_with_index do |group, index|
            Array(group).each do |host|
              host, own = host_name(host).split(":", 2)
              own = Arguments.port(Integer(own, 10, exception: false) || own) if own
              @zone_names.add(name, :srv, (index + 1) * 10, weight, own || port, host_name(host))
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
        # @param order [Integer] records with a lower one are tried first
        # @param preference [Integer] the same among records of one order
        # @raise [ArgumentError] there is no such name, service or number
        def naptr(name, service, replacement, order: 10, preference: 10)
          { "order" => order, "preference" => preference }.each { |what, number| check_number(what, number) }
          raise ArgumentError, "a service is like \"SIP+D2T\", not #{Arguments.shown(service)}" unless service.is_a?(String)

          check_service(replacement)
          @zone_names.add(host_name(name), :naptr, order, preference, service, replacement)
        end

        # Adds A records.
        #
        # @param name [String]
        # @param addresses [Array<String>]
        # @raise [ArgumentError] there is no such name or address
        def a(name, *addresses)
          check_any("address", addresses)
          addresses.each { |address| @zone_names.add(host_name(name), :a, Arguments.ip(address, :ipv4)) }
        end

        # Adds AAAA records.
        #
        # @param name [String]
        # @param addresses [Array<String>]
        # @raise [ArgumentError] there is no such name or address
        def aaaa(name, *addresses)
          check_any("address", addresses)
          addresses.each { |address| @zone_names.add(host_name(name), :aaaa, Arguments.ip(address, :ipv6)) }
        end

        # Makes a name an alias of another one (RFC 1034 3.6.2).
        #
        # @param name [String]
        # @param of [String] the other one
        # @raise [ArgumentError] there is no such name
        def cname(name, of)
          @zone_names.add(host_name(name), :cname, host_name(of))
        end

        # How long the records that follow may be kept: 60 s unless this says otherwise.
        #
        # @param seconds [Numeric]
        def ttl(seconds)
          @zone_native.dns_ttl(Seconds.check("ttl", seconds).to_f)
        end

        # Name servers answer questions about a name with SERVFAIL, whatever its records.
        #
        # @param name [String]
        # @raise [ArgumentError] there is no such name
        def fails(name)
          @zone_native.trouble(host_name(name), :server_failure)
        end

        # Name servers do not answer questions about a name, whatever its records.
        #
        # @param name [String]
        # @raise [ArgumentError] there is no such name
        def silent(name)
          @zone_native.trouble(host_name(name), :silence)
        end

        # How long name servers take to answer each question, from now on: no time, unless this says otherwise.
        #
        # @param seconds [Numeric]
        def delay(seconds)
          @zone_native.dns_delay(Seconds.check("delay", seconds).to_f)
        end

        # Takes away all records of a name, and what {#fails} or {#silent} has said of it. What the element has in its cache
        # stays there for its time.
        #
        # @param name [String]
        # @raise [ArgumentError] there is no such name
        def forget(name)
          @zone_names.forget(host_name(name))
        end

        # @return [String]
        def inspect
          "#<#{self.class}>"
        end

        private

        def carry(from, to, except: [])
          (from.instance_variables - except).each do |name|
            value = from.instance_variable_get(name)
            to.instance_variable_set(name, value) unless to.instance_variable_get(name).equal?(value)
          end
        end

        def host_name(name)
          Arguments.word("the name of a record", name)
        end

        def check_service(name)
          return if name.is_a?(String) && name.match?(/\A_[^\s.]+\._[^\s.]+\.\S+\z/)

          raise ArgumentError, "SRV records have a name like \"_sip._udp.example.com\", not #{Arguments.shown(name)}"
        end

        def check_any(what, list)
          raise ArgumentError, "a record needs at least one #{what}" if list.flatten.empty?
        end

        def check_number(what, number)
          return if number.is_a?(Integer) && number.between?(0, 65_535)

          raise ArgumentError, "#{what} is an Integer from 0 to 65535, not #{Arguments.shown(number)}"
        end

        def respond_to_missing?(name, include_private = false)
          @zone_surroundings.respond_to?(name, include_private)
        end

        def method_missing(name, ...)
          unless @zone_surroundings.respond_to?(name, true)
            raise OverSIP::RuntimeError, "`#{name}` is neither a word of the zone (#{WORDS.join(", ")}) " \
                                         "nor a method of the spec#{Nearest.hint(name, WORDS)}"
          end

          @zone_surroundings.__send__(name, ...)
        end
      end
    end
  end
end
