# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # See {Matchers#keep_dialog_routable}.
      class KeepDialogRoutable < Matcher
        # @api private
        def initialize(method)
          super()
          @method = Arguments.method_pattern(method)
        end

        # @api private
        def matches?(call)
          unless call.is_a?(DialogSide)
            raise ArgumentError, "keep_dialog_routable looks at a call, not at #{Arguments.shown(call)}"
          end

          @call = call
          @finding = finding_of(call)
          @finding.nil?
        end

        # Nothing can be said of a dialog that is not there.
        #
        # @api private
        def does_not_match?(call)
          !matches?(call) && !lacks_dialog?(call)
        end

        # @return [String]
        def description
          "keep its dialog routable"
        end

        private

        def subject
          Window.name_of(@call)
        end

        def finding
          @finding || "each side's #{@method} reached the other"
        end

        # @return [String, nil] nil when the requests of both sides arrived
        def finding_of(call)
          return "there is no dialog: no response has made one" if lacks_dialog?(call)
          return "no target has seen the dialog" unless call.peer

          trouble(call, call.peer) || trouble(call.peer, call)
        end

        def lacks_dialog?(call)
          call.dialog.nil?
        end

        # A request of one side to the other.
        def trouble(from, to)
          world = World.current
          mark = world.messages.size
          exchange = from.request(@method)
          from.party.network.run_to_outcome(exchange)
          reached = world.messages.drop(mark).any? do |message|
            message.request? && message.sip_method == @method && message.receiver == to.party.name.to_s
          end
          return if reached && exchange.final && exchange.status.between?(200, 299)

          "the #{@method} of #{from.party.name} #{fate(exchange, reached, to)}"
        end

        def fate(exchange, reached, other)
          answer = exchange.final ? "was answered with #{Wording.head(exchange.final)}" : "got no final response"
          reached ? "reached #{other.party.name} and #{answer}" : "never reached #{other.party.name} and #{answer}"
        end
      end
    end
  end
end
