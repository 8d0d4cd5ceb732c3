# frozen_string_literal: true

require_relative "../call"
require_relative "events"
require_relative "parties"

module OverSIP
  class CallRecord
    class TraceReader
      # A call whose rows come one by one. Who calls has a name, as far as the rows until now leave no doubt.
      #
      # @api private
      class FollowedCall
        # Messages that name parties: more of them say nothing new.
        NAMING = 100
        # Events that are kept: a registration may have the same Call-ID for weeks.
        MOST = 1000
        private_constant :NAMING

        # @return [CallRecord] the events until now; of very many the last ones
        attr_reader :record

        # @param call_id [String, nil] as the rows have it
        # @param element [String] the name of the element
        # @param own [Hash{String => Boolean}] the addresses of the element
        # @param began_at [Time]
        def initialize(call_id, element, own, began_at)
          @element = element
          @own = own
          @messages = []
          @count = 0
          @record = CallRecord.new(element: element, began_at: began_at)
          @maker = Events.new(call_id, Parties.new([], element, own, called: false))
        end

        # @param row [Hash]
        # @return [Event, nil]
        def add(row)
          name(row) if row["kind"] == "message" && @messages.size < NAMING
          event = @maker.of(row)
          keep(event) if event && row["kind"] != "attempt_ended"
          event
        end

        # @return [Call, nil] nil as long as nothing has happened
        def call
          call_id, record = @record.calls.first
          Call.new(call_id, record) if record
        end

        private

        def keep(event)
          @record << event
          @count += 1
          return if @count < 2 * MOST

          last = @record.events.last(MOST)
          @record = CallRecord.new(element: @element, began_at: @record.began_at)
          last.each { |kept| @record << kept }
          @count = MOST
        end

        def name(row)
          @messages << row
          @maker.parties = Parties.new(@messages, @element, @own, called: false)
          @maker.call_id = Parties.parsed(row).call_id || @maker.call_id
        end
      end
    end
  end
end
