# frozen_string_literal: true

# The script of the relay that spec/wire/torture_spec.rb tortures: it forwards supported requests to RELAY_TARGET.
module OverSIP
  module SipEvents
    def self.on_request(request)
      return unless request.check_max_forwards(10)

      proxy = OverSIP::SIP::Proxy.new(:default_proxy)
      if request.proxy_require
        request.reply 420, nil, ["Unsupported: #{request.proxy_require.join(", ")}"]
      elsif request.ruri.unknown_scheme?
        proxy.route(request) # replies 416
      else
        host, port = ENV.fetch("RELAY_TARGET").split(":")
        proxy.route(request, host, port.to_i)
      end
    end
  end
end
