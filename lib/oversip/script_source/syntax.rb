# frozen_string_literal: true

require "ripper"

module OverSIP
  class ScriptSource
    # Parts of a syntax tree as Ripper gives it, and what their values are where the text alone says so.
    #
    # @api private
    class Syntax
      # Nodes around a constant.
      NAMING = %i[var_ref var_field const_ref top_const_ref top_const_field const_path_ref const_path_field paren].freeze

      # @param path [String] of the file, for `__dir__`
      # @param constants [Hash{String => String}] the values of those that are known
      def initialize(path, constants)
        @path = path
        @constants = constants
      end

      # Enters a constant that is set to a text or a Symbol.
      def assign(target, value)
        name = constant(target) and text = value(value) and @constants[name] = text
      end

      # @return [String, nil] the last part of the name of a constant
      def constant(node)
        node = node.first if node in [[_, *]]
        case node
        in [:@const, name, _] then name
        in [Symbol => kind, *, inner] if NAMING.include?(kind) then constant(inner)
        else nil
        end
      end

      # @return [String, nil] the whole name of a constant, as it stands there
      def path(node)
        node = node.first if node in [[_, *]]
        case node
        in [:@const, name, _] then name
        in [:const_path_ref | :const_path_field, outer, inner] then (before = path(outer)) && "#{before}::#{path(inner)}"
        in [Symbol => kind, inner] if NAMING.include?(kind) then path(inner)
        else nil
        end
      end

      # @return [Array, nil] the first node inside that is wanted
      def find(node, &wanted)
        return unless node.is_a?(Array)
        return node if wanted.call(node)

        node.each { |part| (found = find(part, &wanted)) && (return found) }
        nil
      end

      # @return [Boolean] whether it is `self`
      def self?(node)
        node.first == :var_ref && node[1].first == :@kw && node[1][1] == "self"
      end

      # @return [Array] the positional arguments of a call, as far as they are there
      def arguments(node)
        case node
        in [:arg_paren, inner] then arguments(inner)
        in [:args_add_block, [*list], _] then list
        in [:args_forward] then [node]
        in [[_, *], *] then node
        else []
        end
      end

      # @return [String, nil] a text or Symbol, when it stands there or in a constant; paths by `__dir__` and `__FILE__` too
      def value(node)
        node = node[1].first if node in [:paren, [_]]
        case node
        in [:symbol_literal, [:symbol, [_, String => name, _]]] then name
        in [:dyna_symbol | :string_literal, [:string_content, *parts]] then joined(parts)
        in [:var_ref, [:@kw, "__FILE__", _]] then @path
        in [:vcall, [:@ident, "__dir__", _]] then File.dirname(@path)
        in [:binary, left, :+, right] then joined_values([left, right])&.join
        in [:call, inner, _, [:@ident, "freeze" | "to_s" | "to_sym", _]] then value(inner)
        in [:method_add_arg, [:call, receiver, _, [:@ident, method, _]], given] then file_value(receiver, method, given)
        else @constants[constant(node)]
        end
      end

      private

      def joined(parts)
        texts = parts.map do |part|
          case part
          in [:@tstring_content, text, _] then text
          in [:string_embexpr, [inner]] then value(inner)
          else nil
          end
        end
        texts.join unless texts.include?(nil)
      end

      def file_value(receiver, method, given)
        return unless constant(receiver) == "File" && %w[join expand_path dirname].include?(method)

        values = joined_values(arguments(given))
        File.public_send(method, *values) if values && !values.empty?
      rescue ArgumentError
        nil
      end

      def joined_values(nodes)
        values = nodes.map { |node| value(node) }
        values unless values.include?(nil)
      end
    end
  end
end
