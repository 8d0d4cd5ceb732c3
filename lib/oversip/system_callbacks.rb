# frozen_string_literal: true

module OverSIP
  # Life cycle callbacks for helper modules: unlike {SystemEvents}, any number can be registered. Those registered at the
  # top level of server.rb are registered again at each reload.
  module SystemCallbacks
    extend Logger

    @on_started_callbacks = []
    @on_reload_callbacks = []
    @on_terminated_callbacks = []

    class << self
      # @return [Array<Proc>] the live lists
      attr_reader :on_started_callbacks, :on_reload_callbacks, :on_terminated_callbacks

      # Registers a block, or a Proc, that runs between SystemEvents.on_initialize and SystemEvents.on_started.
      def on_started(callback = nil, &block)
        on_started_callbacks << chosen(callback, block)
      end

      # Registers a block, or a Proc, that runs at each reload (HUP).
      def on_reload(callback = nil, &block)
        on_reload_callbacks << chosen(callback, block)
      end

      # Registers a block, or a Proc, that runs at the end, the last registered first. It gets one argument: whether the
      # end comes from an error.
      def on_terminated(callback = nil, &block)
        on_terminated_callbacks << chosen(callback, block)
      end

      # @return [Integer] how many callbacks are registered
      # @api private
      def count
        [on_started_callbacks, on_reload_callbacks, on_terminated_callbacks].sum(&:size)
      end

      private

      def chosen(callback, block)
        chosen = callback || block
        raise ArgumentError, "no block given" unless chosen.respond_to?(:call)

        chosen
      end
    end
  end
end
