# frozen_string_literal: true

module OverSIP
  class ScriptSource
    # The profiles that a file names: the first argument of `Proxy.new` and `Uac.new`, of their subclasses' too.
    #
    # @api private
    class ProfileNames
      # @return [Hash{Symbol => Integer}] each with the line that names it first
      attr_reader :found

      # @return [Array<Symbol>] those that are named under no condition
      attr_reader :certain

      # @return [Boolean] whether there are Clients whose profile the text does not tell
      attr_reader :open

      # @param tree [Array] as Ripper gives it
      # @param syntax [Syntax]
      # @param classes [ClientClasses]
      def initialize(tree, syntax, classes)
        @syntax = syntax
        @classes = classes
        @found = {}
        @certain = []
        @open = false
        walk(tree, true)
      end

      private

      def walk(node, certain)
        return unless node.is_a?(Array)

        certain &&= !CONDITIONS.include?(node.first)
        case node
        in [:class, _, Array => superclass, body] if @classes.kind?(superclass) then note_subclass(body, certain)
        in [:method_add_arg, [:call, receiver, _, [:@ident, "new", [line, _]]], arguments]
          note(receiver, @syntax.arguments(arguments), line, certain)
          return [receiver, arguments].each { |part| walk(part, certain) }
        in [:command_call, receiver, _, [:@ident, "new", [line, _]], arguments]
          note(receiver, @syntax.arguments(arguments), line, certain)
        in [:call, receiver, _, [:@ident, "new", [line, _]]] then note(receiver, [], line, certain)
        else nil
        end
        node.each { |part| walk(part, certain) }
      end

      # Its `new` is theirs, unless it has an `initialize`: what that hands on is the profile then.
      def note_subclass(body, certain)
        initializer = @classes.initializer(body) or return
        call = @syntax.find(initializer) { |node| %i[super zsuper].include?(node.first) } or return
        enter(call.first == :super ? @syntax.arguments(call[1]).first : nil, initializer[1][2].first, certain)
      end

      def note(receiver, arguments, line, certain)
        return unless @classes.client?(receiver)

        case arguments.first
        # Without a profile, or with nothing but keyword arguments.
        in nil | [:bare_assoc_hash, *] then add(ProxiesConfig::DEFAULT_PROFILE, line, certain)
        in first then enter(first, line, certain)
        end
      end

      def enter(argument, line, certain)
        name = @syntax.value(argument) if argument.is_a?(Array)
        name ? add(name.to_sym, line, certain) : @open = true
      end

      def add(name, line, certain)
        @found[name] ||= line
        @certain |= [name] if certain
      end
    end
  end
end
