# frozen_string_literal: true

module OverSIP
  # Messages, their senders and receivers.
  module SIP
    # Included by every {Connection}, as in OverSIP 2. The engine has taken over its methods.
    module MessageProcessor
      # The names of messages in the log.
      MSG_TYPE = {
        Request => "SIP request",
        Response => "SIP response",
        outbound_keepalive: "Outbound keepalive"
      }.freeze
    end

    class Connection
      include MessageProcessor
    end
  end
end
