# frozen_string_literal: true

require "oversip/script_source/profile_names"
require "oversip/script_source/syntax"

module OverSIP
  class ScriptSource
    # The contents of one file.
    #
    # @api private
    class Reading
      # @!attribute name
      #   @return [String] a library, or the absolute path of a file
      # @!attribute optional
      #   @return [Boolean] whether the script goes on without it, or asks for it under a condition only
      Wanted = Struct.new(:name, :line, :optional)

      # Where in the file the walk is: in which event module, in a body that defines singleton methods, in a part that need
      # not run.
      Where = Struct.new(:owner, :singleton, :optional, :top) do
        def with(**changes)
          dup.tap { |where| changes.each { |name, value| where[name] = value } }
        end
      end

      # With these, libraries are found in places of their own.
      BUNDLER = %w[bundler/setup bundler/inline bundler].freeze

      # What loads files: `Bundler.require` many that the script does not name.
      LOADING = %w[require require_relative load autoload].freeze

      # What changes a Hash.
      CHANGES = %w[store merge! update replace].freeze

      attr_reader :required, :defined, :unbound

      # @return [Hash{Symbol => Integer}] texts and Symbols that stand in the file, and the first line of each
      attr_reader :literals

      # @return [Boolean] whether all that the file loads is known, and no event is defined in a way that cannot be seen
      attr_reader :complete

      # @return [Boolean] whether it looks for libraries in places of its own
      attr_reader :own_load_path

      # @return [Boolean] whether it adds to OverSIP.proxies, or replaces it
      attr_reader :makes_profiles

      # @param constants [Hash] shared by the files of a script
      def initialize(text, path, constants)
        @syntax = Syntax.new(path, constants)
        @path = path
        @required = []
        @defined = []
        @unbound = []
        @literals = {}
        @complete = true
        @tree = Ripper.sexp(text, path)
        walk(@tree, Where.new(nil, false, false, true))
      end

      # @return [Array, nil] its syntax as Ripper gives it
      attr_reader :tree

      # @return [Boolean] whether it is Ruby
      def valid?
        !@tree.nil?
      end

      # @param classes [ClientClasses] those of all files
      # @return [ProfileNames]
      def profile_names(classes)
        ProfileNames.new(@tree, @syntax, classes)
      end

      private

      def walk(node, where)
        return unless node.is_a?(Array)

        where = enter(node, where)
        node.each { |part| walk(part, where) }
      end

      # Notes what a node says.
      #
      # @return [Where] where its parts are
      def enter(node, where)
        node = [:command, node[1][1], node[2]] if node in [:method_add_arg, [:fcall, _], _] # with parentheses or without
        case node
        in [:module, name, *] then where.with(owner: event_module(name) || :other, top: false)
        in [:class, *] then where.with(owner: :other, top: false)
        in [:sclass, target, _]
          owner = @syntax.self?(target) ? where.owner : event_module(target)
          where.with(owner: owner || :other, singleton: true, top: false)
        in [:def, [_, name, [line, _]], *] then note_def(name.to_sym, line, where) || where.with(top: false)
        in [:defs, _, _, [_, name, _], *] then note_defined(name.to_sym) || where.with(top: false)
        in [:symbol, [_, String => name, [line, _]]] then note_symbol(name.to_sym, line) || where
        in [:@tstring_content, text, [line, _]] then note_literal(text, line) || where
        in [:assign | :opassign, target, *, value] then @syntax.assign(target, value) || where
        in [:begin, [:bodystmt, _, Array => rescued, *]]
          where.with(optional: where.optional || rescues_load_error?(rescued))
        in [:command, [:@ident, word, [line, _]], arguments] then note_call(word, arguments, line, where)
        in [:aref_field, [:call, _, _, [:@ident, "proxies", _]], _] | [:field, _, _, [:@ident, "proxies", _]]
          (@makes_profiles = true) && where
        in [:call | :command_call, receiver, _, [:@ident, word, _], *] then note_call_of(receiver, word) || where
        in [:vcall, [:@ident, "module_function", _]] then where.singleton = true && where
        in [Symbol => kind, *] if CONDITIONS.include?(kind) then where.with(optional: true)
        in [:@gvar, "$LOAD_PATH" | "$:", _] | [:@const, "Bundler", _] then (@own_load_path = true) && where
        else where
        end
      end

      def event_module(node)
        name = @syntax.constant(node)&.to_sym
        name if EVENTS.key?(name)
      end

      def note_def(event, line, where)
        return unless EVENTS.each_value.any? { |events| events.include?(event) }
        return note_defined(event) if where.singleton

        if EVENTS.fetch(where.owner, []).include?(event)
          @unbound << [where.owner, event, line]
        elsif !where.top
          @complete = false # mixed in, or evaluated in another place
        end
        nil
      end

      # Changes of an event module from outside are not followed.
      #
      # @return [nil]
      def note_call_of(receiver, word)
        @complete = false if (event_module(receiver) && !word.start_with?("log_")) || LOADING.include?(word)
        @makes_profiles = true if CHANGES.include?(word) && receiver in [:call, _, _, [:@ident, "proxies", _]]
        nil
      end

      def note_symbol(name, line)
        note_literal(name, line)
        note_defined(name)
      end

      # @return [nil]
      def note_literal(text, line)
        @literals[text.to_sym] ||= line
        nil
      end

      # @return [nil]
      def note_defined(event)
        @defined << event if EVENTS.each_value.any? { |events| events.include?(event) }
        nil
      end

      def note_call(word, arguments, line, where)
        case word
        when "require", "require_relative", "load" then note_required(word, arguments, line, where)
        when "extend", "prepend", "include" then @complete = false if EVENTS.key?(where.owner)
        when "autoload", "eval", "instance_eval", "class_eval", "module_eval" then @complete = false
        end
        where
      end

      def note_required(word, arguments, line, where)
        name = @syntax.value(@syntax.arguments(arguments).first)
        return @complete = false unless name

        @own_load_path = true if BUNDLER.include?(name)
        name = File.expand_path(name, File.dirname(@path)) if word == "require_relative"
        @required << Wanted.new(name, line, where.optional)
      end

      def rescues_load_error?(rescued)
        names = rescued.flatten.grep(String)
        (names & %w[LoadError ScriptError Exception]).any?
      end
    end
  end
end
