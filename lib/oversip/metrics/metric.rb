# frozen_string_literal: true

module OverSIP
  class Metrics
    # What all metrics of a script have.
    class Metric
      # Characters of a label's value that are kept.
      LONGEST = 128
      # What a page or a terminal would not show as it is: control characters, and those that turn the direction of writing.
      HIDDEN = /[\p{Cc}\u200E\u200F\u2028-\u202E\u2066-\u2069]/
      private_constant :LONGEST, :HIDDEN

      # @return [String] the name that `/metrics` shows
      attr_reader :name

      # @api private
      def initialize(kind, name, labels, help, buckets = [])
        raise TypeError, "help: has to be a String, not #{help.inspect}" unless help.is_a?(String)

        @metric = Engine.metric(kind, word(name, "the name"), visible(help), words(labels), numbers(buckets))
        @name = @metric.name.freeze
        @labels = @metric.labels.map(&:to_sym).freeze
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{name}#{" by #{@labels.join(", ")}" unless @labels.empty?}>"
      end

      private

      def word(value, what)
        return utf8(value.to_s) if value.is_a?(Symbol) || value.is_a?(String)

        raise TypeError, "#{what} has to be a Symbol or a String, not #{value.inspect}"
      end

      def words(labels)
        raise TypeError, "labels: has to be an Array, not #{labels.inspect}" unless labels.is_a?(Array)

        labels.map { |label| word(label, "a label") }
      end

      def numbers(buckets)
        return buckets.map(&:to_f) if buckets.is_a?(Array) && buckets.all?(Numeric)

        raise TypeError, "buckets: has to be an Array of numbers, not #{buckets.inspect}"
      end

      # @return [Float]
      def number(value)
        return value.to_f if value.is_a?(Numeric) && value.real? && value.to_f.finite?

        raise TypeError, "a number is needed, not #{value.inspect}"
      end

      # @return [Array<String>] the values of the labels, in the order of their names
      def values(labels)
        return labels.values.map { |value| text(value) } if labels.keys == @labels

        unless labels.size == @labels.size && @labels.all? { |label| labels.key?(label) }
          raise ArgumentError, "#{name} has #{@labels.empty? ? "no labels" : "the labels #{@labels.join(", ")}"}, " \
                               "not #{labels.empty? ? "none" : labels.keys.join(", ")}"
        end

        labels.fetch_values(*@labels).map { |value| text(value) }
      end

      # @return [String] the value of a label, whatever its bytes are
      def text(value)
        text = visible(value.to_s)
        text.length > LONGEST ? text[0, LONGEST] : text
      end

      def visible(text)
        text = utf8(text)
        return text unless text.match?(HIDDEN)

        text.gsub(HIDDEN) { |char| char.ord < 0x100 ? format("\\x%02X", char.ord) : format("\\u{%X}", char.ord) }
      end

      def utf8(text)
        text = text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace) unless text.encoding == Encoding::UTF_8
        text.valid_encoding? ? text : text.scrub
      rescue Encoding::ConverterNotFoundError
        text.b.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)
      end

      # Says once that the labels have too many values.
      def told(too_many)
        return unless too_many

        text = "#{name} has no room for more combinations of labels: it may have 1000, and all metrics together 20000 " \
               "samples; what further ones count goes to one whose labels are all \"other\". The values of a label have " \
               "to be few: users and Call-IDs are none"
        Logger.record(:warn, "metrics", text, [:metric, name])
        nil
      end
    end
  end
end
