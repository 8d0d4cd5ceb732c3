# frozen_string_literal: true

begin
  require "did_you_mean"
rescue LoadError
  # A Ruby without its default gems: there are no suggestions then.
end

module OverSIP
  # The name that a mistyped one may stand for.
  #
  # @api private
  module Nearest
    class << self
      # @param name [String, Symbol]
      # @param names [Enumerable<String, Symbol>] those that are known
      # @return [String, nil]
      def to(name, names)
        name = name.to_s
        names = names.map(&:to_s)
        same_letters(name, names) || checked(name, names)
      end

      # @return [String] the end of a message; empty when nothing is near
      def hint(name, names)
        nearest = to(name, names)
        nearest ? ": did you mean '#{nearest}'?" : ""
      end

      private

      # Another case, or letters that have changed places: too little for the library in short names.
      def same_letters(name, names)
        names.find { |known| known.casecmp?(name) } ||
          names.find { |known| known.size == name.size && known.downcase.chars.sort == name.downcase.chars.sort }
      end

      def checked(name, names)
        DidYouMean::SpellChecker.new(dictionary: names).correct(name).first if defined?(DidYouMean::SpellChecker)
      end
    end
  end
end
