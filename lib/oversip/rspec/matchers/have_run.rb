# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # See {Matchers#have_run}.
      class HaveRun < CountingMatcher
        # @api private
        def initialize(event)
          super()
          @event = Arguments.word("a block", event).to_sym
          known = HaveRun.events
          return if known.include?(@event)

          raise ArgumentError, "no block is called #{@event}#{Nearest.hint(@event, known)}"
        end

        # @return [Array<Symbol>] the names of all blocks that a world sees
        # @api private
        def self.events
          events = [SipEvents, WebSocketEvents].flat_map { |owner| owner.singleton_methods(false) }
          callbacks = [SIP::Proxy, SIP::Uac].flat_map(&:public_instance_methods)
          (events + callbacks).grep(/\Aon_/).uniq
        end

        # The arguments of the block.
        #
        # @param arguments [Array] each compared as RSpec compares arguments; an Integer fits a response with that status, a
        #   Symbol a request with that method
        # @return [self]
        def with(*arguments)
          @arguments = arguments
          self
        end

        # @return [String]
        def description
          given = @arguments && " with #{@arguments.map { |argument| given_words(argument) }.join(", ")}"
          "have run #{@event}#{given}#{count_words}"
        end

        private

        # `anything` of RSpec's mocks is no matcher, but says what it is.
        def given_words(argument)
          says = argument.respond_to?(:description) && argument.method(:description).arity <= 0
          says ? argument.description : described(argument)
        end

        def find
          @window.blocks.select { |run| run.event == @event && with_arguments?(run) }
        end

        def with_arguments?(run)
          return true unless @arguments

          pairs = @arguments.zip(run.args)
          @arguments.size == run.args.size && pairs.all? { |expected, actual| argument?(expected, actual) }
        end

        def argument?(expected, actual)
          values_match?(expected, actual) ||
            (expected.is_a?(Integer) && actual.is_a?(SIP::Response) && actual.status_code == expected) ||
            (expected.is_a?(Symbol) && actual.is_a?(SIP::Request) && actual.sip_method == expected)
        end

        def finding
          return found_words("it ran") if @found.any?
          return "no block has run" if @window.blocks.empty?

          "only these have run:#{Wording.list(@window.blocks.map { |run| line(run) })}"
        end

        def line(run)
          place = run.place && " at #{run.place}"
          "#{seconds(run.at)}  #{run.event} with #{run.args.map { |argument| shown(argument) }.join(", ")}#{place}"
        end

        def shown(argument)
          case argument
          when SIP::Response then "#{argument.status_code} #{argument.reason_phrase}"
          when SIP::Request then "#{argument.sip_method} #{argument.ruri}"
          else argument.inspect
          end
        end
      end
    end
  end
end
