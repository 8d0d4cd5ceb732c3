# frozen_string_literal: true

require_relative "ladder"
require_relative "reader"

module OverSIP
  class CallRecord
    class HtmlLadder
      # The ladder of one call in pieces, for a page that has the style and the script of ladders already.
      #
      # @api private
      class Drawing
        # @param call [Call]
        # @param clock [Clock]
        def initialize(call, clock)
          @reader = Reader.new(clock)
          @ladder = Ladder.new(call.record, call, 1, clock, @reader)
        end

        # @return [Hash{Symbol => String}] `ladder` and `articles`, the messages to be read, are HTML; `style` is the CSS of
        #   the columns
        def to_h
          { ladder: @ladder.to_s, articles: @reader.articles, style: Ladder.columns(@ladder.width) }
        end
      end
    end
  end
end
