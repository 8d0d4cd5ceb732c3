# frozen_string_literal: true

module OverSIP
  module Dispatcher
    # Stands for the event methods of a module while blocks are observed ({Engine.observe_blocks}).
    #
    # @api private
    class ObservedEvents
      # @param observer [#call]
      # @param events [Module] {SipEvents} or {WebSocketEvents}
      def initialize(observer, events)
        @observer = observer
        @events = events
      end

      %i[on_request on_client_tls_handshake on_server_tls_handshake on_connection on_disconnection].each do |name|
        define_method(name) do |*arguments|
          Dispatcher.observed(@observer, name, arguments.first, arguments, @events.method(name))
        end
      end
    end
  end
end
