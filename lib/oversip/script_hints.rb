# frozen_string_literal: true

module OverSIP
  # What to change in a script that was written for an old Ruby or for the original's libraries.
  #
  # @api private
  module ScriptHints
    CONSTANTS = {
      Fixnum: "Fixnum is gone since Ruby 3.2 (and was Integer since 2.4): write Integer instead",
      Bignum: "Bignum is gone since Ruby 3.2 (and was Integer since 2.4): write Integer instead",
      EM: "EventMachine is not part of this library: use OverSIP.schedule for timers, or require \"eventmachine\" and run " \
          "its reactor in a thread of its own",
      EventMachine: "EventMachine is not part of this library: use OverSIP.schedule for timers, or require " \
                    "\"eventmachine\" and run its reactor in a thread of its own"
    }.freeze

    METHODS = {
      exists?: "File.exists? and Dir.exists? are gone since Ruby 3.2: write exist? instead",
      untaint: "taint and untaint are gone since Ruby 3.2: leave them out",
      taint: "taint and untaint are gone since Ruby 3.2: leave them out"
    }.freeze

    # How each of them looks in a script.
    PATTERNS = {
      /\bFixnum\b/ => CONSTANTS[:Fixnum],
      /\bBignum\b/ => CONSTANTS[:Bignum],
      /\b(?:EM|EventMachine)(?:\.|::)/ => CONSTANTS[:EM],
      /\b(?:File|Dir)\.exists\?/ => METHODS[:exists?],
      /\.(?:un)?taint\b/ => METHODS[:taint]
    }.freeze

    # A script that loads EventMachine itself may use it.
    BRINGS_EVENTMACHINE = /^\s*require\s*\(?\s*["'](?:eventmachine|em-)/

    class << self
      # @return [String, nil]
      def for(exception)
        case exception
        when NoMethodError then METHODS[exception.name]
        when NameError then CONSTANTS[exception.name]
        end
      end

      # Looks for such places in a script that was not run.
      #
      # @yieldparam line [Integer] its number
      # @yieldparam hint [String]
      def scan(script)
        patterns = script.match?(BRINGS_EVENTMACHINE) ? PATTERNS.reject { |_, hint| hint == CONSTANTS[:EM] } : PATTERNS
        script.each_line.with_index(1) do |line, number|
          code = line.sub(/(?:^|\s)#.*/, "")
          patterns.each { |pattern, hint| yield(number, hint) if code.match?(pattern) }
        end
      end
    end
  end
end
