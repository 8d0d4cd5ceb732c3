# frozen_string_literal: true

require "oversip/script_mistakes"

module OverSIP
  # Keeps line ends that scripts let through (the name of a caller, a header copied from elsewhere) from making header lines
  # of their own. Only the line end of a folded header value may stay (RFC 3261 7.3.1).
  #
  # @api private
  module LineEnds
    FOLD_OR_LINE_END = /\r\n(?=[ \t])|[\r\n\0]/n
    FOLD = "\r\n"
    private_constant :FOLD_OR_LINE_END, :FOLD

    class << self
      # @param what [String] for the log
      # @param parts [Array<#to_s>] in any encodings
      # @param folds [Boolean] whether the line end of a folded value may stay
      # @return [String] the parts as BINARY, without line ends
      def neutral(what, *parts, folds: true)
        bytes = parts.map { |part| part.to_s.b }.join
        clean = if folds
                  bytes.gsub(FOLD_OR_LINE_END) { |found| found == FOLD ? found : " " }
                else
                  bytes.tr("\r\n\0", " ")
                end
        report(what) unless clean == bytes
        clean
      end

      # Logs that a line end was replaced, once for each line of a script that had something sent or written.
      def report(what)
        ScriptMistakes.report("a line end or NUL in #{what} was replaced by a blank")
      end
    end
  end
end
