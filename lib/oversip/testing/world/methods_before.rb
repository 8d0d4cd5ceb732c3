# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # The methods of a class or module as they were before a script was loaded.
      #
      # @api private
      class MethodsBefore
        # @param owner [Module]
        # @param names [Array<Symbol>] those that matter; all of them unless it is given
        def initialize(owner, &names)
          @owner = owner
          @names = names || -> { owner.instance_methods(false) + owner.private_instance_methods(false) }
          @before = now
          @visibilities = @before.to_h { |name, _| [name, owner.private_method_defined?(name) ? :private : :public] }
        end

        # @return [Boolean] whether there was a method with this name
        def known?(name)
          @before.key?(name)
        end

        # @return [Hash{Symbol => UnboundMethod}]
        def now
          @names.call.to_h { |name| [name, @owner.instance_method(name)] }
        end

        # @return [Hash{Symbol => UnboundMethod}] those that are new, or redefined
        def changed
          now.reject { |name, method| @before[name] == method }
        end

        # Takes new methods away, and gives redefined ones back.
        #
        # @yieldparam method [UnboundMethod]
        # @yieldreturn [Boolean] whether this one is the script's; all of them are, unless a block is given
        def undo
          changed.each do |name, method|
            next if block_given? && !yield(method)

            @owner.__send__(:remove_method, name)
            restore(name) if @before[name]
          end
          (@before.keys - now.keys).each { |name| restore(name) } unless block_given?
        end

        private

        # A method that has an alias is redefined without a warning.
        def restore(name)
          @owner.define_method(name, @before[name])
          @owner.alias_method(name, name)
          @owner.__send__(@visibilities[name], name)
        end
      end
    end
  end
end
