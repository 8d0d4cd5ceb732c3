# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # The global variables that a script names, as they were before it was loaded. Ruby cannot remove a global variable: it
      # becomes nil.
      #
      # @api private
      class Globals
        NAME = /\$[a-z_]\w*/i

        # Those that were made by files that a script requires, of all worlds of this process.
        @made = []

        class << self
          # @return [Array<Symbol>]
          attr_reader :made
        end

        # @param path [String, nil] the script
        def initialize(path)
          known = global_variables
          @before = names([path].compact).to_h { |name| [name, known.include?(name) ? value(name) : nil] }
          @known = known - Globals.made
        end

        # Gives them their former values.
        #
        # @param files [Array<String>] the files of the script
        def undo(files)
          new = names(files).select { |name| !@before.key?(name) && !@known.include?(name) }
          Globals.made.concat(new).uniq!
          @before.merge(new.to_h { |name| [name, nil] }).each { |name, former| set(name, former) }
        end

        private

        def names(files)
          text = files.map { |file| File.file?(file) ? File.read(file, encoding: Encoding::BINARY) : "" }.join("\n")
          text.scan(NAME).uniq.map(&:to_sym)
        end

        # rubocop:disable Security/Eval, Style/DocumentDynamicEvalDefinition -- Ruby has no other way to a global variable whose name is a value

        def value(name)
          eval(name.to_s, binding, __FILE__, __LINE__)
        end

        def set(name, former)
          return if former.nil? && !global_variables.include?(name)

          eval("#{name} = former", binding, __FILE__, __LINE__) unless value(name).equal?(former)
        rescue NameError
          # It can only be read.
        end

        # rubocop:enable Security/Eval, Style/DocumentDynamicEvalDefinition
      end
    end
  end
end
