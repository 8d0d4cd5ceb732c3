# frozen_string_literal: true

module OverSIP
  module Testing
    # A block that stands in a group of examples and is evaluated in each of them, so that it sees what the example has.
    #
    # @api private
    class ExampleBlock
      # @param example [Object] the instance that an example, or a test, runs in
      # @param block [Proc]
      def initialize(example, block)
        @example = example
        @block = block
      end

      # @return [Proc]
      def to_proc
        method(:call).to_proc.tap { |proc| proc.define_singleton_method(:source_location, &@block.method(:source_location)) }
      end

      private

      def call(request)
        @example.instance_exec(request, &@block)
      end
    end
  end
end
