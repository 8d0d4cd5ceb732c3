# frozen_string_literal: true

module OverSIP
  # IP addresses, and comparisons of text from the network. All are functions: `OverSIP::Utils.ip?("::1")`.
  module Utils
    module_function

    # Compares bytes and ignores encodings.
    #
    # @param string1 [#to_s]
    # @param string2 [#to_s]
    # @return [Boolean]
    def string_compare(string1, string2)
      string1.to_s.b == string2.to_s.b
    end

    # Matches bytes, so that invalid UTF-8 from the network raises no error. The options of the pattern count.
    #
    # @param string [#to_s]
    # @param expression [Regexp, String] a String is the source of a pattern
    # @return [Integer, nil] the byte position of the match
    # @raise [RegexpError] the String is no pattern
    # @raise [TypeError] the expression is neither Regexp nor String
    def regexp_compare(string, expression)
      unless expression.is_a?(Regexp) || expression.is_a?(String)
        raise TypeError, "expression must be a Regexp or a String, not #{expression.inspect}"
      end

      expression = Regexp.new(expression) unless expression.is_a?(Regexp)
      # A pattern for bytes takes no \u escapes: their characters are written out.
      source = expression.source.b.gsub(/\\\\|\\u(?:\h{4}|\{\h+\})/n) do |found|
        found[1] == "u" ? [found[/\h+/].hex].pack("U").b : found
      end
      options = expression.options & (Regexp::IGNORECASE | Regexp::EXTENDED | Regexp::MULTILINE)
      Regexp.new(source, options | Regexp::NOENCODING) =~ string.to_s.b
    end
  end
end
