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

        def initialize
          @before = {}
          @names = Hash.new { |names, file| names[file] = names_in(file) }
          @known = global_variables - Globals.made
        end

        # Notes what a file is going to change.
        #
        # @param file [String] of the script, about to be evaluated
        def keep(file)
          known = global_variables
          @names[file].each { |name| @before[name] = known.include?(name) ? value(name) : nil unless @before.key?(name) }
        end

        # Gives them their former values.
        #
        # @param files [Array<String>] the files of the script
        def undo(files)
          names = files.flat_map { |file| @names[file] }.uniq
          new = names.select { |name| !@before.key?(name) && !@known.include?(name) }
          Globals.made.concat(new).uniq!
          @before.slice(*names).merge(new.to_h { |name| [name, nil] }).each { |name, former| set(name, former) }
        end

        private

        def names_in(file)
          text = File.file?(file) ? File.read(file, encoding: Encoding::BINARY) : ""
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
