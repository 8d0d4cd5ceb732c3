# frozen_string_literal: true

require "forwardable"
require_relative "sip_peer"

# A callee on the first connection to a listener, which it takes, TLS handshake included, as soon as that comes.
class AwaitedPeer
  extend Forwardable

  # @param listener [TcpServerPeer]
  def initialize(listener, limit: 3 * SipPeer::LIMIT)
    @listener = listener
    @taking = Thread.new { listener.accept(limit) }
    @taking.report_on_exception = false
  end

  def_delegators :@listener, :port
  def_delegators :connection, :receive, :receive_until, :answer

  def close
    @taking.kill.join
    @listener.close
  rescue StandardError
    # None came: where one was needed, that has been said.
    @listener.close
  end

  private

  def connection
    @taking.value
  end
end
