# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # What a message has to be: its method or status, its receiver, its parts. Says of another message what differs.
      #
      # @api private
      class MessagePattern
        include Covering

        # The parts that `with` knows.
        PARTS = %i[headers body reason ruri].freeze

        # Parts of requests or responses alone.
        ONLY = { ruri: :request, reason: :response }.freeze

        # @param kind [Symbol, Integer, Object, nil] a method, a status, or what matches a status; nil for any message
        # @param sort [Symbol, nil] :request or :response, where the kind does not tell
        # @raise [ArgumentError] no message is of this kind
        def initialize(kind, sort: nil)
          @kind = checked(kind)
          @sort = sort || (kind && (@kind.is_a?(Symbol) ? :request : :response))
          @parts = {}
        end

        # @param receiver [Object] a persona, or a name, an address, a matcher of either
        def to(receiver)
          @receiver = Party.matched(receiver)
        end

        # @param parts [Hash]
        # @raise [ArgumentError] one of them is unknown, or no message of the kind can have it
        def with(parts)
          unknown = parts.keys - PARTS
          raise ArgumentError, "with knows #{PARTS.join(", ")}, not #{unknown.join(", ")}" if unknown.any?

          @parts.merge!(parts.to_h { |part, expected| [part, checked_part(part, expected)] })
        end

        # @raise [ArgumentError] nobody of the world is the receiver that was named
        def check_receiver(world)
          Party.check(world, @receiver)
        end

        # @return [Boolean] whether the message is of the kind, whatever its parts
        def kind?(message)
          case @kind
          when nil then true
          when Symbol then message.request? && message.sip_method == @kind
          else message.response? && values_match?(@kind, message.status_code)
          end
        end

        # @return [Array<String>] how the message differs from the pattern
        def differences(message, world)
          return ["it is no #{kind}"] unless kind?(message)

          [*receiver_difference(message, world),
           *@parts.flat_map { |part, expected| part_differences(part, expected, message) }]
        end

        # @return [Boolean]
        def match?(message, world)
          differences(message, world).empty?
        end

        # @return [String] such as `BYE to gw2.example with Route "<sip:192.0.2.100;lr>"`
        def description
          parts = @parts.map { |part, expected| " with #{part_shown(part, expected)}" }
          [kind, (" to #{shown(@receiver)}" if @receiver), *parts].join
        end

        private

        def checked(kind)
          case kind
          when nil then nil
          when /\A\d/ then Arguments.status(kind)
          when Symbol, String then Arguments.method_pattern(kind)
          else Arguments.status_pattern(kind)
          end
        end

        def checked_part(part, expected)
          raise ArgumentError, "a #{@sort} has no #{part}" if @sort && ONLY.fetch(part, @sort) != @sort

          part == :headers ? checked_headers(expected) : Arguments.text_pattern(part.to_s, expected)
        end

        # Headers are named as a persona's are: `retry_after` is Retry-After, and its value may be a number.
        def checked_headers(expected)
          Arguments.headers(expected).to_h do |name, value|
            values = value.is_a?(Array) ? value.map { |one| checked_value(one) } : checked_value(value)
            [MessageText.header_name(name), values]
          end
        end

        def checked_value(value)
          return value if value.nil?

          Arguments.text_pattern("the value of a header", value.is_a?(Integer) ? value.to_s : value)
        end

        def kind
          case @kind
          when nil then "a message"
          when Symbol, Integer then @kind.to_s
          else described(@kind)
          end
        end

        def shown(value)
          value.is_a?(String) ? Wording.party(value) : described(value)
        end

        def described(value)
          surface_descriptions_in(value).inspect
        end

        def part_shown(part, expected)
          return "#{part} #{described(expected)}" unless part == :headers

          expected.map { |name, value| value.nil? ? "no #{name}" : "#{name} #{described(value)}" }.join(" and ")
        end

        def receiver_difference(message, world)
          return if @receiver.nil? || receivers(message, world).any? { |name| values_match?(@receiver, name) }

          "it went to #{Wording.receiver(message)}"
        end

        # All names of the place that a message went to.
        def receivers(message, world)
          [*message.receiver, *Party.names(world, "#{message.transport}:#{message.to}")]
        end

        def part_differences(part, expected, message)
          return expected.filter_map { |name, value| header_difference(name, value, message) } if part == :headers

          actual = part_of(part, message)
          values_match?(expected, actual) ? [] : ["its #{part} is #{actual.inspect}"]
        end

        def part_of(part, message)
          case part
          when :body then message.body
          when :reason then message.reason_phrase
          when :ruri then message.ruri
          end
        end

        # An Array is compared with all values of the header, anything else with each of them.
        def header_difference(name, expected, message)
          values = message.headers(name)
          fits = case expected
                 when nil then values.empty?
                 when Array then values_match?(expected, values)
                 else values.any? { |value| values_match?(expected, value) }
                 end
          return if fits

          values.empty? ? "it has no #{name}" : "its #{name} is #{values.map(&:inspect).join(", ")}"
        end
      end
    end
  end
end
