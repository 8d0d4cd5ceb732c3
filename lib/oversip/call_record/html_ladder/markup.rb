# frozen_string_literal: true

require_relative "../visible"

module OverSIP
  class CallRecord
    class HtmlLadder
      # HTML elements, and text in them.
      #
      # @api private
      module Markup
        # Elements without content.
        VOID = %i[meta input].freeze
        private_constant :VOID

        # @param content [String] HTML
        # @param attributes [Hash] those that are nil are left out
        # @return [String]
        def tag(name, content = "", **attributes)
          attributes = attributes.compact.map { |key, value| " #{key.to_s.tr("_", "-")}=#{value.to_s.encode(xml: :attr)}" }
          "<#{name}#{attributes.join}>#{"#{content}</#{name}>" unless VOID.include?(name)}"
        end

        # @param text [Object] anything from messages and scripts
        # @return [String] HTML: one line, in which all characters can be seen
        def shown(text, limit: 400)
          escaped(Visible.of(text, limit: limit))
        end

        # @param text [String] that {Visible.of} has returned
        # @return [String] HTML
        def escaped(text)
          text.encode(xml: :text)
        end
      end
    end
  end
end
