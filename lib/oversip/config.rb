# frozen_string_literal: true

require "oversip/config/schema"
require "oversip/config/source"
require "oversip/config/addresses"
require "oversip/config/derivation"
require "oversip/config/bind_check"

module OverSIP
  # Makes `OverSIP.configuration` from oversip.conf and from what a script hands over.
  #
  # @api private
  module Config
    extend Logger

    TITLE = "Main Configuration"
    FILE_NAME = "oversip.conf"

    # Parameters of the `tls` section that are files; relative ones are looked for in the folder's `tls/`.
    TLS_FILES = %i[public_cert private_cert ca_dir].freeze

    # Keys that {OverSIP.configuration} has beside the parameters; handing them back is no mistake.
    DERIVED = { sip: [:loopback_by_default], tls: [:full_cert] }.freeze

    class << self
      # @param file [Object, nil] the content of oversip.conf as YAML gives it
      # @param given [Hash] the `configuration:` of {OverSIP.start}; goes over the file
      # @param config_dir [String, nil] the folder of the file
      # @param scope [Symbol] :loopback or :network, see {Addresses}
      # @param command [Boolean] whether the server of the `oversip` command is configured, which keeps a trace by itself
      # @param on_unknown [Proc] is told of sections and parameters that nothing has
      # @yieldparam error [ConfigurationError] a value that cannot be used; with a block the default stands in for it
      # @return [Hash{Symbol => Hash{Symbol => Object}}]
      # @raise [ConfigurationError] naming section, parameter, value and rule
      def build(file: nil, given: {}, config_dir: nil, scope: :loopback, command: false,
                on_unknown: method(:log_system_warn), &on_error)
        note_shape(file, on_unknown)
        file = Source.sections(file)
        given = without_defaults(given_sections(given))
        [[file, FILE_NAME], [given, "configuration:"]].each { |sections, origin| note_unknown(sections, origin, on_unknown) }

        configuration = SCHEMA.to_h do |section, parameters|
          [section, parameters.to_h do |name, parameter|
            [name, value(section, parameter, given.dig(section, name), file.dig(section, name), config_dir, &on_error)]
          end]
        end
        Derivation.new(configuration, scope, command: command).apply
      end

      # @param given [Hash] the `configuration:` of {OverSIP.start}
      # @return [Hash{Symbol => Hash{Symbol => Object}}] its sections
      # @raise [ConfigurationError] this is no Hash of Hashes
      def given_sections(given)
        Source.given(given, "configuration") { |name| instead_of_section(name) }
      end

      private

      # A configuration that is handed back has the addresses that stood in for those that were not given.
      def without_defaults(given)
        sip = given[:sip] or return given
        families = Array(sip[:loopback_by_default]) & Addresses::LOOPBACK.keys
        stood_in = families.select { |family| sip[:"listen_#{family}"] == Addresses::LOOPBACK[family] }
        given.merge(sip: sip.except(*stood_in.map { |family| :"listen_#{family}" }))
      end

      # A value from Ruby goes over one from the file, and null means "not set" in both.
      def value(section, parameter, given, from_file, config_dir)
        chosen = given.nil? ? from_file : given
        return parameter.default_value if chosen.nil?

        if section == :tls && chosen.is_a?(String) && !chosen.start_with?("/") && config_dir
          chosen = File.join(config_dir, "tls", chosen)
        end
        parameter.check(section.to_s, chosen, from_ruby: !given.nil?)
      rescue ConfigurationError => e
        raise unless block_given?

        yield e
        parameter.default_value
      end

      def note_unknown(sections, origin, on_unknown)
        sections.each do |section, values|
          unless SCHEMA.key?(section)
            on_unknown.call("#{origin} unknown section '#{section}' ignored#{instead_of_section(section)}")
            next
          end

          (values.keys - SCHEMA.fetch(section).keys - DERIVED.fetch(section, [])).each do |name|
            on_unknown.call("#{origin} unknown parameter #{section}[#{name}] ignored#{instead_of(section, name)}")
          end
        end
      end

      # What is no mapping holds no parameters: it counts as empty.
      def note_shape(file, on_unknown)
        return if file.nil?
        return on_unknown.call("#{FILE_NAME} ignored: it is no mapping of sections") unless file.is_a?(Hash)

        file.each do |section, values|
          next if values.nil? || Source.switched(section, values).is_a?(Hash) || !SCHEMA.key?(section.to_s.to_sym)

          on_unknown.call("#{FILE_NAME} section '#{section}' ignored: it is no mapping of parameters")
        end
      end

      def instead_of_section(name)
        return "" if SCHEMA.key?(name)

        home = SCHEMA.find { |_, parameters| parameters.key?(name) }&.first
        home ? ": it is a parameter of the section '#{home}'" : Nearest.hint(name, SCHEMA.keys)
      end

      def instead_of(section, name)
        hint = Nearest.hint(name, SCHEMA.fetch(section).keys)
        return hint unless hint.empty?

        home = SCHEMA.find { |_, parameters| parameters.key?(name) }&.first
        home ? ": it belongs to the section '#{home}'" : ""
      end
    end
  end
end
