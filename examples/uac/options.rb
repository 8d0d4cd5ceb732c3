# frozen_string_literal: true

# Sends an OPTIONS and prints what comes back:
#
#   ruby -Ilib examples/uac/options.rb sip:127.0.0.1:5060

require "oversip"

uri = ARGV.fetch(0, "sip:127.0.0.1:5060")

OverSIP.start(configuration: { sip: { listen_port: 0 } }) do
  request = OverSIP::SIP::UacRequest.new({ sip_method: :OPTIONS, ruri: uri })
  response = OverSIP::SIP::Uac.new.call(request, timeout: 10)
  puts "#{response.status_code} #{response.reason_phrase}"
rescue OverSIP::SIP::ClientError => e
  puts "not sent or not answered: #{e.message}"
end
