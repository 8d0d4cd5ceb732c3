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

    # Replacements for libraries that need EventMachine's reactor.
    LIBRARIES = {
      /\Aoversip-mod-mysql/ =>
        "oversip-mod-mysql needs EventMachine: docs/migration.md (MySQL) has a pool of mysql2 connections in its place, " \
        "whose answers come back by OverSIP.schedule { fiber.resume }",
      /\Aoversip-mod-postgresql/ =>
        "oversip-mod-postgresql needs EventMachine: docs/migration.md (PostgreSQL) has a pool of pg connections in its " \
        "place, whose answers come back by OverSIP.schedule { fiber.resume }",
      /\Aem-synchrony/ =>
        "em-synchrony needs EventMachine: docs/migration.md (em-synchrony) has what takes its place: a Fiber waits with " \
        "Fiber.yield and goes on by OverSIP.schedule { fiber.resume }",
      /\A(?:em-|eventmachine)/ =>
        "EventMachine is not part of this library: use OverSIP.schedule for timers, a Thread that ends with " \
        "OverSIP.schedule { fiber.resume } for what takes long (docs/migration.md, em-synchrony), or install the gem and " \
        "run its reactor in a thread of its own"
    }.freeze

    # Their modules, which scripts that no longer load them may still name.
    MODULES = {
      "OverSIP::Modules::Mysql" => LIBRARIES.fetch(/\Aoversip-mod-mysql/),
      "OverSIP::Modules::Postgresql" => LIBRARIES.fetch(/\Aoversip-mod-postgresql/)
    }.freeze

    METHODS = {
      exists?: "File.exists? and Dir.exists? are gone since Ruby 3.2: write exist? instead",
      untaint: "taint and untaint are gone since Ruby 3.2: leave them out",
      taint: "taint and untaint are gone since Ruby 3.2: leave them out"
    }.freeze

    WORK = "the block of OverSIP.await or OverSIP.async runs on a thread of its own, which break, return and throw cannot " \
           "leave: end it with next, and look at its value"

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
        when NameError then CONSTANTS[exception.name] || MODULES[exception.message[/constant (\S+)/, 1]]
        when LoadError then library(exception.path)
        when LocalJumpError, UncaughtThrowError then WORK if Waiting.from_work?(exception)
        end
      end

      # The remedy for a library that cannot be loaded.
      #
      # @param name [String, nil] as `require` has it
      # @return [String, nil] nil for a file that is named by its path
      def library(name)
        return if name.nil? || name.start_with?("/", ".")

        # The name of a gem says which file it brings; the path of a file does not say which gem brings it.
        remedy = name.include?("/") ? "install the gem that brings this file" : "gem install #{name}"
        replacement(name) || "is the library there for this Ruby (#{RUBY_VERSION})? #{remedy}"
      end

      # The replacement for a library that does not work here.
      #
      # @param name [String]
      # @return [String, nil]
      def replacement(name)
        LIBRARIES.find { |pattern, _| pattern.match?(name) }&.last
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
