# frozen_string_literal: true

# Sends an OPTIONS and prints what comes back:
#
#   ruby -Ilib examples/uac/options.rb sip:127.0.0.1:5060

require "oversip"

uri = ARGV.fetch(0, "sip:127.0.0.1:5060")
done = Thread::Queue.new

OverSIP.start(configuration: { sip: { listen_port: 0 } }) do
  uac = OverSIP::SIP::Uac.new
  uac.on_success_response { |response| done << "#{response.status_code} #{response.reason_phrase}" }
  uac.on_failure_response { |response| done << "#{response.status_code} #{response.reason_phrase}" }
  uac.on_error { |status, reason, code| done << "not sent or not answered: #{status} #{reason} (#{code})" }
  uac.route OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: uri })
  puts done.pop
end
