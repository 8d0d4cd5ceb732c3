# frozen_string_literal: true

module OverSIP
  class ScriptSource
    # The profiles that a file names: the first argument of `Proxy.new` and `Uac.new`, of their subclasses' too.
    #
    # @api private
    class ProfileNames
      # The classes whose first argument is a profile.
      CLIENTS = %w[Proxy Uac].freeze

      # @return [Hash{Symbol => Integer}] each with the line that names it first
      attr_reader :found

      # @param tree [Array] as Ripper gives it
      # @param syntax [Syntax]
      def initialize(tree, syntax)
        @syntax = syntax
        @found = {}
        @subclasses = []
        walk(tree)
      end

      private

      def walk(node)
        return unless node.is_a?(Array)

        case node
        in [:class, name, Array => superclass, body] if client?(superclass) then return walk_subclass(name, body)
        in [:method_add_arg, [:call, receiver, _, [:@ident, "new", [line, _]]], arguments]
          note(receiver, @syntax.arguments(arguments), line)
          return [receiver, arguments].each { |part| walk(part) }
        in [:command_call, receiver, _, [:@ident, "new", [line, _]], arguments]
          note(receiver, @syntax.arguments(arguments), line)
        in [:call, receiver, _, [:@ident, "new", [line, _]]] then note(receiver, [], line)
        else nil
        end
        node.each { |part| walk(part) }
      end

      def client?(node)
        CLIENTS.include?(@syntax.constant(node)) || @subclasses.include?(@syntax.constant(node))
      end

      # Its `new` is theirs, unless it has an `initialize`: what that hands on is the profile then.
      def walk_subclass(name, body)
        initializer = find(body) { |node| node.first == :def && node[1][1] == "initialize" }
        if initializer
          call = find(initializer) { |node| node.first == :super }
          enter(@syntax.arguments(call[1]).first, initializer[1][2].first) if call
        else
          @subclasses << @syntax.constant(name)
        end
        walk(body)
      end

      def find(node, &wanted)
        return unless node.is_a?(Array)
        return node if wanted.call(node)

        node.each { |part| (found = find(part, &wanted)) && (return found) }
        nil
      end

      def note(receiver, arguments, line)
        return unless client?(receiver)

        first = arguments.first
        # Without a profile, or with nothing but keyword arguments.
        return @found[ProxiesConfig::DEFAULT_PROFILE] ||= line if first.nil? || first.first == :bare_assoc_hash

        enter(first, line)
      end

      def enter(argument, line)
        name = argument && @syntax.value(argument)
        @found[name.to_sym] ||= line if name
      end
    end
  end
end
