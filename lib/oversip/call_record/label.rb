# frozen_string_literal: true

require_relative "visible"

module OverSIP
  class CallRecord
    # What stands at a row of a ladder, for the room that is there: the head ("INVITE") always, the rest ("sip:bob@…")
    # shortened, the tail ("x3, last at 3.5 s") as long as it fits.
    #
    # @api private
    class Label
      # A rest that is shorter says nothing.
      SHORTEST = 8

      # @return [String] shown by {Visible}; empty when there is none
      attr_reader :head, :rest, :tail

      # @param tails [Array<String>] the tail, and shorter ones for where there is no room for it
      def initialize(head, rest = "", *tails)
        @head, @rest, *@tails = [head, rest, *tails].map { |text| Visible.of(text) }
        @tail = @tails.first || ""
      end

      # @return [String] everything
      def to_s
        join(head, rest, tail)
      end

      # @param room [Integer] columns
      # @return [String] one line
      def line(room)
        fitting([tail, *@tails.drop(1)], room) || Visible.cut(join(head, @tails.last.to_s), room)
      end

      # @param room [Integer] columns
      # @return [Boolean] whether the line has room for nothing but the shortest of several tails
      def tail_cut?(room)
        @tails.size > 1 && fitting(@tails[..-2], room).nil?
      end

      # @param room [Integer] columns
      # @return [Array<String>] as many lines as everything takes; the rest is shortened a little where that saves one
      def lines(room)
        one = shortened(tail, room, SHORTEST + 4) unless tail.empty?
        one ? [one] : Visible.wrap(to_s, room)
      end

      private

      # @return [String, nil] with the first of the tails that there is room for
      def fitting(tails, room)
        tails.each do |tail|
          line = shortened(tail, room, SHORTEST) || bare(tail, room)
          return line if line
        end
        nil
      end

      # @return [String, nil] nil when the rest would be shorter than that
      def shortened(tail, room, shortest)
        whole = join(head, rest, tail)
        return whole if Visible.width(whole) <= room
        return if rest.empty?

        left = room - Visible.width(join(head, "-", tail)) + 1
        join(head, Visible.cut(rest, left), tail) if left >= shortest
      end

      def bare(tail, room)
        text = join(head, tail)
        text if Visible.width(text) <= room
      end

      def join(*parts)
        parts.reject(&:empty?).join(" ")
      end
    end
  end
end
