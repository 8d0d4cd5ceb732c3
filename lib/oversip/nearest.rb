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
    # @param name [String, Symbol]
    # @param names [Enumerable<String, Symbol>] those that are known
    # @return [String, nil]
    def self.to(name, names)
      return unless defined?(DidYouMean::SpellChecker)

      DidYouMean::SpellChecker.new(dictionary: names.map(&:to_s)).correct(name.to_s).first
    end

    # @return [String] the end of a message; empty when nothing is near
    def self.hint(name, names)
      nearest = to(name, names)
      nearest ? ": did you mean '#{nearest}'?" : ""
    end
  end
end
