# frozen_string_literal: true

require "date"
require "yaml"

module OverSIP
  module Config
    # Reading of the two YAML files, and of the Hashes that scripts hand over in their place.
    #
    # @api private
    module Source
      # Sections that yes or no may stand for.
      SWITCHES = { trace: :enabled }.freeze

      class << self
        # @return [Object] what the file says, in the types of YAML 1.1
        def read(path)
          YAML.safe_load(File.read(path, encoding: Encoding::UTF_8),
                         permitted_classes: [Symbol, Date, Time], aliases: true, filename: path)
        end

        # @return [Hash{Symbol => Hash{Symbol => Object}}] the same with Symbol keys, where parts that are no mappings
        #   count as empty
        def sections(value)
          return {} unless value.is_a?(Hash)

          value.to_h do |name, content|
            content = switched(name, content)
            [name.to_s.to_sym, content.is_a?(Hash) ? symbolize(content) : {}]
          end
        end

        # As {sections}, for an argument of {OverSIP.start}: a wrong shape there is a mistake, not an empty file.
        #
        # @yieldparam name [Symbol] what should have been a section or profile
        # @yieldreturn [String] what to do about it; may be empty
        def given(value, argument)
          mistaken("#{argument}: must be a Hash of Hashes", value) unless value.is_a?(Hash)

          value.to_h do |name, content|
            content = switched(name, content.nil? ? {} : content)
            mistaken("#{argument}: #{name} must be a Hash", content, yield(name.to_s.to_sym)) unless content.is_a?(Hash)

            [name.to_s.to_sym, symbolize(content)]
          end
        end

        # @return [Object] the content of a section, where yes or no stands for its switch, and `off` for the contrary
        def switched(name, content)
          switch = SWITCHES[name.to_s.to_sym]
          return content unless switch
          return { switch => content } if boolean?(content)

          content.is_a?(Hash) ? without_off(content, switch) : content
        end

        private

        # YAML 1.1 reads a key `off` as no.
        def without_off(content, switch)
          off = content.keys.find { |key| key == false || key.to_s == "off" }
          return content if off.nil?

          value = content.fetch(off)
          rest = content.except(off)
          # One of the two counts, and the other is told of as unknown.
          return rest.merge(off: value) if rest.keys.any? { |key| key.to_s == switch.name }

          rest.merge(switch => boolean?(value) ? !value : value)
        end

        def boolean?(value)
          [true, false].include?(value)
        end

        def mistaken(rule, value, hint = "")
          raise ConfigurationError, "#{rule}, not #{value.inspect}#{hint}"
        end

        def symbolize(hash)
          hash.transform_keys { |key| key.to_s.to_sym }
        end
      end
    end
  end
end
