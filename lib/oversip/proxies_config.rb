# frozen_string_literal: true

require "oversip/config/parameter"
require "oversip/config/source"
require "oversip/seconds"

module OverSIP
  # Makes `OverSIP.proxies` from proxies.conf and from the arguments of a script.
  #
  # @api private
  module ProxiesConfig
    extend Logger

    # A value in the file cannot be used.
    class InvalidFile < ConfigurationError
      # @return [String] what is wrong, without the name of the file
      attr_reader :detail

      def initialize(path, detail)
        @detail = detail
        super("error in #{TITLE} file '#{path}': #{detail}")
      end
    end

    TITLE = "Proxies Configuration"
    FILE_NAME = "proxies.conf"

    # The profile of {SIP::Proxy} and {SIP::Uac} objects that were made without a name.
    DEFAULT_PROFILE = :default_proxy

    parameter = Config::Parameter.method(:new)
    timer = ->(name, default, bounds) { parameter.call(name, default, :fixnum, bounds) }

    # The parameters of a profile, in the order in which they are checked and shown.
    PARAMETERS = [
      parameter.call(:do_record_routing, true, :boolean),
      parameter.call(:record_route_all, false, :boolean),
      parameter.call(:path_always, false, :boolean),
      parameter.call(:use_dns, true, :boolean),
      parameter.call(:use_dns_cache, true, :boolean),
      parameter.call(:dns_cache_time, 300, :fixnum, { greater_equal_than: 300, minor_equal_than: Seconds::MOST }),
      parameter.call(:dns_cache_respect_ttl, true, :boolean),
      parameter.call(:use_blacklist, true, :boolean),
      parameter.call(:blacklist_time, 10, :fixnum, { greater_equal_than: 2, minor_equal_than: 600 }),
      parameter.call(:use_naptr, true, :boolean),
      parameter.call(:use_srv, true, :boolean),
      parameter.call(:transport_preference, %w[tls tcp udp], { choices: %w[tls tcp udp] }, list: true, non_empty: true),
      parameter.call(:force_transport_preference, false, :boolean),
      parameter.call(:ip_type_preference, %w[ipv6 ipv4], { choices: %w[ipv4 ipv6] }, list: true, non_empty: true),
      parameter.call(:dns_failover_on_503, true, :boolean),
      timer.call(:timer_B, 32, { greater_equal_than: 2, minor_equal_than: 64 }),
      timer.call(:timer_C, 120, { greater_equal_than: 8, minor_equal_than: 180 }),
      parameter.call(:timer_C_restart, false, :boolean),
      timer.call(:timer_F, 32, { greater_equal_than: 2, minor_equal_than: 64 }),
      timer.call(:routing_time, nil, { greater_equal_than: 2, minor_equal_than: 600 }),
      parameter.call(:max_targets, 16, :fixnum, { greater_equal_than: 1, minor_equal_than: 1000 }),
      parameter.call(:udp_mtu, 1300, :fixnum, { udp_mtu: 200..65_535 }),
      parameter.call(:credentials, nil, :credentials, list: true),
      parameter.call(:callback_on_server_tls_handshake, true, :boolean),
      parameter.call(:connect_timeout, 2, :fixnum, { greater_equal_than: 1, minor_equal_than: 60 }),
      parameter.call(:tls_handshake_timeout, 4, :fixnum, { greater_equal_than: 1, minor_equal_than: 60 }),
      parameter.call(:verify_server, "callback", { choices: ["callback", true, false] })
    ].freeze

    # Keys that a profile has beside its parameters; handing them back to {OverSIP.start} is no mistake.
    DERIVED = %i[name has_sip_ipv4 has_sip_ipv6 has_sip_udp has_sip_tcp has_sip_tls dns_cache blacklist].freeze

    class << self
      # @return [Hash{Symbol => Object}] the parameters of a profile that says nothing
      def defaults
        PARAMETERS.to_h { |parameter| [parameter.name, parameter.default_value] }
      end

      # @return [String] what is to be said of a name that is none of the profiles
      def lacks(name, profiles)
        "the profile '#{name}' is not in #{FILE_NAME}#{Nearest.hint(name, profiles)}"
      end

      # @param file [Object] the content of proxies.conf as YAML gives it; nil: the default profile alone
      # @param path [String, nil] the file's name, for messages
      # @param given [Hash] the `proxies:` of {OverSIP.start}; goes over the file
      # @param configuration [Hash] as {Config.build} made it
      # @param on_unknown [Proc] is told of parameters that nothing has
      # @yieldparam error [ConfigurationError] a value that cannot be used; with a block the default stands in for it
      # @return [Hash{Symbol => Hash{Symbol => Object}}] with an empty blacklist and DNS cache for each profile
      # @raise [ConfigurationError] naming profile, parameter, value and rule
      def build(configuration:, file: nil, path: nil, given: {}, on_unknown: method(:log_system_warn), &on_error)
        from_file = in_file(path) { file_profiles(file, path) }
        given = Config::Source.given(given, "proxies") { |name| in_a_profile(name) }

        (from_file.keys | given.keys).to_h do |name|
          note_unknown(name, on_unknown, from_file.fetch(name, {}).merge(given.fetch(name, {})))
          [name, profile(name, from_file.fetch(name, {}), given.fetch(name, {}), path, configuration, &on_error)]
        end
      end

      private

      def file_profiles(file, path)
        return { DEFAULT_PROFILE => {} } if path.nil? && file.nil?

        raise ConfigurationError, "invalid proxies configuration file, it is not a collection" unless file.is_a?(Hash)

        file.each_key do |name|
          raise ConfigurationError, "proxy name is not a string (#{name.inspect})" unless name.is_a?(String)
        end
        file.each { |name, values| refuse_shape(name, values) unless values.nil? || values.is_a?(Hash) }
        Config::Source.sections(file)
      end

      def refuse_shape(name, values)
        raise ConfigurationError,
              "proxy '#{name}' must be a mapping of parameters, not #{values.inspect}#{in_a_profile(name.to_sym)}"
      end

      # For a parameter that stands where profiles do.
      def in_a_profile(name)
        PARAMETERS.any? { |parameter| parameter.name == name } ? ": it is a parameter and stands in a profile" : ""
      end

      def profile(name, from_file, given, path, configuration, &)
        values = PARAMETERS.to_h do |parameter|
          [parameter.name, value(name, parameter, given[parameter.name], from_file[parameter.name], path, &)]
        end
        derive(values, name, configuration)
      end

      def value(profile, parameter, given, from_file, path)
        return parameter.check(profile.to_s, given, from_ruby: true) unless given.nil?
        return parameter.default_value if from_file.nil?

        in_file(path) { parameter.check(profile.to_s, from_file) }
      rescue ConfigurationError => e
        raise unless block_given?

        yield e
        parameter.default_value
      end

      def derive(values, name, configuration)
        sip = configuration.fetch(:sip)
        has = { udp: sip[:sip_udp], tcp: sip[:sip_tcp], tls: sip[:sip_tls],
                ipv4: sip[:listen_ipv4], ipv6: sip[:listen_ipv6] }.transform_values { |present| present ? true : false }

        warn_without_authorities(values, name, configuration)
        values[:record_route_all] = values[:path_always] = false unless values[:do_record_routing]
        values[:use_naptr] = false unless values[:use_srv]
        %i[transport_preference ip_type_preference].each do |list|
          values[list] = values[list].map(&:to_sym).uniq.select { |entry| has.fetch(entry) }
        end
        values.merge(name: name.to_s, has_sip_ipv4: has[:ipv4], has_sip_ipv6: has[:ipv6], has_sip_udp: has[:udp],
                     has_sip_tcp: has[:tcp], has_sip_tls: has[:tls],
                     dns_cache: SIP::DnsCache.new, blacklist: SIP::Blacklist.new)
      end

      def warn_without_authorities(values, name, configuration)
        return unless values[:verify_server] == true && configuration.dig(:sip, :sip_tls)
        return if configuration.dig(:tls, :ca_dir)

        log_system_warn "#{name}[verify_server] is on without tls[ca_dir]: no TLS server will be accepted"
      end

      def note_unknown(profile, on_unknown, values)
        (values.keys - PARAMETERS.map(&:name) - DERIVED).each do |name|
          on_unknown.call("unknown parameter #{profile}[#{name}] ignored#{Nearest.hint(name, PARAMETERS.map(&:name))}")
        end
      end

      # Says which file a bad value stands in.
      def in_file(path)
        yield
      rescue ConfigurationError => e
        raise e unless path

        raise InvalidFile.new(path, e.message)
      end
    end
  end
end
