# frozen_string_literal: true

module OverSIP
  module Testing
    class World
      # What the engine says was sent and opened, taken into the record. It finds what went to where nobody is.
      #
      # @api private
      class Traffic
        # @return [Array<UnexpectedDestination>]
        attr_reader :errors

        # @param network [Network]
        # @param record [CallRecord]
        def initialize(network, record)
          @network = network
          @record = record
          @errors = []
          @messages = @openings = 0
          @known = {}
          @unmet = {}
        end

        # What goes to where nobody is, is all right.
        def allow_unknown_destinations
          @allowed = true
          @errors.clear
          @unmet.clear
        end

        # Takes what is new.
        #
        # @yieldparam message [CallRecord::Message] each one, before it is in the record
        def note(&)
          take(@network.native.entries(@messages), @network.native.openings(@openings), &)
          nil
        end

        private

        def take(entries, openings)
          @messages += entries.size
          @openings += openings.size
          entries.each do |entry|
            message = CallRecord::Message.of(entry)
            yield message
            @record.add(message)
            check_message(message) if message.sender == ELEMENT && message.receiver.nil?
          end
          openings.each { |opening| check_opening(opening) }
          entries.each { |entry| forgive(CallRecord::Message.of(entry)) } if @unmet.any?
        end

        def check_message(message)
          what = message.request? ? "the #{message.sip_method}" : "the #{message.status_code} to #{message.sip_method}"
          check("#{what} of #{@network.sender_of(message.call_id)} (#{message.call_id})", message.transport, message.to)
        end

        def check_opening(opening)
          _, receiver, transport, to, = opening
          error = check("a connection", transport, to) unless receiver
          @unmet[to] = error if error
        end

        # A request near the MTU is tried by TCP first, and goes by UDP to who has no TCP (RFC 3261 18.1.1).
        def forgive(message)
          return unless message.sender == ELEMENT && message.transport == :udp && message.receiver

          error = @unmet.delete(message.to) or return
          @known.delete(error.target)
          @errors.delete(error)
        end

        def check(what, transport, address)
          return if @allowed || @network.there(transport, address)

          target = "#{transport}:#{address}"
          return if @known[target]

          @known[target] = true
          host = address[/\A(.+):\d+\z/, 1]
          UnexpectedDestination.new(what, target, @network.of_host(host)).tap { |error| @errors << error }
        end
      end
    end
  end
end
