# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # What the matchers of things that can happen several times share. How often, in the words of RSpec's own matchers;
      # without one of them: at least once.
      class CountingMatcher < Matcher
        # @return [self]
        def once
          exactly(1)
        end

        # @return [self]
        def twice
          exactly(2)
        end

        # @param number [Integer]
        # @return [self]
        # @raise [ArgumentError] it is no Integer, or negative
        def exactly(number)
          Arguments.count(number)
          count(number..number, "exactly #{Wording.times(number)}")
        end

        # @param number [Integer]
        # @return [self]
        # @raise [ArgumentError] it is no Integer, or negative
        def at_least(number)
          Arguments.count(number)
          count(number.., "at least #{Wording.times(number)}")
        end

        # @param number [Integer]
        # @return [self]
        # @raise [ArgumentError] it is no Integer, or negative
        def at_most(number)
          Arguments.count(number)
          count(0..number, "at most #{Wording.times(number)}")
        end

        # @example both are the same
        #   expect(call).to send_sip(:INVITE).times(2)
        #   expect(call).to send_sip(:INVITE).exactly(2).times
        # @overload times(number)
        #   @param number [Integer]
        # @overload times
        #   behind `exactly`, `at_least` or `at_most`
        # @return [self]
        # @raise [ArgumentError] it is no Integer, or negative
        def times(*number)
          number.empty? ? self : exactly(*number)
        end

        # @api private
        def supports_block_expectations?
          true
        end

        # @api private
        def matches?(actual)
          @window = Window.of(actual)
          @found = find
          counted?
        end

        # @api private
        def does_not_match?(actual)
          !matches?(actual)
        end

        private

        def count(range, words)
          @count = range
          @count_words = words
          self
        end

        def counted?
          (@count || (1..)).cover?(@found.size)
        end

        def count_words
          @count_words ? " #{@count_words}" : ""
        end

        # @return [String, nil] what was found, nil when it is nothing
        def found_words(words)
          "#{words} #{Wording.times(@found.size)}:#{Wording.list(@found.map { |entry| line(entry) })}" if @found.any?
        end

        def subject
          @window.subject
        end
      end
    end
  end
end
