# frozen_string_literal: true

module OverSIP
  # Parent of every error that this library raises on purpose.
  class Error < StandardError; end

  # A configuration value (oversip.conf, proxies.conf or an argument of {OverSIP.start}) cannot be used. The message names
  # the parameter, its value and the rule that it breaks.
  class ConfigurationError < Error; end

  # Something cannot be done in the present state: a port is taken, a profile is unknown, the engine is not running.
  class RuntimeError < Error; end

  # The control socket (`core: control_socket`) cannot be opened. The message names its path.
  class ControlSocketError < OverSIP::RuntimeError; end

  # The work of {OverSIP.await}, or a {Task}, has no value within its time. What runs already goes on.
  class AwaitTimeout < OverSIP::RuntimeError; end

  # As much work waits for a worker as `core: await_queue` allows.
  class AwaitQueueFull < OverSIP::RuntimeError; end

  # OverSIP has ended while a block waited.
  class StoppedError < OverSIP::RuntimeError
    def initialize(message = "OverSIP has ended while the block waited")
      super
    end
  end

  # A text is no SIP or TEL URI, or no name-addr.
  class ParsingError < OverSIP::RuntimeError; end

  # Messages, their senders and receivers.
  module SIP
    # The message parser was used in a way that it does not allow.
    class MessageParserError < OverSIP::Error; end

    # A request of {Uac#call} got no final response.
    class ClientError < OverSIP::Error
      # @return [Integer] as `on_error` gets it; 408 when the time was up, 487 when the request was cancelled
      attr_reader :status
      # @return [String]
      attr_reader :reason
      # @return [Symbol] as `on_error` gets it, or :invite_timeout, :call_timeout, :canceled
      attr_reader :code

      def initialize(status, reason, code)
        @status = status
        @reason = reason
        @code = code
        super("#{status} #{reason} (#{code})")
      end

      alias status_code status
      alias reason_phrase reason
    end
  end

  # SIP over WebSocket (RFC 7118).
  module WebSocket
    # The head of a WebSocket upgrade request cannot be read.
    class HttpRequestParserError < OverSIP::Error; end
  end
end
