# frozen_string_literal: true

require "oversip/command_line/commands"
require "oversip/command_line/mistake"
require "oversip/nearest"

module OverSIP
  class CommandLine
    # The command and the folder that the words of a command line name.
    #
    # @api private
    class Words
      # @!attribute folder
      #   @return [String, nil] as it was given
      # @!attribute about
      #   @return [Commands::Command, nil] what help is wanted for
      Call = Struct.new(:command, :folder, :about, keyword_init: true)

      # @param program [String]
      # @param words [Array<String>]
      # @param given [Array<String>] the server's options on the command line, such as `--pid`
      # @param known [Array<String>] those that it could have
      def initialize(program, words, given:, known:)
        @program = program
        @name, *@arguments = words
        @given = given
        @known = known
      end

      # @return [Call]
      # @raise [Mistake]
      def call
        command = @name ? find(@name) : Commands.named("start")
        refuse_empty(command)
        count(command)
        refuse_options(command)
        about = find(@arguments.first) if command.name == "help" && @arguments.any?
        Call.new(command: command, about: about, folder: (@arguments.first if command.arguments&.include?("DIR")))
      end

      private

      def find(name)
        Commands.named(name) or raise Mistake, unknown(name)
      end

      def unknown(name)
        return "the name of the command is empty: #{@program} help lists the commands" if name.empty?

        if File.directory?(name)
          return "'#{name}' is a folder and no command: did you mean #{@program} start #{Folder.shell(name)}?"
        end
        return "unknown command '#{name}': #{Commands::ELSEWHERE[name]}" if Commands::ELSEWHERE.key?(name)

        nearest = Nearest.to(name, Commands.names)
        "unknown command '#{name}': #{nearest ? "did you mean '#{nearest}'?" : "#{@program} help lists the commands"}"
      end

      # An unset variable of a shell gives an empty word, which does not mean the current folder.
      def refuse_empty(command)
        return unless @arguments.first == "" && command.arguments&.include?("DIR")

        raise Mistake, "the name of the folder is empty: #{@program} #{command.usage}"
      end

      def count(command)
        missing = command.words.min - @arguments.size
        raise Mistake, "#{command.name} needs a folder: #{@program} #{command.usage}" if missing.positive?

        surplus = @arguments[command.words.max]
        raise Mistake, surplus_word(command, surplus) if surplus
        return unless command.options == :server && @arguments.any? && @given.include?("--config-dir")

        raise Mistake, "the folder is given twice: as '#{@arguments.first}' and by --config-dir"
      end

      def surplus_word(command, word)
        option = Nearest.to(word, @known.map { |name| name.delete_prefix("--") }) if command.options == :server
        hint = option ? "did you mean --#{option}?" : "#{@program} help #{command.name} shows what it takes"
        "#{command.name} takes #{command.arguments ? "one word" : "no word"}, '#{word}' is too much: #{hint}"
      end

      def refuse_options(command)
        return if command.options == :server || @given.empty?

        raise Mistake, "#{command.name} does not take #{@given.first}: #{@program} help #{command.name} shows what it takes"
      end
    end
  end
end
