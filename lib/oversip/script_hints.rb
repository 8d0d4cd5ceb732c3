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

    # @return [String, nil]
    def self.for(exception)
      case exception
      when NoMethodError then METHODS[exception.name]
      when NameError then CONSTANTS[exception.name]
      end
    end
  end
end
