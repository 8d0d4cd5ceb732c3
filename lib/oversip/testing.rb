# frozen_string_literal: true

require "oversip"
require "oversip/testing/arguments"

module OverSIP
  # For specs of scripts: a clock that stands still and moves when it is told to. All that the engine does at a time
  # follows it: transactions, blacklist, DNS cache, {OverSIP.schedule}, the limits of connections (connect, TLS handshake,
  # idle time, the wait for the peer's end) and of DNS look-ups, and the date by which `verify_server` judges
  # certificates.
  #
  # Sockets stay real: what a peer sends comes when it comes, and a query that a name server does not answer is repeated
  # in real time. The end is real, too: {OverSIP.stop} waits by the system's clock, since who stops OverSIP cannot move
  # another one meanwhile.
  #
  # @example a request that nobody answers ends after Timer F
  #   require "oversip/testing"
  #   OverSIP.start(configuration: { sip: { listen_port: 0 } })
  #   OverSIP::Testing.freeze
  #   uac.route request
  #   OverSIP::Testing.advance 32
  module Testing
    # A server that runs has no such methods.
    Engine.send(:load_testing)

    class << self
      # Stops the clock of the running engine. Lasts until the engine is stopped.
      def freeze
        Engine.freeze
        nil
      end

      # Moves the stopped clock; everything that is due within that time happens, in the order of its time, and has happened
      # in the engine when this returns. Blocks of the script run in their own thread: they may still wait for their turn.
      #
      # @param seconds [Numeric]
      def advance(seconds)
        Engine.advance(Seconds.check("seconds", seconds))
        nil
      end

      # Lets the engine run into a defect in the midst of what it does for one call, so that specs see what that costs.
      #
      # @param victim [SIP::Request, SIP::Client]
      # @param later [Boolean] for a Client that waits: in its next step
      # @api private
      def panic(victim, later: false)
        Engine.panic(victim, later)
        nil
      end

      # Makes the draws among SRV records of equal priority (RFC 2782) the same in each run. Lasts until the engine is
      # stopped.
      #
      # @param number [Integer] not negative, below 2**64
      def seed(number)
        Engine.seed(Arguments.seed(number))
        nil
      end
    end
  end
end
