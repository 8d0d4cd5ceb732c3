# frozen_string_literal: true

module OverSIP
  module Testing
    module Matchers
      # See {Matchers#send_sip}.
      class SendSip < SendingMatcher
        private

        def verb
          "send"
        end
      end
    end
  end
end
