# frozen_string_literal: true

require "oversip/testing/certificates"

module OverSIP
  module Testing
    class World
      # Who is there beside the element.
      module People
        # The client with this name; the first call makes it.
        #
        # @param name [Symbol, String]
        # @param transport [Symbol] :udp, :tcp, :tls, :ws or :wss; UDP unless it is given
        # @param address [String, nil] where it is: "198.51.100.7:5060"; a free address unless it is given
        # @param behind_nat [Boolean] whether its Via and Contact name a private address
        # @param uri [String, nil] its address of record; "sip:NAME@example.com" unless it is given
        # @param certificate [Certificates::Issued, Array<String>, nil] what it shows when it connects by TLS
        # @return [Client]
        # @raise [ArgumentError] the client is there already and differs, or a value cannot be used
        def client(name, transport: nil, address: nil, behind_nat: nil, uri: nil, certificate: nil)
          name = Arguments.word("the name of a client", name)
          given = { transport: transport, address: address, behind_nat: behind_nat, uri: uri,
                    certificate: certificate }.compact
          known = (@clients ||= {})[name]
          return known.first if known && (given.empty? || given == known.last)
          raise ArgumentError, "the client #{name} is there already, with #{known.last}" if known

          client = new_client(name, **given)
          @clients[name] = [client, given]
          client
        end

        # Who is at a name or address; the first call puts somebody there. A name without an address in the zone gets one.
        # Port and transport are those of SRV records of this host, else UDP and the port of the transport (5060, TLS 5061).
        #
        # @example
        #   world.target("gw1.example").answers 180, 200
        #   world.target("127.0.0.1", port: 5070).answers 404
        #   world.target("gw.example", transport: :tls, certificate: world.certificate("other.example"))
        # @param name [String] host name, in any letter case, or IP address
        # @param transport [Symbol, nil] :udp, :tcp or :tls
        # @param port [Integer, nil]
        # @param uri [String, nil] its address of record; "sip:NAME" unless it is given
        # @param certificate [Certificates::Issued, Array<String>, nil] what it shows to who connects by TLS; unless it is
        #   given, one for its name, its address and the domains whose SRV records name it, which the configuration trusts
        # @return [Target]
        # @raise [ArgumentError] the target is there already and differs, or a value cannot be used
        def target(name, transport: nil, port: nil, uri: nil, certificate: nil)
          name = Arguments.host("the name of a target", name)
          given = { uri: uri, certificate: certificate }.compact
          services = @names.services(name)
          known = same_target(name) if transport.nil? && port.nil?
          transport ||= known&.transport || services.keys.first || :udp
          port ||= known&.port || services[transport] || World.default_port(transport)
          known ||= (@targets ||= {})[[name.downcase, transport, port]]
          return agreed(known, given) if known

          target = new_target(name, transport, port, uri, certificate)
          @targets[[name.downcase, transport, port]] = KnownTarget.new(target, transport, port, given)
          target
        end

        # A certificate for a peer, made for this run of the specs.
        #
        # @param names [Array<String>] domains or IP addresses that it speaks for
        # @param expired [Boolean] whether its last day is over
        # @param by [Symbol] who has signed it: :authority, whom the configuration trusts unless it names a `ca_dir`;
        #   :stranger or :itself
        # @return [Certificates::Issued]
        def certificate(*names, expired: false, by: :authority)
          Certificates.issue(*names, expired: expired, by: by)
        end

        # A target, and what it was made with.
        KnownTarget = Struct.new(:target, :transport, :port, :given)
        private_constant :KnownTarget

        private

        def same_target(name)
          (@targets ||= {}).each_value.find { |known| known.target.name.casecmp?(name) }
        end

        # @return [Target]
        def agreed(known, given)
          return known.target if given.all? { |key, value| known.given[key] == value }

          raise ArgumentError, "the target #{known.target.name} is there already, with #{Arguments.shown(known.given)}"
        end

        def new_client(name, transport: :udp, address: nil, behind_nat: false, uri: nil, certificate: nil)
          Arguments.transport(transport)
          check_certificate(certificate, transport)
          @names.take(Arguments.address(address)[/\A\[?(.+?)\]?:\d+\z/, 1]) if address
          Arguments.uri("uri:", uri) if uri
          address ||= "#{@names.free(behind_nat ? Names::NATS : Names::CLIENTS)}:5060"
          stated = behind_nat ? "#{@names.free(Names::PRIVATE)}:5060" : address
          # A page does not know its address (RFC 7118 5).
          stated = "#{name}.invalid" if %i[ws wss].include?(transport)
          join(Client.new(@network, name, transport: transport, address: address, stated: stated,
                                          uri: uri || "sip:#{name}@example.com", pems: pems(certificate)))
        end

        def new_target(name, transport, port, uri, certificate)
          Arguments.transport(transport, %i[udp tcp tls])
          check_certificate(certificate, transport)
          Arguments.port(port)
          Arguments.uri("uri:", uri) if uri
          ip = @names.address_of(name)
          host = ip.include?(":") ? "[#{ip}]" : ip
          target = Target.new(@network, name, transport: transport, address: "#{host}:#{port}", uri: uri || "sip:#{name}")
          join(target)
          shown = certificate || (transport == :tls && self.certificate(*[name, ip, *@names.domains(name)].uniq))
          @network.show_certificates(target, pems(shown)) if shown
          target
        end

        def check_certificate(certificate, transport)
          return if certificate.nil? || %i[tls wss].include?(transport)

          raise ArgumentError, "certificate: is for TLS: say transport: :tls (:wss for a page), not #{transport.inspect}"
        end

        def pems(certificate)
          return certificate.pems if certificate.respond_to?(:pems)

          pems = Array(certificate)
          return pems if pems.all?(String)

          raise ArgumentError, "a certificate is what sip.certificate makes, or PEM, not #{Arguments.shown(certificate)}"
        end

        def join(persona)
          @network.add(persona)
          persona
        end
      end
    end
  end
end
