# frozen_string_literal: true

require "oversip/testing/arguments"

module OverSIP
  module Testing
    # What a persona answers: see {Persona#answers}.
    class Answers
      # One response. With `bytes`, these and nothing else are sent.
      #
      # @!attribute delay
      #   @return [Numeric] seconds after the response before it
      # @!attribute status
      #   @return [Integer, nil]
      # @!attribute headers
      #   @return [Hash{String, Symbol => Object}] over the usual ones
      # @!attribute body
      #   @return [String, nil]
      # @!attribute bytes
      #   @return [String, nil] the whole response as it is sent
      # @api private
      Step = Struct.new(:delay, :status, :headers, :body, :bytes, keyword_init: true)

      # @api private
      def initialize(statuses, headers, body, block)
        statuses.each { |status| Arguments.status(status) }
        @steps = Answers.steps(statuses, headers, body)
        @block = block
        @left = nil
        @delay = 0
      end

      class << self
        # Headers and body go with the last one.
        #
        # @api private
        def steps(statuses, headers, body)
          statuses.each_with_index.map do |status, index|
            last = index == statuses.size - 1
            Step.new(delay: 0, status: status, headers: last ? headers : {}, body: last ? body : nil)
          end
        end
      end

      # The last response comes so many seconds after the one before it, or after the request.
      #
      # @param seconds [Numeric]
      # @return [self]
      def after(seconds)
        @delay = Arguments.seconds(seconds)
        self
      end

      # Only so many requests get these responses; later ones get what was said before.
      #
      # @param number [Integer]
      # @return [self]
      # @raise [ArgumentError] it is no Integer, or negative
      def times(number)
        @left = Arguments.count(number)
        self
      end

      # The next request alone gets these responses.
      #
      # @return [self]
      def once
        times(1)
      end

      # @return [Boolean] whether the next request gets these responses
      # @api private
      def any?
        @left.nil? || @left.positive?
      end

      # @param request [CallRecord::Message]
      # @yield runs the block of the spec
      # @return [Array<Step>] the responses to a request
      # @api private
      def for(request, &run)
        @left -= 1 if @left
        steps = @block ? run.call { steps_of(@block.call(request)) } || [] : @steps.map(&:dup)
        steps.last.delay = @delay unless steps.empty?
        # Only an INVITE gets provisional responses (RFC 4320 4.1).
        request.sip_method == :INVITE ? steps : steps.select { |step| step.bytes || step.status >= 200 }
      end

      private

      # What a block gives back: a status or several, with headers behind them; a text that is sent as it is; nothing.
      def steps_of(result)
        case result
        when nil, false then []
        when String then [Step.new(delay: 0, bytes: result.b)]
        else
          *statuses, last = result.is_a?(Array) ? result : [result]
          headers = last.is_a?(Hash) ? Arguments.headers(last) : statuses.push(last) && {}
          raise ArgumentError, "headers without a status: #{Arguments.shown(result)}" if statuses.empty?

          statuses.each { |status| Arguments.status(status) }
          Answers.steps(statuses, headers.except(:body), Arguments.body(headers[:body]))
        end
      end
    end
  end
end
