# frozen_string_literal: true

require "json"

module OverSIP
  # JSON for readers and for files that are compared: the same text by each version of Ruby's library.
  #
  # @api private
  module PrettyJson
    # An empty Array, as versions of the library before 2.8 write it. A String has no line end of this kind.
    EMPTY = /\[\n\s*\]/
    private_constant :EMPTY

    # @param document [Hash, Array]
    # @return [String] ASCII, so that a terminal shows it as it is; indented, and its last line ends with a newline
    def self.of(document)
      "#{JSON.pretty_generate(document, ascii_only: true).gsub(EMPTY, "[]")}\n"
    end
  end
end
