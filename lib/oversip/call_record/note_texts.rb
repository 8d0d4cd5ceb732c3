# frozen_string_literal: true

module OverSIP
  class CallRecord
    # What notes say of the deeds of an element that no message shows, in a trace and in a world alike.
    #
    # @api private
    module NoteTexts
      class << self
        # @param status [Integer] of a final response
        # @param by [String, Symbol] who has made it
        # @param element [String] name of the party
        # @return [String, nil] nil for a response that was relayed: it shows itself
        def answered(status, by, element)
          case by.to_s
          when "script" then "the script answers #{status}"
          when "element" then "#{element} itself answers #{status}"
          end
        end

        # @param status [Integer]
        # @return [String]
        def dropped_response(status)
          "drop_response: the #{status} goes no further"
        end

        # @param target [String] "udp:192.0.2.1:5060"
        # @return [String]
        def blacklisted(target)
          "#{target} is blacklisted"
        end

        # @param target [String]
        # @return [String]
        def passed_over(target)
          "#{target} is blacklisted and passed over"
        end
      end
    end
  end
end
