# frozen_string_literal: true

# Documentation of the classes that are written in Rust, for YARD. Never loaded.
module OverSIP
  module SIP
    # Reads the head of a SIP message (RFC 3261 7) that may arrive in pieces. The listeners have their own way to the parser:
    # this class is for tests and tools.
    #
    # @example
    #   parser = OverSIP::SIP::MessageParser.new
    #   consumed = parser.execute(text, 0)
    #   request = parser.parsed if parser.finished?
    class MessageParser
      # @param name [String]
      # @return [String] the usual spelling of a header name: "call-id" and "i" give "Call-ID"; tagged BINARY, and one frozen
      #   String for each name that the parser knows
      # @raise [TypeError] it is no String
      def self.headerize(name); end

      # @param text [String] the whole text has to match
      # @param allow_name_addr [Boolean] true reads a name-addr, or a URI, and header parameters behind it
      # @return [Uri, NameAddr, false] false where it does not match
      # @raise [TypeError] it is no String
      # @raise [ArgumentError] it contains NUL
      def self.parse_uri(text, allow_name_addr); end

      # Expects a message from its first byte again.
      # @return [nil]
      def reset; end

      # Reads on, up to the end of the head or of a keep-alive.
      #
      # @param data [String] the message from its first byte, as far as it is there
      # @param offset [Integer] the bytes consumed so far: 0, then what the call before returned
      # @return [Integer, false] the bytes consumed in all; false for what is no SIP message, after a message is complete, and
      #   for data that became shorter
      # @raise [OverSIP::SIP::MessageParserError] there is nothing behind the offset, or it was not reached yet
      # @raise [TypeError]
      def execute(data, offset); end

      # @return [Boolean] whether a head or a keep-alive is complete
      def finished?; end

      # The same.
      # @return [Boolean]
      def finish; end

      # @return [Boolean] whether nothing will come of this before {#reset}
      def error?; end

      # @return [String, nil] the data of the call that failed with line ends shown as `\r` and `\n` and the offending byte in
      #   three pairs of braces
      def error; end

      # @return [Integer] the bytes accepted; after an error the index of the offending one
      def nread; end

      # What was read. Before the head is complete it is good for a log only, and a later call may answer another object.
      #
      # @return [Request, Response, Symbol, nil] :outbound_keepalive for two line ends
      def parsed; end

      # @return [String, false] the first of Via, From, To, CSeq and Call-ID that is not there
      def missing_core_header?; end

      # @return [String, false] the first of From, To, CSeq, Call-ID, Max-Forwards and Content-Length that is there twice
      def duplicated_core_header?; end

      # Does nothing: attributes are right from the start. What drives a parser calls it after the head.
      # @return [nil]
      def post_parsing; end
    end
  end
end
