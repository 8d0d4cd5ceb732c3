# frozen_string_literal: true

require "set"

module OverSIP
  module Testing
    module Matchers
      # What a matcher looks at: all that has happened in a {World}, what belongs to one call, or what happened while the
      # block of an `expect` ran.
      #
      # @api private
      class Window
        class << self
          # @param actual [World, Call, Exchange, Proc] what `expect` was given. A Proc is called
          # @return [Window]
          # @raise [ArgumentError] it is none of them
          def of(actual)
            case actual
            when Proc then during(actual)
            when World then new(actual, "the element", since: 0.0)
            else of_call(actual)
            end
          end

          # @return [World]
          # @raise [OverSIP::RuntimeError] there is none
          def current
            World.current or raise OverSIP::RuntimeError, "there is no world: the matchers of SIP messages need one"
          end

          private

          def during(block)
            world = current
            former = Set.new.compare_by_identity.merge(world.record.events).merge(world.log)
            since = world.now
            block.call
            new(world, "the block", former:, since:)
          end

          def of_call(actual)
            unless actual.is_a?(Exchange) || actual.is_a?(ReceivedCall)
              raise ArgumentError,
                    "expect was given #{Arguments.shown(actual)}: give it a call, an exchange, `sip`, or a block"
            end

            new(current, Window.name_of(actual), call: actual, since: actual.started_at)
          end
        end

        # @param call [Call, Exchange]
        # @return [String] such as "the INVITE of alice"
        def self.name_of(call)
          "the #{call.sip_method} of #{call.party.name}"
        end

        # @return [World]
        attr_reader :world

        # @return [String] for failure messages
        attr_reader :subject

        # @return [Float] when it begins
        attr_reader :since

        # @return [Call, Exchange, nil] the call that it is limited to
        attr_reader :call

        def initialize(world, subject, since:, call: nil, former: Set.new)
          @world = world
          @subject = subject
          @call = call
          @former = former
          @since = since
        end

        # @return [Array<CallRecord::Message>] without retransmissions
        def messages
          events.grep(CallRecord::Message).reject { |message| message.retransmission? || other_request?(message) }
        end

        # @return [Array<CallRecord::Message>] what the element has sent
        def sent
          messages.select { |message| message.sender == World::ELEMENT }
        end

        # @return [Array<CallRecord::Block>] the blocks of the script that have run
        def blocks
          events.grep(CallRecord::Block)
        end

        # @return [Array<CallRecord::Attempt>] the targets that were tried; of a call, those for its first request
        def attempts
          found = events.grep(CallRecord::Attempt)
          return found unless call

          requests = requests_by_branch
          found.select { |attempt| attempt.sip_method == call.sip_method && first_request?(requests[attempt.branch]) }
        end

        # @param message [CallRecord::Message, nil]
        # @return [Boolean] whether it is the first request of the call, on whatever branch, rather than one of its dialog
        def first_request?(message)
          message.nil? || (message.sip_method == call.sip_method && message.cseq == call.request.cseq)
        end

        # @return [Array] the records of the log; they belong to no call
        def log
          world.log.reject { |record| @former.include?(record) }
        end

        private

        # None went to a target that has refused the connection.
        def requests_by_branch
          sent.select { |message| message.request? && message.sip_method == call.sip_method }
              .to_h { |message| [message.branch, message] }
        end

        # A call has all requests of its dialog, an exchange in a dialog has its own one alone, with its ACK and CANCEL.
        # Registrations at one registrar have one Call-ID, too.
        def other_request?(message)
          return false if call.nil? || call.is_a?(DialogSide)

          other_number = message.cseq != call.request.cseq
          return other_number && message.sip_method == call.sip_method unless MessageText.tag(call.request.header("to"))

          other_number || ![call.sip_method, :ACK, :CANCEL].include?(message.sip_method)
        end

        # An event of the past may come to the record later: a block that has waited.
        def events
          return world.record.events.reject { |event| @former.include?(event) } unless call

          found = world.record.events.select { |event| event.call_id == call.call_id }
          return found if call.is_a?(DialogSide)

          found.drop(found.index { |event| event.is_a?(CallRecord::Message) && event.bytes == call.request.bytes } || 0)
        end
      end
    end
  end
end
