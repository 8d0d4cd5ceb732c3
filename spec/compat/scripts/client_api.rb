# frozen_string_literal: true

# Every public method of OverSIP::SIP::Client, each case under a user name of its own. CALLEE is the callee.

module Cases
  unless defined?(CALLEE)
    CALLEE = ["127.0.0.1", Integer(ENV.fetch("CALLEE_PORT")), ENV.fetch("CALLEE_TRANSPORT").to_sym].freeze
  end

  class << self
    # Two blocks for every event: the second runs after the first.
    def watch(proxy, label = "")
      %w[first second].each do |name|
        said = "#{label}#{name}"
        proxy.on_provisional_response { |response| tell "#{said} on_provisional_response #{response.status_code}" }
        proxy.on_success_response { |response| tell "#{said} on_success_response #{response.status_code}" }
        proxy.on_failure_response { |response| tell "#{said} on_failure_response #{response.status_code}" }
        proxy.on_invite_timeout { tell "#{said} on_invite_timeout" }
        proxy.on_target { |target| tell "#{said} on_target #{target.transport}:#{target.ip}:#{target.port}" }
        proxy.on_error { |status, reason, code| tell "#{said} on_error #{status} #{reason} #{code.inspect}" }
      end
      proxy
    end

    def tell(text)
      OverSIP::SipEvents.log_info(text)
    end

    def run(request)
      kind, rest = request.ruri.user.to_s.split("-", 2)
      profile = kind == "profile" ? rest.to_sym : :default_proxy
      proxy = watch(OverSIP::SIP::Proxy.new(profile))

      case kind
      when "all", "bob" then proxy.route(request, *CALLEE)
      when "clear"
        rest == "all" ? proxy.clear_callbacks : proxy.public_send(:"clear_on_#{rest}")
        proxy.route(request, *CALLEE)
      when "abort"
        proxy.on_target { proxy.abort_routing }
        proxy.route(request, *CALLEE)
      when "never"
        proxy.on_target do
          proxy.abort_routing
          proxy.add_target_to_blacklist 500, 403, "Never here!"
        end
        proxy.route(request, *CALLEE)
      when "avoid"
        proxy.on_target { proxy.add_target_to_blacklist }
        proxy.route(request)
      else
        proxy.route(request) # where the Request-URI says
      end
    end
  end
end

module OverSIP
  module SipEvents
    def self.on_request(request)
      return unless request.check_max_forwards(20)
      return log_info("looked #{request.call_id}") if request.ruri.user == "look" && request.reply(200)

      request.loose_route
      Cases.run(request) unless request.sip_method == :ACK
    end
  end
end
