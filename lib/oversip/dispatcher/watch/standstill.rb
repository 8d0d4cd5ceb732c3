# frozen_string_literal: true

module OverSIP
  module Dispatcher
    class Watch
      # What an event waits for, with the dispatcher thread, that a suspended event may have: then neither of them goes on,
      # and no other event. Ruby does not tell who has a lock.
      #
      # @api private
      module Standstill
        THINGS = {
          "a lock" => %w[lock synchronize mon_enter mon_synchronize enter],
          "a queue" => %w[pop shift deq push enq <<],
          "a condition" => %w[wait wait_while wait_until],
          "a file that is being loaded" => %w[require require_relative load autoload]
        }.flat_map { |thing, methods| methods.map { |method| [method, thing] } }.to_h.freeze
        private_constant :THINGS

        # The name of the method in a frame; Ruby 3.4 has its class before it.
        METHOD = /in [`'](?:.*[#.])?([^#.']+)'\z/
        private_constant :METHOD

        # @param frames [Array<String>, nil] where the dispatcher thread waits
        # @param dispatcher [#suspended_events]
        # @return [String, nil] for the record
        def self.of(frames, dispatcher)
          thing = THINGS[frames&.first.to_s[METHOD, 1]]
          return if thing.nil? || dispatcher.suspended_events.empty?

          " and waits for #{thing} that a block which waits may have, and no block goes on meanwhile " \
            "(see \"Locks and pools\" in docs/waiting.md)"
        end
      end
    end
  end
end
