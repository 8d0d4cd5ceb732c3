# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # Names and addresses of a world: what DNS knows, and which addresses are free.
      #
      # @api private
      class Names
        # Documentation addresses (RFC 5737): targets, clients, and NATs with what is behind them.
        TARGETS = "192.0.2.%d"
        CLIENTS = "198.51.100.%d"
        NATS = "203.0.113.%d"
        PRIVATE = "10.0.0.%d"

        # What an URI says about the way to its host.
        URI_PARTS = /
          \A(?<scheme>sips?):(?:[^@]*@)?(?:\[(?<ipv6>[^\]]+)\]|(?<host>[^:;?]+))(?::(?<port>\d+))?(?<parameters>[^?]*)
        /ix

        # @param native [Engine::World]
        # @param own [Hash{Symbol => String}] where the element listens, by transport
        # @param own_names [Hash{String => String}] what else the element is called, each with the address it listens on
        def initialize(native, own, own_names)
          @native = native
          @own = own
          @own_names = own_names
          @addresses = {}
          @services = Hash.new { |services, host| services[host] = {} }
          @domains = {}
          @taken = own.values.to_h { |address| [ip_of(address), true] }
          @counts = Hash.new(0)
        end

        # Adds a record to the zone.
        def add(name, kind, *data)
          name = name.downcase
          if %i[a aaaa].include?(kind)
            @taken[data.first] = true
            (@addresses[name] ||= []) << data.first
          end
          note_service(name, data) if kind == :srv
          @native.add_record(name, kind, *data)
        end

        # Takes all records of a name out of the zone. Targets stay where they are.
        def forget(name)
          @addresses.delete(name.downcase)
          @native.remove_records(name.downcase)
        end

        # @return [Hash{Symbol => Integer}] the ports that SRV records name for a host, by transport, the first one first
        def services(host)
          @services.fetch(host.downcase, {})
        end

        # An address that the spec names is not free any more.
        #
        # @param ip [String]
        def take(ip)
          @taken[ip] = true
        end

        # @return [Array<String>] the domains whose SRV records name a host
        def domains(host)
          @domains.fetch(host.downcase, []).uniq
        end

        # @return [Array<String>] the hosts that the zone knows: those with addresses, and those of services
        def hosts
          @addresses.keys | @services.keys
        end

        # @param target [String] "udp:192.0.2.1:5060"
        # @return [Array<String>] the hosts with this address
        def hosts_at(target)
          ip = ip_of(target.split(":", 2).last)
          @addresses.select { |_, ips| ips.include?(ip) }.keys
        end

        # @return [String] the address of a host, which gets a record when it has none
        def address_of(host)
          return host.tap { take(host) } if ip?(host)

          known = @addresses[host.downcase]
          return known.first if known

          free(TARGETS).tap { |ip| add(host, :a, ip) }
        end

        # @return [String] an address that nobody has
        def free(pattern)
          loop do
            ip = format(pattern, @counts[pattern] += 1)
            raise OverSIP::RuntimeError, "no address of #{format(pattern, 0)} is left" if @counts[pattern] > 254
            return ip.tap { @taken[ip] = true } unless @taken[ip]
          end
        end

        # @return [Array(Symbol, String), nil] transport and address of an URI's host; nil when nobody knows it
        def locate(uri)
          parts = URI_PARTS.match(uri) or return
          transport = transport_of(parts)
          host = parts[:ipv6] || parts[:host]
          ip = own_ip(host) || (ip?(host) ? host : @addresses[host.downcase]&.first) or return
          port = parts[:port] || port_of(ip, transport)
          [transport, ip.include?(":") ? "[#{ip}]:#{port}" : "#{ip}:#{port}"]
        end

        private

        def transport_of(parts)
          named = parts[:parameters][/;transport=(\w+)/i, 1]&.downcase&.to_sym
          return named || :udp if parts[:scheme].casecmp?("sip")

          named == :ws ? :wss : :tls
        end

        # What the element calls itself may be another address than the one that it listens on.
        def own_ip(host)
          @own_names[host.downcase]
        end

        def port_of(ip, transport)
          own = @own[transport]
          own && ip_of(own) == ip ? own[/\d+\z/] : World.default_port(transport)
        end

        def note_service(name, data)
          transport = { "_sip._udp" => :udp, "_sip._tcp" => :tcp, "_sips._tcp" => :tls }[name[/\A_\w+\._\w+/]]
          _, _, port, host = data
          @services[host.downcase][transport || :udp] ||= port
          (@domains[host.downcase] ||= []) << name[/\A_\w+\._\w+\.(.+)\z/, 1].to_s
        end

        def ip?(host)
          host.include?(":") || host.match?(/\A\d+(\.\d+){3}\z/)
        end

        def ip_of(address)
          address[/\A\[?(.+?)\]?:\d+\z/, 1]
        end
      end
    end
  end
end
