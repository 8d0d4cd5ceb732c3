# frozen_string_literal: true

require "oversip/rspec"

# A small script for examples of `oversip/rspec`: it relays to the Request-URI.
RSpec.shared_context "with a relay" do
  # A method that the script refuses.
  let(:refused) { nil }
  let(:alice) { sip.client(:alice) }

  sip_script do |request|
    next request.reply(404, "Nobody Here") if request.ruri.user == "nobody"
    next request.reply(405) if request.sip_method == refused

    request.loose_route unless request.initial?
    proxy = OverSIP::SIP::Proxy.new
    proxy.on_success_response { |response| OverSIP::SipEvents.log_info "answered #{response.status_code}" }
    proxy.on_error { |status, reason, code| OverSIP::SipEvents.log_warn "failed: #{status} #{reason} (#{code})" }
    proxy.route(request)
  end

  # @return [String] the message of the expectation in the block, which has to fail
  def failure
    yield
  rescue RSpec::Expectations::ExpectationNotMetError => e
    e.message
  else
    raise "the expectation was met"
  end
end
