# frozen_string_literal: true

module OverSIP
  # Messages, and what sends them.
  module SIP
    # Marks what messages arrive by: every {Connection} includes it. What OverSIP 2 did in it the engine does.
    module MessageProcessor
      # How a log names what a parser has read.
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
