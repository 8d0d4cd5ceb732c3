# frozen_string_literal: true

# The script of the calls whose ladders are kept beside this file. The user of a request says what becomes of it.

module Routing
  extend OverSIP::Logger

  module_function

  # One target after the other.
  def serially(request)
    phone = OverSIP::SIP::Proxy.new
    phone.on_failure_response do |response|
      next unless response.status_code == 486

      phone.drop_response(response)
      OverSIP::SIP::Proxy.new.route(request, "voicemail.example")
    end
    phone.route(request, "phone.example")
  end

  # Two targets at the same time.
  def at_once(request)
    %w[desk.example mobile.example].each do |target|
      proxy = OverSIP::SIP::Proxy.new
      proxy.on_success_response { |response| log_info "#{target}: #{response.status_code}" }
      proxy.route(request, target)
    end
  end

  # First to this server again, as another user.
  def again(request)
    request.ruri.user = "bob"
    OverSIP::SIP::Proxy.new.route(request, "192.0.2.100", 5060)
  end

  def onward(request)
    proxy = OverSIP::SIP::Proxy.new
    proxy.on_provisional_response { |response| log_debug response.reason_phrase }
    proxy.on_success_response { |response| log_info response.reason_phrase }
    proxy.on_failure_response { |response| log_info response.reason_phrase }
    proxy.on_canceled { log_info "canceled" }
    proxy.on_error { |status, reason, code| log_info "#{status} #{reason} (#{code})" }
    proxy.route(request, *("registrar.example" if request.sip_method == :REGISTER))
  end
end

def (OverSIP::SipEvents).on_request(request)
  return Routing.onward(request) if request.loose_route

  case request.ruri.user
  when "serial" then Routing.serially(request)
  when "both" then Routing.at_once(request)
  when "spiral" then Routing.again(request)
  else Routing.onward(request)
  end
end
