# frozen_string_literal: true

module OverSIP
  class ScriptSource
    # Which names of classes stand for `OverSIP::SIP::Proxy`, `OverSIP::SIP::Uac` and their subclasses in the files of a
    # script. Other libraries have a Proxy too.
    #
    # @api private
    class ClientClasses
      # Their whole names, and those under which a script that works in their modules has them.
      WHOLE = /\A(?:OverSIP::)?SIP::(?:Proxy|Uac)\z/
      BARE = %w[Proxy Uac].freeze

      # The definition of a constant in a file.
      #
      # @!attribute name
      #   @return [String] with the modules around it
      # @!attribute origin
      #   @return [String, nil] the class that it is, or whose subclass it is; nil when it has nothing to do with another one
      # @!attribute plain
      #   @return [Boolean] whether its `new` is that of the other class
      Definition = Struct.new(:name, :origin, :plain)

      # @param syntax [Syntax]
      def initialize(syntax)
        @syntax = syntax
        @definitions = []
      end

      # Notes the definitions of a file.
      #
      # @param tree [Array] as Ripper gives it
      def read(tree)
        walk(tree, nil)
      end

      # @param node [Array] of a constant
      # @return [Boolean] whether `new` of it takes a profile first
      def client?(node)
        takes_profile?(@syntax.path(node), [])
      end

      # @param node [Array] of a constant
      # @return [Boolean] whether it is a Client, whatever its `new` takes
      def kind?(node)
        takes_profile?(@syntax.path(node), [], plain: false)
      end

      # @param body [Array] of a class
      # @return [Array, nil] its `initialize`
      def initializer(body)
        @syntax.find(body) { |node| node.first == :def && node[1][1] == "initialize" }
      end

      private

      def takes_profile?(name, passed, plain: true)
        return false if name.nil? || passed.include?(name)
        return true if WHOLE.match?(name)

        definitions = @definitions.select { |definition| "::#{definition.name}".end_with?("::#{name}") }
        return BARE.include?(name) if definitions.empty?

        definitions.any? do |definition|
          (definition.plain || !plain) && takes_profile?(definition.origin, [*passed, name], plain: plain)
        end
      end

      def walk(node, outer)
        return unless node.is_a?(Array)

        case node
        in [:module, name, *] then outer = within(outer, name)
        in [:class, name, superclass, body]
          outer = within(outer, name)
          define(outer, @syntax.path(superclass), initializer(body).nil?)
        in [:assign | :opassign, [:var_field, [:@const, *]] | [:const_path_field, *] => target, *, value]
          define(within(outer, target), origin(value), true)
        else nil
        end
        node.each { |part| walk(part, outer) }
      end

      # Their own classes may be opened again.
      def define(name, *rest)
        @definitions << Definition.new(name, *rest) unless name.nil? || WHOLE.match?(name)
      end

      def within(outer, node)
        [outer, @syntax.path(node)].compact.join("::")
      end

      # Another name for a class, or `Class.new` of it.
      def origin(value)
        value = value[1] if value in [:method_add_block, *]
        case value
        in [:method_add_arg, [:call, receiver, _, [:@ident, "new", _]], arguments] if @syntax.path(receiver) == "Class"
          @syntax.path(@syntax.arguments(arguments).first)
        else @syntax.path(value)
        end
      end
    end
  end
end
