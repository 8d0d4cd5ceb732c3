# frozen_string_literal: true

require "oversip/config/explanation"
require "oversip/config/validators"

module OverSIP
  module Config
    # One parameter of oversip.conf or proxies.conf: its default and what its values must satisfy.
    #
    # @api private
    class Parameter
      # What is never shown.
      SECRETS = %i[flow_token_key token password].freeze

      attr_reader :name, :default

      # @param rules [Array<Symbol, Hash>] rules in the order in which they are checked; one with an argument as
      #   `{ greater_equal_than: 180 }`
      # @param list [Boolean] the value may be a list, and is an Array afterwards
      # @param non_empty [Boolean] an empty list is an error
      # @param identity [#call, nil] what two entries of a list have in common that mean the same: the second one is an error
      def initialize(name, default, *rules, list: false, non_empty: false, identity: nil)
        @name = name
        @default = default
        @rules = rules.flat_map { |rule| rule.is_a?(Hash) ? rule.to_a : [[rule, nil]] }
        @list = list
        @non_empty = non_empty
        @identity = identity
      end

      # @param owner [String] section or profile, for the message
      # @param value [Object] not nil
      # @param from_ruby [Boolean] the value was handed over by a script rather than read from a file: port 0 is allowed
      # @return [Object] the value to use: lists as Arrays, texts that YAML took for Symbols as Strings
      # @raise [ConfigurationError]
      def check(owner, value, from_ruby: false)
        unless value.is_a?(Array)
          value = check_one(owner, value, from_ruby)
          return @list ? [value] : value
        end

        fail_with("#{owner}[#{name}] does not allow multiple values") unless @list
        fail_with("#{owner}[#{name}] does not allow empty values") if @non_empty && value.empty?
        value.map { |item| check_one(owner, item, from_ruby) }.tap { |items| refuse_repetition(owner, items) if @identity }
      end

      # @return [Array<Integer, nil>] the least and the largest number that it takes
      def bounds
        rules = @rules.to_h
        most = rules[:minor_equal_than] || rules[:minor_than]&.pred
        [rules[:greater_equal_than], most]
      end

      # @return [Object] the default, lists as fresh Arrays
      def default_value
        default.is_a?(Array) ? default.dup : default
      end

      # @return [String] the value as messages and the printed configuration show it
      def self.show(value)
        case value
        when true then "yes"
        when false then "no"
        when nil then "null"
        when Array then value.map { |item| show(item) }.join(", ")
        when Hash then "(not shown)" # credentials
        else value.to_s
        end
      end

      private

      def check_one(owner, value, from_ruby)
        value = symbol_text(value) if value.is_a?(Symbol)
        return value if from_ruby && value == 0 && @rules.first&.first == :port # rubocop:disable Style/NumericPredicate -- value may be no number

        @rules.each do |rule, argument|
          next if Validators.satisfied?(rule, value, argument)

          fail_with(["#{owner}[#{name}] has invalid value '#{shown(value)}' " \
                     "(does not satisfy '#{rule}' validation requirement)",
                     Explanation.new(self, from_ruby: from_ruby).of(rule, argument, value)].compact.join(": "))
        end
        value
      end

      def shown(value)
        SECRETS.include?(name) ? "(not shown)" : Parameter.show(value)
      end

      def refuse_repetition(owner, items)
        same = items.each_index.group_by { |index| @identity.call(items[index]) }.values
        first, second = same.find { |places| places.size > 1 }
        return unless second

        fail_with("#{owner}[#{name}] has the same entry twice: entry #{first + 1}, '#{shown(items[first])}', and " \
                  "entry #{second + 1}, '#{shown(items[second])}'")
      end

      # YAML reads an unquoted `::1` as the Symbol `:":1"`. Elsewhere a Symbol is a choice written in Ruby.
      def symbol_text(symbol)
        symbol.name.start_with?(":") ? ":#{symbol.name}" : symbol.name
      end

      def fail_with(message)
        raise ConfigurationError, message
      end
    end
  end
end
