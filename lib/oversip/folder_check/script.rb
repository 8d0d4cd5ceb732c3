# frozen_string_literal: true

require "oversip/folder_check/libraries"
require "oversip/script_events"
require "oversip/script_hints"
require "oversip/script_source"

module OverSIP
  class FolderCheck
    # What is wrong with server.rb, as far as its text says it: it is not run.
    #
    # @api private
    class Script
      # @return [Array<String>] absolute paths of the files that belong to it, as far as they could be read
      attr_reader :files

      # @param path [String]
      # @param profiles [Enumerable<Symbol>, nil] those of proxies.conf; nil: not known
      def initialize(path, profiles)
        @path = path
        @profiles = profiles
        @files = []
      end

      # @yieldparam place [String] file, and line where there is one
      # @yieldparam message [String]
      def run(&)
        text = File.read(@path, encoding: Encoding::UTF_8)
        RubyVM::InstructionSequence.compile(text, Folder::SCRIPT)
        ScriptHints.scan(text.scrub) { |line, hint| yield("#{Folder::SCRIPT}:#{line}", hint) }
        source = ScriptSource.new(@path)
        @files = source.files
        check_libraries(source, &)
        check_profiles(source, &)
        check_events(source, &)
      rescue SystemCallError, SyntaxError, SystemStackError => e
        yield(Folder::SCRIPT, e.message)
      end

      private

      def check_libraries(source)
        source.libraries.each do |name, place|
          next if source.own_load_path? && unknown?(name)

          problem = Libraries.problem(name)
          yield(place, problem) if problem
        end
      end

      # What a script may find in places of its own cannot be said to be missing.
      def unknown?(name)
        !Libraries.found?(name) && ScriptHints::LIBRARIES.none? { |pattern, _| pattern.match?(name) }
      end

      def check_profiles(source)
        return if @profiles.nil? || source.makes_profiles?

        source.profiles.except(*@profiles).each do |name, place|
          yield(place, ProxiesConfig.lacks(name, @profiles))
        end
      end

      def check_events(source)
        source.unbound.each { |owner, event, place| yield(place, ScriptEvents.without_self("OverSIP::#{owner}", event)) }
        return unless source.defines?(:on_request) == false && source.unbound.none? { |_, event, _| event == :on_request }

        yield(Folder::SCRIPT, ScriptEvents.without_on_request)
      end
    end
  end
end
