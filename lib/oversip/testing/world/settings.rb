# frozen_string_literal: true

require "oversip/testing/certificates"

module OverSIP
  module Testing
    class World
      # Configuration and profiles of a world: those of the server, with addresses of the simulated network.
      #
      # @api private
      class Settings
        # Where the element listens when its configuration names no address, or one of this machine.
        ADDRESSES = { listen_ipv4: "192.0.2.100", listen_ipv6: "2001:db8::100" }.freeze

        PORTS = { sip: { listen_port: 5060, listen_port_tls: 5061 },
                  websocket: { listen_port: 10_080, listen_port_tls: 10_443 } }.freeze

        # What is done with names that nothing has.
        REFUSE = ->(text) { raise ConfigurationError, text }

        # Addresses that mean no host of the network.
        LOCAL = ["127.0.0.1", "::1", "0.0.0.0", "::"].freeze

        # @param name [Symbol] of the option
        # @return [String, nil] the path that an option of a world names
        # @raise [ArgumentError] it is none
        def self.path(name, value)
          return value if value.nil? || (value.is_a?(String) && !value.empty?)
          return value.to_path if value.respond_to?(:to_path)

          raise ArgumentError, "#{name}: is the path of a file, not #{Arguments.shown(value)}"
        end

        # @return [Hash{Symbol => Hash}] as `OverSIP.configuration` and `OverSIP.proxies`
        attr_reader :configuration, :profiles

        # @param configuration [String, Hash, nil] the path of an oversip.conf, or parameters by section
        # @param proxies [String, Hash, nil] the path of a proxies.conf, or parameters by profile
        # @raise [ConfigurationError] a value cannot be used. A name that a server ignores with a warning is an error here,
        #   in a file too: an example with a mistyped parameter would show what the default does
        def initialize(configuration, proxies)
          given = configuration.is_a?(Hash) ? configuration : {}
          path = Settings.path(:configuration, configuration) unless configuration.is_a?(Hash)
          file = Config::Source.read(path) if path
          @folder = File.dirname(path) if path
          @configuration = Config.build(file: file, given: simulated(file, given), config_dir: @folder,
                                        scope: :network, on_unknown: REFUSE)
          @profiles = profiles_of(proxies)
        end

        # @return [Hash{Symbol => Object}] for {Engine.open_world}
        def engine_options
          EngineOptions.build(configuration, profiles)
        end

        # @return [Hash{Symbol => String}] the address of the element for each transport, by IPv4 where there is one
        def listeners
          ipv6, ipv4 = Listeners.wanted(configuration).partition { |_, ip, _| ip.include?(":") }
          found = ipv6.to_h { |transport, ip, port| [transport, "[#{ip}]:#{port}"] }
          found.merge(ipv4.to_h { |transport, ip, port| [transport, "#{ip}:#{port}"] })
        end

        # @return [Hash{String => String}] what peers call the element, each with the address that it listens on
        def own_names
          sections = configuration.values_at(:sip, :websocket)
          sections.flat_map { |values| %w[ipv6 ipv4].flat_map { |family| names_of(values, family) } }.to_h
        end

        private

        def names_of(values, family)
          ip = values[:"listen_#{family}"] or return []
          names = [ip, values[:"advertised_#{family}"], values[:"record_route_hostname_tls_#{family}"]]
          [*names.compact, *values[:local_domains]].map { |name| [name.downcase, ip] }
        end

        def profiles_of(proxies)
          common = { configuration: configuration, on_unknown: REFUSE }
          return ProxiesConfig.build(given: proxies, **common) if proxies.is_a?(Hash)

          path = Settings.path(:proxies, proxies)
          ProxiesConfig.build(file: (Config::Source.read(path) if path), path: path, **common)
        end

        # @return [Hash] the given parameters with addresses and ports of the network
        def simulated(file, given)
          from_file = Config::Source.sections(file)
          given = Config::Source.given(given, "configuration") { |_| "" }
          simulated = PORTS.each_with_object(given.dup) do |(section, ports), all|
            values = all.fetch(section, {}).dup
            present = ->(name) { values[name].nil? ? from_file.dig(section, name) : values[name] }
            ADDRESSES.each { |name, ip| values[name] = ip if present.call(name).nil? || LOCAL.include?(present.call(name)) }
            ports.each { |name, port| values[name] = port if present.call(name).to_s == "0" }
            all[section] = values
          end
          with_certificates(simulated, from_file)
        end

        # The files of a server are seldom on the machine that runs its specs: then there are those of the run.
        def with_certificates(given, from_file)
          present = lambda { |section, name|
            given.dig(section, name).nil? ? from_file.dig(section, name) : given.dig(section, name)
          }
          return given unless present.call(:sip, :sip_tls) || present.call(:websocket, :sip_wss)

          addresses = %i[sip websocket].map { |section| present.call(section, :listen_ipv4) }
          files = Certificates.files([*addresses.compact.uniq, *present.call(:sip, :local_domains)])
          kept = files.keys.select { |name| readable?(present.call(:tls, name)) }
          # A certificate without its key is of no use.
          kept -= %i[public_cert private_cert] unless (%i[public_cert private_cert] - kept).empty?
          given.merge(tls: given.fetch(:tls, {}).merge(files.except(*kept)))
        end

        def readable?(path)
          path.is_a?(String) && File.readable?(File.expand_path(path, @folder && File.join(@folder, "tls")))
        end
      end
    end
  end
end
