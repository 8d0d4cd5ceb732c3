# frozen_string_literal: true

# Before anything is searched for in the load path, where the old gem may come first.
require_relative "oversip/predecessor"
OverSIP::Predecessor.refuse

require "oversip/version"
require "oversip/errors"
require "oversip/sip/rfc3263"
require "oversip/state"
require "oversip/logger"
require "oversip/modules"
require "oversip/events"
require "oversip/system_callbacks"
require "oversip/dispatcher"
require "oversip/fiber_pool"
require "oversip/waiting"
require "oversip/native"
require "oversip/around_callback"
require "oversip/notifications"
require "oversip/line_ends"
require "oversip/sip/connections"
require "oversip/sip/core_values"
require "oversip/utils"
require "oversip/sip/constants"
require "oversip/sip/message_processor"
require "oversip/modules/outbound_mangling"
require "oversip/modules/user_assertion"
require "oversip/sip/uac_request"
require "oversip/web_socket/http_request"
require "oversip/config"
require "oversip/proxies_config"
require "oversip/metrics"
require "oversip/seconds"
require "oversip/server"
require "oversip/trace"

# A SIP engine behind a Ruby API: a proxy and user agent client whose routing logic is Ruby code.
#
# `require "oversip"` starts nothing; {OverSIP.start} or {OverSIP.run} does.
module OverSIP
  # Needs openssl: loaded when it is used.
  autoload :TLS, "oversip/tls"
end

# A Rails application needs no more than the library.
require "oversip/railtie" if defined?(Rails::Railtie)
