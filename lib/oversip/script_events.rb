# frozen_string_literal: true

module OverSIP
  # Events that a script has not defined, or in a way that never runs.
  #
  # @api private
  module ScriptEvents
    MODULES = [SystemEvents, SipEvents, WebSocketEvents].freeze

    # Where the events stand that do nothing.
    DEFAULTS = SipEvents.method(:on_request).source_location.first

    class << self
      # @return [Array<String>] what is to be said of the script that was loaded
      def warnings
        unbound = MODULES.flat_map { |owner| unbound(owner) }
        lines = unbound.map { |owner, event, place| without_self(owner.name, event, place&.join(":")) }
        lines << without_on_request if default?(SipEvents, :on_request) && unbound.none? { |_, event| event == :on_request }
        lines
      end

      # @return [String] of a method that is no singleton method
      def without_self(owner, event, place = nil)
        "#{event} never runs#{" (#{place})" if place}: write def self.#{event} in module #{owner}"
      end

      # @return [String]
      def without_on_request
        "no on_request is defined, requests get no answer: #{Folder::SCRIPT} needs " \
          "def (OverSIP::SipEvents).on_request(request)"
      end

      private

      def unbound(owner)
        methods = owner.instance_methods(false) + owner.private_instance_methods(false)
        methods.select { |name| owner.respond_to?(name) && default?(owner, name) }
               .map { |name| [owner, name, owner.instance_method(name).source_location] }
      end

      def default?(owner, event)
        owner.method(event).source_location&.first == DEFAULTS
      end
    end
  end
end
