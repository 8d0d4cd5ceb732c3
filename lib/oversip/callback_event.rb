# frozen_string_literal: true

module OverSIP
  # What a block of {OverSIP.around_callback} gets: which callback is about to run.
  class CallbackEvent
    # @return [Symbol] the event method (:on_request, :on_connection, :on_started, …), the kind of a Client's block
    #   (:on_target, :on_failure_response, …), or :schedule for a block of {OverSIP.schedule}
    attr_reader :name

    # @return [SIP::Request, SIP::Client, Object, nil] the request of `on_request`, the {SIP::Client} of its blocks, the
    #   connection of TLS and WebSocket events, the module of an event of the server; nil for :schedule
    attr_reader :subject

    # @return [Array] what the callback is called with
    attr_reader :arguments

    # @api private
    def initialize(name, subject, arguments)
      @name = name
      @subject = subject
      @arguments = arguments
    end

    # @return [SIP::Request, SIP::UacRequest, nil] the request that the event belongs to; nil where there is none
    def request
      case subject
      when SIP::Request then subject
      when SIP::Client then subject.request
      end
    end

    # @return [String] the name with the request it belongs to
    def to_s
      request = self.request
      request ? "#{name} of #{request.sip_method} #{request.ruri} (Call-ID #{request.call_id})" : name.to_s
    end
  end
end
