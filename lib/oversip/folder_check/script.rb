# frozen_string_literal: true

require "oversip/folder_check/libraries"
require "oversip/script_events"
require "oversip/script_hints"
require "oversip/script_source"

module OverSIP
  class FolderCheck
    # Mistakes in server.rb that its text shows: it is not run. Possible mistakes, and mistakes that do not prevent a start,
    # are advice.
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
      # @yieldparam certain [Boolean] whether it has to be changed; false: advice
      def run(&)
        text = File.read(@path, encoding: Encoding::UTF_8)
        @files = [@path]
        RubyVM::InstructionSequence.compile(text, Folder::SCRIPT)
        ScriptHints.scan(text.scrub) { |line, hint| yield("#{Folder::SCRIPT}:#{line}", hint, true) }
        look(&)
      rescue SystemCallError, SyntaxError, SystemStackError => e
        yield(Folder::SCRIPT, e.message, true)
      end

      private

      def look(&)
        source = read or return yield(Folder::SCRIPT, "is nested too deep to be looked at", false)

        @files = source.files
        check_libraries(source, &)
        check_profiles(source, &)
        check_events(source, &)
      end

      # @return [ScriptSource, nil] nil for a script that Ruby may load and that is too deep to be read
      def read
        ScriptSource.new(@path).tap(&:profiles)
      rescue SystemStackError
        nil
      end

      def check_libraries(source)
        problems = Libraries.problems(source.loads)
        source.libraries.each do |name, place|
          problem = problems[name] or next
          replaced = ScriptHints.replacement(name)
          next if source.own_load_path? && !replaced && !Libraries.found?(name)

          # A library with a load path of its own need not be missing.
          yield(place, problem.text, problem.certain && (!source.own_load_path? || !replaced.nil?))
        end
      end

      def check_profiles(source)
        return if @profiles.nil? || source.makes_profiles?

        source.profiles.except(*@profiles).each do |name, place|
          yield(place, ProxiesConfig.lacks(name, @profiles), source.certain?(name))
        end
      end

      # A server starts without them, with the same warning.
      def check_events(source)
        source.unbound.each do |owner, event, place|
          yield(place, ScriptEvents.without_self("OverSIP::#{owner}", event), false)
        end
        return unless source.defines?(:on_request) == false && source.unbound.none? { |_, event, _| event == :on_request }

        yield(Folder::SCRIPT, ScriptEvents.without_on_request, false)
      end
    end
  end
end
