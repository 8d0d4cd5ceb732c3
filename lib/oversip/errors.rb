# frozen_string_literal: true

module OverSIP
  # Parent of every error that this library raises on purpose.
  class Error < StandardError; end

  # A configuration value (oversip.conf, proxies.conf or an argument of {OverSIP.start}) cannot be used. The message names
  # the parameter, its value and the rule that it breaks.
  class ConfigurationError < Error; end

  # Something cannot be done in the present state: a port is taken, a profile is unknown, the engine is not running.
  class RuntimeError < Error; end

  # A text is no SIP or TEL URI, or no name-addr.
  class ParsingError < OverSIP::RuntimeError; end

  # Messages, and what sends them.
  module SIP
    # The message parser was used in a way that it does not allow.
    class MessageParserError < OverSIP::Error; end
  end

  # SIP over WebSocket (RFC 7118).
  module WebSocket
    # The head of a WebSocket upgrade request cannot be read.
    class HttpRequestParserError < OverSIP::Error; end
  end
end
